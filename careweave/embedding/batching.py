"""Texts of like length together, one batch a core: what every adapter of a model on this machine does."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import numpy as np

from careweave.embedding.port import Vectors

_MOST_TEXTS: Final = 64
_MOST_CHARACTERS: Final = 8_192
"""Of a batch, padding included: what ran fastest, for labels and for descriptions."""
_MOST_THREADS: Final = 8


class Cores:
    """Spreads texts over cores, each of which takes whole batches.

    Cores that share one batch spend twice the time waiting for each other.
    """

    def __init__(self, threads: int | None = None) -> None:
        """Use `threads` cores; as many as this process may use, at most 8, if not given."""
        self.count = threads or usable_cores()
        self._pool = ThreadPoolExecutor(self.count, "embedding")

    def embed(self, texts: Sequence[str], dimension: int, forward: Callable[[list[str]], Vectors]) -> Vectors:
        """Return (len(texts), dimension), made by `forward` from batches of at most 64 texts."""
        vectors = np.zeros((len(texts), dimension), dtype=np.float32)
        batches = list(by_length(texts))
        if len(batches) == 1:
            return forward(list(texts))
        parts = self._pool.map(lambda places: forward([texts[place] for place in places]), batches)
        for places, part in zip(batches, parts, strict=True):
            vectors[places] = part
        return vectors


def usable_cores() -> int:
    """Return how many cores this process may use, at most 8."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(_MOST_THREADS, usable)


def by_length(texts: Sequence[str]) -> Iterator[list[int]]:
    """Yield the places of texts of like length together, so that little is padded."""
    order = sorted(range(len(texts)), key=lambda place: (len(texts[place]), texts[place]))
    start = 0
    while start < len(order):
        end = start + 1
        while end < len(order) and end - start < _MOST_TEXTS:
            if (end - start + 1) * len(texts[order[end]]) > _MOST_CHARACTERS:
                break
            end += 1
        yield order[start:end]
        start = end


def unit(vectors: Vectors) -> Vectors:
    """Return `vectors` at length 1; those of length 0 stay so."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True).astype(np.float32)
    scaled: Vectors = vectors / np.maximum(lengths, np.finfo(np.float32).tiny)
    return scaled
