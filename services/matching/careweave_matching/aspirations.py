"""Vectors of what people wrote of their aspirations, kept beside the profile so that a start embeds none again.

Each hangs on a relationship from the person to the model that made it. So it goes with the person, in the
transaction that erases them, and lies nowhere but where the words themselves lie.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

import numpy as np

from careweave.embedding.port import Vectors
from careweave.graph.port import Graph, Query, Reads
from careweave_matching.aims import parts_of
from careweave_matching.model import Person

KEPT: Final = Query(
    "aspirations_kept",
    "UNWIND $names AS wanted MATCH (p:Person {name: wanted}) "
    "OPTIONAL MATCH (p)-[r:ASPIRES]->(m:EmbeddingModel {name: $model}) WITH p, r, m WHERE m.name IS NOT NULL "
    "RETURN p.name AS person, r.digest AS digest, r.vectors AS vectors",
)
DROP: Final = Query(
    "drop_aspirations",
    "UNWIND $names AS wanted MATCH (p:Person {name: wanted}) OPTIONAL MATCH (p)-[r:ASPIRES]->(:EmbeddingModel) "
    "DELETE r",
)
_FLOAT: Final = np.dtype("<f4")


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of some people: the digest of what each wrote then, and the vectors of the parts of it, by part."""

    digests: Mapping[str, str]
    by_part: Mapping[str, Vectors]


async def read(reads: Reads, model: str, people: Sequence[Person]) -> Kept:
    """Return what is kept of `people` for `model`, vectors only of what they still write."""
    parts = {person.name: parts_of(person.wishes.aspiration) for person in people}
    digests: dict[str, str] = {}
    by_part: dict[str, Vectors] = {}
    for row in await reads.run(KEPT, names=list(parts), model=model) if parts else ():
        name, digest, packed = str(row["person"]), str(row["digest"]), row["vectors"]
        digests[name] = digest
        if isinstance(packed, bytes) and parts[name] and digest == _digest(parts[name]):
            vectors = np.frombuffer(packed, _FLOAT).reshape(len(parts[name]), -1)
            by_part.update(zip(parts[name], vectors, strict=True))
    return Kept(digests, by_part)


async def write(graph: Graph, model: str, kept: Kept, people: Sequence[Person], fresh: Mapping[str, Vectors]) -> None:
    """Keep the vectors of what `people` write now, of which `fresh` (by part) are new, and no others.

    Nothing is kept of a person who is gone meanwhile.
    """
    known = {**kept.by_part, **fresh}
    parts = {person.name: parts_of(person.wishes.aspiration) for person in people}
    rows = [
        {"source": name, "target": model, "digest": _digest(written), "vectors": _packed(written, known)}
        for name, written in parts.items()
        if written and kept.digests.get(name) != _digest(written)
    ]
    gone = [name for name, written in parts.items() if not written and name in kept.digests]
    if not rows and not gone:
        return
    async with graph.unit_of_work() as unit:
        if gone:
            await unit.run(DROP, names=gone)
        if rows:
            await unit.merge_nodes("EmbeddingModel", [{"name": model}])
            await unit.merge_relationships("ASPIRES", "Person", "EmbeddingModel", rows)


def _packed(parts: Sequence[str], known: Mapping[str, Vectors]) -> bytes:
    packed: bytes = np.stack([known[part] for part in parts]).astype(_FLOAT).tobytes()
    return packed


def _digest(parts: Sequence[str]) -> str:
    return sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()
