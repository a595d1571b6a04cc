"""The same question put to Neo4j alone; see `peer_questions`."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Final, TypeVar

import neo4j

from benchmarks.peer_questions import SEMANTIC, SHOWN, Asker, Offer

SETTINGS: Final = {
    "server.memory.heap.initial_size": "2g",
    "server.memory.heap.max_size": "2g",
    "server.memory.pagecache.size": "1g",
}
_T = TypeVar("_T")
_FITS: Final = """(a.unsocial OR NOT o.unsocial) AND (o.most = 0 OR o.most >= a.least)
    AND (o.most = 0 OR a.most = 0 OR o.least <= a.most)"""
_SCORED: Final = f"""OPTIONAL MATCH (o)-[r:ASKS]->(s:Skill) WHERE s.id IN a.skills
WITH o, cosine, sum(r.share) AS covered
RETURN o.id AS id ORDER BY {SEMANTIC} * cosine + covered DESC, id LIMIT {SHOWN}"""
WAYS: Final = {
    "exact, skills by relationships": f"""MATCH (a:Asker {{id: $id}})
MATCH (p:District) WHERE p.id IN a.places
MATCH (p)<-[:AT]-(o:Offer) WHERE {_FITS}
WITH a, o, 2 * vector.similarity.cosine(o.embedding, a.embedding) - 1 AS cosine
{_SCORED}""",
    "exact, skills in arrays": f"""MATCH (a:Asker {{id: $id}})
MATCH (p:District) WHERE p.id IN a.places
MATCH (p)<-[:AT]-(o:Offer) WHERE {_FITS}
WITH o, 2 * vector.similarity.cosine(o.embedding, a.embedding) - 1 AS cosine,
    reduce(sum = 0.0, at IN range(0, size(o.skills) - 1) |
        sum + CASE WHEN o.skills[at] IN a.skills THEN o.shares[at] ELSE 0.0 END) AS covered
RETURN o.id AS id ORDER BY {SEMANTIC} * cosine + covered DESC, id LIMIT {SHOWN}""",
    "vector index 1,000": f"""MATCH (a:Asker {{id: $id}})
CALL db.index.vector.queryNodes('offers', 1000, a.embedding) YIELD node AS o, score
WITH a, o, 2 * score - 1 AS cosine WHERE o.place IN a.places AND {_FITS}
{_SCORED}""",
    "vector index 200": f"""MATCH (a:Asker {{id: $id}})
CALL db.index.vector.queryNodes('offers', 200, a.embedding) YIELD node AS o, score
WITH a, o, 2 * score - 1 AS cosine WHERE o.place IN a.places AND {_FITS}
{_SCORED}""",
}


def fill(url: str, password: str, offers: Iterable[Offer], askers: Iterable[Asker], width: int) -> None:
    """Put everything into an empty graph and wait until it is indexed."""
    with neo4j.GraphDatabase.driver(url, auth=("neo4j", password)) as driver:
        for label in ("Offer", "Asker", "Skill", "District"):
            driver.execute_query(f"CREATE CONSTRAINT FOR (n:{label}) REQUIRE n.id IS UNIQUE")
        offers = list(offers)
        skills = sorted({skill for offer in offers for skill in offer.shares})
        driver.execute_query("UNWIND $ids AS id CREATE (:Skill {id: id})", ids=skills)
        driver.execute_query(
            "UNWIND $ids AS id CREATE (:District {id: id})", ids=sorted({offer.place for offer in offers})
        )
        for batch in _batches([_offer(each) for each in offers], 1000):
            driver.execute_query(
                "UNWIND $rows AS row MATCH (p:District {id: row.place}) "
                "CREATE (o:Offer {id: row.id, place: row.place, least: row.least, most: row.most, "
                "unsocial: row.unsocial, skills: row.skills, shares: row.shares})-[:AT]->(p) "
                "WITH o, row CALL db.create.setNodeVectorProperty(o, 'embedding', row.embedding) "
                "WITH o, row UNWIND range(0, size(row.skills) - 1) AS at MATCH (s:Skill {id: row.skills[at]}) "
                "CREATE (o)-[:ASKS {share: row.shares[at]}]->(s)",
                rows=batch,
            )
        for batch in _batches([_asker(each) for each in askers], 1000):
            driver.execute_query(
                "UNWIND $rows AS row CREATE (a:Asker {id: row.id, places: row.places, least: row.least, "
                "most: row.most, unsocial: row.unsocial, skills: row.skills}) "
                "WITH a, row CALL db.create.setNodeVectorProperty(a, 'embedding', row.embedding)",
                rows=batch,
            )
        driver.execute_query(
            "CREATE VECTOR INDEX offers FOR (o:Offer) ON o.embedding OPTIONS {indexConfig: "
            f"{{`vector.dimensions`: {width}, `vector.similarity_function`: 'cosine'}}}}"
        )
        driver.execute_query("CALL db.awaitIndexes(600)")


def _offer(offer: Offer) -> dict[str, Any]:
    return {
        "id": offer.number, "place": offer.place, "least": offer.least_hours, "most": offer.most_hours,
        "unsocial": offer.unsocial, "skills": list(offer.shares), "shares": list(offer.shares.values()),
        "embedding": offer.vector.tolist(),
    }  # fmt: skip


def _asker(asker: Asker) -> dict[str, Any]:
    return {
        "id": asker.number, "places": asker.places, "least": asker.least_hours, "most": asker.most_hours,
        "unsocial": asker.unsocial, "skills": asker.skills, "embedding": asker.vector.tolist(),
    }  # fmt: skip


def _batches(rows: list[_T], size: int) -> Iterator[list[_T]]:
    remaining = iter(rows)
    while batch := list(islice(remaining, size)):
        yield batch


def answer(session: neo4j.Session, query: str, number: int) -> list[int]:
    """Return the numbers of the opportunities that the person `number` is answered with."""
    return [row["id"] for row in session.run(query, id=number)]
