"""The same question put to PostgreSQL with pgvector; see `peer_questions`."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import psycopg

from benchmarks.peer_questions import SEMANTIC, SHOWN, Asker, Offer, Vectors

SETTINGS: Final = {
    "shared_buffers": "2GB",
    "work_mem": "64MB",
    "maintenance_work_mem": "2GB",
    "max_parallel_maintenance_workers": "2",
    "max_parallel_workers_per_gather": "0",
    "jit": "off",
    "random_page_cost": "1.1",
    "synchronous_commit": "off",
}
"""Of the server: all fits in memory; a call uses one core, as ours does; compiling plans costs more than it gains."""
_TABLES: Final = """
CREATE EXTENSION vector;
CREATE TABLE opportunities (id int PRIMARY KEY, place int NOT NULL, least real NOT NULL, most real NOT NULL,
    unsocial bool NOT NULL, skills int[] NOT NULL, shares real[] NOT NULL, embedding vector({width}) NOT NULL);
ALTER TABLE opportunities ALTER embedding SET STORAGE PLAIN;
CREATE TABLE requirements (opportunity int NOT NULL, skill int NOT NULL, share real NOT NULL);
CREATE TABLE askers (id int PRIMARY KEY, places int[] NOT NULL, least real NOT NULL, most real NOT NULL,
    unsocial bool NOT NULL, skills int[] NOT NULL, embedding vector({width}) NOT NULL);
ALTER TABLE askers ALTER embedding SET STORAGE PLAIN
"""
_INDEXES: Final = """
CREATE INDEX ON opportunities (place);
CREATE INDEX ON requirements (opportunity, skill) INCLUDE (share);
CREATE INDEX ON opportunities USING hnsw (embedding vector_cosine_ops) WITH (m = 16, ef_construction = 64);
"""
_FITS: Final = """(a.unsocial OR NOT o.unsocial) AND (o.most = 0 OR o.most >= a.least)
    AND (o.most = 0 OR a.most = 0 OR o.least <= a.most)"""
_COSINE: Final = f"{SEMANTIC} * (1 - (o.embedding <=> a.embedding))"
_BY_ROWS: Final = "(SELECT sum(r.share) FROM requirements r WHERE r.opportunity = o.id AND r.skill = ANY(a.skills))"
_BY_ARRAYS: Final = (
    "(SELECT sum(u.share) FROM unnest(o.skills, o.shares) u(skill, share) WHERE u.skill = ANY(a.skills))"
)


def _exact(covered: str) -> str:
    return f"""SELECT o.id FROM askers a JOIN opportunities o ON o.place = ANY(a.places)
    WHERE a.id = %s AND {_FITS} ORDER BY {_COSINE} + coalesce({covered}, 0) DESC, o.id LIMIT {SHOWN}"""  # noqa: S608


def _nearest(covered: str, first: int) -> str:
    return f"""WITH a AS MATERIALIZED (SELECT * FROM askers WHERE id = %s), near AS MATERIALIZED (
        SELECT o.* FROM opportunities o WHERE o.place = ANY((SELECT places FROM a)::int[])
        ORDER BY o.embedding <=> (SELECT embedding FROM a) LIMIT {first})
    SELECT o.id FROM near o, a WHERE {_FITS} ORDER BY {_COSINE} + coalesce({covered}, 0) DESC, o.id LIMIT {SHOWN}"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class Way:
    """A way of asking. session: what is set for it."""

    name: str
    query: str
    session: tuple[str, ...] = ()


_WITH_INDEX: Final = ("SET enable_seqscan = off", "SET enable_sort = on")
_BY_PLACE: Final = ("SET enable_indexscan = on",)
WAYS: Final = (
    Way("exact, skills in a table", _exact(_BY_ROWS), _BY_PLACE),
    Way("exact, skills in arrays", _exact(_BY_ARRAYS), _BY_PLACE),
    Way(
        "HNSW 200, arrays",
        _nearest(_BY_ARRAYS, 200),
        ("SET hnsw.ef_search = 200", "SET hnsw.iterative_scan = relaxed_order"),
    ),
    Way(
        "HNSW 40, arrays",
        _nearest(_BY_ARRAYS, 40),
        ("SET hnsw.ef_search = 40", "SET hnsw.iterative_scan = relaxed_order"),
    ),
)


def fill(url: str, offers: Iterable[Offer], askers: Iterable[Asker], width: int) -> None:
    """Put everything into an empty database, index it and have it analysed."""
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in _TABLES.format(width=width).split(";"):
            connection.execute(statement)
        with connection.cursor() as cursor:
            offers = list(offers)
            _copy(cursor, "opportunities", ((o.number, o.place, o.least_hours, o.most_hours, o.unsocial, list(o.shares),
                                             list(o.shares.values()), _text(o.vector)) for o in offers))  # fmt: skip
            _copy(
                cursor, "requirements", ((o.number, skill, share) for o in offers for skill, share in o.shares.items())
            )
            _copy(cursor, "askers", ((a.number, a.places, a.least_hours, a.most_hours, a.unsocial, a.skills,
                                      _text(a.vector)) for a in askers))  # fmt: skip
        for statement in _INDEXES.split(";"):
            if statement.strip():
                connection.execute(statement)
        connection.execute("VACUUM (ANALYZE)")


def _copy(cursor: psycopg.Cursor[Any], table: str, rows: Iterable[tuple[Any, ...]]) -> None:
    with cursor.copy(f"COPY {table} FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def _text(vector: Vectors) -> str:
    return "[" + ",".join(map(str, np.asarray(vector, np.float32).tolist())) + "]"


def answer(connection: psycopg.Connection[Any], way: Way, number: int) -> list[int]:
    """Return the numbers of the opportunities that the person `number` is answered with."""
    return [row[0] for row in connection.execute(way.query, (number,), prepare=True).fetchall()]
