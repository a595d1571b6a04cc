"""How related two occupations are, looked up in a table that was made beforehand.

The table holds one row of whole numbers for each ESCO occupation, made from `likeness.OccupationSpace` by
`tools/occupation_relatedness.py`; `careweave bench quality next-occupation` measures it. Nothing is embedded to use it,
and since sums of whole numbers are exact, a pair has the same relatedness wherever and beside whatever it is asked for.
"""

from collections.abc import Iterable, Sequence
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from careweave import datasets
from careweave.embedding.port import Vectors

Codes = npt.NDArray[np.int8]
"""(n, width): the row of each occupation, from -127 to 127."""
Numbers = npt.NDArray[np.float64]
FOLDER: Final = "occupation-relatedness"
UNKNOWN: Final = -1.0
"""Relatedness where one of the two occupations is not in the table."""
_FLOOR: Final = 0.165
"""Likeness that reads as unrelated: four in five pairs of occupations lie below."""
_LARGEST: Final = 127


class Relatedness:
    """The table. Occupations are known by their row; the row after the last one stands for those not in it."""

    def __init__(self, names: Sequence[str], codes: Codes) -> None:
        """Take the rows `codes` of the occupations `names`, aligned."""
        self.names = tuple(names)
        self.nobody = len(self.names)
        self._rows = {name: row for row, name in enumerate(self.names)}
        self._codes = codes.astype(np.int32)
        self._lengths = np.sqrt((self._codes * self._codes).sum(axis=1).astype(np.float64))
        self._table = np.empty((self.nobody + 1, self.nobody + 1))  # takes memory only where it is filled
        self._filled = np.zeros(self.nobody + 1, np.bool_)

    @cached_property
    def digest(self) -> str:
        """Half of the SHA-256 of the table, 32 hexadecimal digits."""
        return sha256("\n".join(self.names).encode() + self._codes.astype(np.int8).tobytes()).hexdigest()[:32]

    def row(self, occupation: str) -> int:
        """Return the row of an occupation by resource name; `nobody` if it is not in the table."""
        return self._rows.get(occupation, self.nobody)

    def likeness(self, ones: Sequence[str], others: Sequence[str]) -> Vectors:
        """Return (len(ones), len(others)): the likeness of occupations by name, -1 to 1.

        Raises:
            KeyError: one of them is not in the table.
        """
        columns = [self._rows[name] for name in others]
        found: Vectors = np.stack([self._cosines(self._rows[name])[columns] for name in ones]).astype(np.float32)
        return found

    def _cosines(self, row: int) -> Numbers:
        products = (self._codes @ self._codes[row]).astype(np.float64)
        found: Numbers = products / (self._lengths * self._lengths[row])
        return found

    def of(self, row: int) -> Numbers:
        """Return (n + 1,): the relatedness, 0 to 1, of the occupation in `row` with each; `UNKNOWN` for `nobody`."""
        found: Numbers = self.ready((row,))[row]
        return found

    def ready(self, rows: Iterable[int]) -> Numbers:
        """Return (n + 1, n + 1): the relatedness of occupations; only `rows` are sure to be right."""
        for row in rows:
            if not self._filled[row]:
                self._table[row] = self._related(row)
                self._filled[row] = True
        return self._table

    def _related(self, row: int) -> Numbers:
        found = np.full(self.nobody + 1, UNKNOWN)
        if row != self.nobody:
            found[: self.nobody] = np.clip((self._cosines(row) - _FLOOR) / (1.0 - _FLOOR), 0.0, 1.0)
            found[row] = 1.0
        return found


def rounded(vectors: Vectors) -> Codes:
    """Return each vector scaled so that its largest number is 127, in whole numbers."""
    largest = np.maximum(np.abs(vectors).max(axis=1, keepdims=True), np.finfo(np.float32).tiny)
    codes: Codes = np.rint(vectors * (_LARGEST / largest)).astype(np.int8)
    return codes


def read_relatedness(folder: Path | None = None) -> Relatedness:
    """Return the packaged table, or the one in `folder`."""
    place = folder or datasets.folder(FOLDER)
    names = (place / "occupations.txt").read_text(encoding="utf-8").splitlines()
    return Relatedness(names, np.load(place / "codes.npy", allow_pickle=False))


NONE: Final = Relatedness((), np.zeros((0, 1), np.int8))
"""A table without occupations: nothing is known to be related."""
