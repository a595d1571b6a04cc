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
from careweave_matching.model import Person

KEPT: Final = Query(
    "aspirations_kept",
    "UNWIND $names AS wanted MATCH (p:Person {name: wanted}) "
    "OPTIONAL MATCH (p)-[r:ASPIRES]->(m:EmbeddingModel {name: $model}) WITH p, r, m WHERE m.name IS NOT NULL "
    "RETURN p.name AS person, r.digest AS digest, r.vector AS vector",
)
DROP: Final = Query(
    "drop_aspirations",
    "UNWIND $names AS wanted MATCH (p:Person {name: wanted}) OPTIONAL MATCH (p)-[r:ASPIRES]->(:EmbeddingModel) "
    "DELETE r",
)
_FLOAT: Final = np.dtype("<f4")


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of some people: the digest of what each wrote then, and the vectors of what they write now."""

    digests: Mapping[str, str]
    by_text: Mapping[str, Vectors]


async def read(reads: Reads, model: str, people: Sequence[Person]) -> Kept:
    """Return what is kept of `people` for `model`."""
    texts = {person.name: person.wishes.aspiration.strip() for person in people}
    digests: dict[str, str] = {}
    by_text: dict[str, Vectors] = {}
    for row in await reads.run(KEPT, names=list(texts), model=model) if texts else ():
        name, digest, packed = str(row["person"]), str(row["digest"]), row["vector"]
        digests[name] = digest
        if isinstance(packed, bytes) and texts[name] and digest == _digest(texts[name]):
            by_text[texts[name]] = np.frombuffer(packed, _FLOAT)
    return Kept(digests, by_text)


async def write(graph: Graph, model: str, kept: Kept, people: Sequence[Person], fresh: Mapping[str, Vectors]) -> None:
    """Keep the vectors of what `people` write now, of which `fresh` (by text) are new, and no others.

    Nothing is kept of a person who is gone meanwhile.
    """
    known = {**kept.by_text, **fresh}
    texts = {person.name: person.wishes.aspiration.strip() for person in people}
    rows = [
        {"source": name, "target": model, "digest": _digest(text), "vector": known[text].astype(_FLOAT).tobytes()}
        for name, text in texts.items()
        if text in known and kept.digests.get(name) != _digest(text)
    ]
    gone = [name for name, text in texts.items() if not text and name in kept.digests]
    if not rows and not gone:
        return
    async with graph.unit_of_work() as unit:
        if gone:
            await unit.run(DROP, names=gone)
        if rows:
            await unit.merge_nodes("EmbeddingModel", [{"name": model}])
            await unit.merge_relationships("ASPIRES", "Person", "EmbeddingModel", rows)


def _digest(text: str) -> str:
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
