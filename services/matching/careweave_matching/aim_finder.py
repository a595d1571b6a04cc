"""Which occupations people aim at who say so in their own words."""

import asyncio
from typing import Final

import numpy as np

from careweave.embedding.port import Embedder, Vectors
from careweave_matching.taxonomy import Taxonomy

Aims = tuple[tuple[int, float], ...]
"""Rows of occupations in `Taxonomy.relatedness`, each with how clearly it is aimed at, 0 to 1."""
_MOST: Final = 4
_MOST_REMEMBERED: Final = 4096
"""Answers kept: many people write much the same."""
_FLOOR: Final = 0.375
"""Cosine of a part of what is written and an occupation's name that reads as not meant at all."""
_CEILING: Final = 0.62
"""Cosine that reads as named outright. As many pairs lie above the two as above 0.45 and 0.70 with plain MiniLM."""


class AimFinder:
    """Compares what is written with the names of all occupations; these are embedded once, when first needed."""

    def __init__(self, embedder: Embedder, taxonomy: Taxonomy) -> None:
        """Begin without vectors."""
        self._embedder = embedder
        names = taxonomy.relatedness.names
        self._labels = [known.label if (known := taxonomy.occupations.get(name)) else "" for name in names]
        self._vectors: Vectors | None = None
        self._found: dict[bytes, Aims] = {}

    async def learn(self) -> None:
        """Embed the names, or read them from the embedder's cache, unless that is done."""
        if self._vectors is None and self._labels:
            self._vectors = await asyncio.to_thread(self._embedder.embed, self._labels)

    def find(self, written: Vectors | None) -> Aims:
        """Return the occupations nearest to any of the vectors `written` (m, d), at most four; ties by row."""
        if written is None or self._vectors is None:
            return ()
        key = written.tobytes()
        found = self._found.get(key)
        if found is None:
            if len(self._found) >= _MOST_REMEMBERED:
                self._found.clear()
            found = self._found[key] = _nearest(self._vectors, written)
        return found


def _nearest(names: Vectors, written: Vectors) -> Aims:
    # One product for each part: of one shape always, so that an occupation's does not depend on the other parts.
    cosines = np.max([names @ part for part in written], axis=0)
    best = np.argsort(-cosines, kind="stable")[:_MOST]
    clear = np.clip((cosines[best].astype(np.float64) - _FLOOR) / (_CEILING - _FLOOR), 0.0, 1.0)
    return tuple((row, share) for row, share in zip(best.tolist(), clear.tolist(), strict=True) if share > 0.0)
