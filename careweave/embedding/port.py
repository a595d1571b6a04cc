"""What an embedding model must do."""

from collections.abc import Sequence
from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

Vectors: TypeAlias = npt.NDArray[np.float32]


class Embedder(Protocol):
    """Turns texts into vectors whose dot product is their likeness in meaning."""

    model: str
    """Name and version; part of every cache key and every recorded decision."""
    dimension: int
    """Length of a vector."""

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return an array (len(texts), dimension) of unit vectors; deterministic for a text.

        Raises:
            Unavailable: the model cannot be loaded.
        """
        ...

    def embed_transient(self, texts: Sequence[str]) -> Vectors:
        """Return the same as `embed`, for what people write about themselves: nothing of it is kept on disk."""
        ...
