"""Vectors kept on disk by model and text, so that a second start computes none.

One SQLite file per model. Its rows are found by the SHA-256 of the text, never by the text, and each
carries a checksum. The folder may be deleted or damaged at any time: what cannot be read is computed
again. What cannot be written (a full disk) is computed again next time.
"""

import hashlib
import logging
import re
import sqlite3
import threading
import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from careweave.embedding.port import Embedder, Vectors

_LOG: Final = logging.getLogger(__name__)
_READ_AT_ONCE: Final = 500
_WRITE_AT_ONCE: Final = 512
_WAIT_SECONDS: Final = 30.0
_CHECKSUM_BYTES: Final = 4
_MOST_TRANSIENT: Final = 1024

Vector: TypeAlias = npt.NDArray[np.float32]
"""One vector, of the model's dimension."""
_Item = TypeVar("_Item")


class CachedEmbedder:
    """An `Embedder` that asks another one only for texts that it has not seen.

    Safe for several threads, of which one at a time computes, and for several processes on one folder,
    which at worst compute the same text twice. `embed_transient` leaves nothing on disk: use it for
    whatever people write.
    """

    def __init__(self, inner: Embedder, folder: Path) -> None:
        """Keep the vectors of `inner` in a file of its model under `folder`, which is made if needed."""
        self._inner = inner
        self.model = inner.model
        self.dimension = inner.dimension
        self._shelf = _Shelf(folder / f"{_file_name(inner.model)}.sqlite", inner.dimension)
        self._transient: OrderedDict[str, Vector] = OrderedDict()
        self._lock = threading.Lock()
        self._computing = threading.Lock()

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return an array (len(texts), dimension) of unit vectors, computing those that are not kept yet.

        What is computed is kept after every 512 texts, so that an interruption loses little.

        Raises:
            Unavailable: the model cannot be loaded, and some text is not kept.
        """
        keys = [_key(text) for text in texts]
        known = self._shelf.read(keys)
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
        for part in _parts(list(missing.items()), _WRITE_AT_ONCE):
            known.update(self._computed(dict(part)))
        return self._stacked([known[key] for key in keys])

    def kept(self, texts: Sequence[str]) -> Sequence[bool]:
        """Tell for each text whether its vector is on disk."""
        keys = [_key(text) for text in texts]
        known = self._shelf.read(keys)
        return [key in known for key in keys]

    def embed_transient(self, texts: Sequence[str]) -> Vectors:
        """Return the same as `embed`, for what people write: at most 1,024 are remembered, in memory alone."""
        with self._lock:
            known = {text: self._transient[text] for text in texts if text in self._transient}
        if missing := [text for text in dict.fromkeys(texts) if text not in known]:
            fresh = self._inner.embed_transient(missing)
            known.update(zip(missing, fresh, strict=True))
        with self._lock:
            for text in texts:
                self._transient[text] = known[text]
                self._transient.move_to_end(text)
            while len(self._transient) > _MOST_TRANSIENT:
                self._transient.popitem(last=False)
        return self._stacked([known[text] for text in texts])

    def _computed(self, texts: Mapping[bytes, str]) -> dict[bytes, Vector]:
        """Compute and keep the vectors of `texts`, but for those that another thread has kept by now."""
        with self._computing:
            known = self._shelf.read(list(texts))
            missing = [key for key in texts if key not in known]
            if missing:
                fresh = dict(zip(missing, self._inner.embed([texts[key] for key in missing]), strict=True))
                self._shelf.write(fresh)
                known.update(fresh)
            return known

    def _stacked(self, vectors: list[Vector]) -> Vectors:
        return np.stack(vectors) if vectors else np.zeros((0, self.dimension), dtype=np.float32)


class _Shelf:
    """The file. Every failure to read is an absence; every failure to write is a warning."""

    def __init__(self, file: Path, dimension: int) -> None:
        self._file = file
        self._dimension = dimension
        self._lock = threading.Lock()

    def read(self, keys: Sequence[bytes]) -> dict[bytes, Vector]:
        found: dict[bytes, Vector] = {}

        def collect(connection: sqlite3.Connection) -> None:
            for part in _parts(list(dict.fromkeys(keys)), _READ_AT_ONCE):
                marks = ",".join("?" * len(part))
                found.update(self._sound(connection.execute(
                    f"SELECT key, vector FROM vectors WHERE key IN ({marks})", part  # noqa: S608  marks alone
                )))  # fmt: skip

        self._attempt(collect, "read")
        return found

    def write(self, vectors: Mapping[bytes, Vector]) -> None:
        rows = [(key, _packed(vector)) for key, vector in vectors.items()]
        self._attempt(lambda to: to.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?)", rows), "write")

    def _sound(self, rows: Iterator[tuple[bytes, bytes]]) -> Iterator[tuple[bytes, Vector]]:
        for key, packed in rows:
            body, checksum = packed[:-_CHECKSUM_BYTES], packed[-_CHECKSUM_BYTES:]
            if len(body) == 4 * self._dimension and zlib.crc32(body).to_bytes(_CHECKSUM_BYTES) == checksum:
                yield key, np.frombuffer(body, dtype="<f4")

    def _attempt(self, work: Callable[[sqlite3.Connection], object], verb: str) -> None:
        """Do `work`; a file that is no sound database is removed, and the work done on a new one."""
        for _ in range(2):
            try:
                with self._lock, self._open() as connection:
                    work(connection)
            except sqlite3.OperationalError as error:  # Locked for long, disk full, not writable.
                _LOG.warning("embedding cache: could not %s", verb, extra=self._about(error))
            except (sqlite3.DatabaseError, OSError) as error:
                _LOG.warning("embedding cache is damaged, starting a new one", extra=self._about(error))
                self._remove()
                continue
            return

    def _about(self, error: Exception) -> dict[str, str]:
        return {"file": str(self._file), "problem": str(error)}

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(self._file, timeout=_WAIT_SECONDS)) as connection, connection:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=NORMAL")  # A cache may lose its last rows in a power cut.
            connection.execute("CREATE TABLE IF NOT EXISTS vectors (key BLOB PRIMARY KEY, vector BLOB NOT NULL)")
            yield connection

    def _remove(self) -> None:
        for suffix in ("", "-wal", "-shm"):
            try:
                self._file.with_name(self._file.name + suffix).unlink(missing_ok=True)
            except OSError as error:
                _LOG.warning("embedding cache: could not remove", extra=self._about(error))


def _key(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def _packed(vector: Vector) -> bytes:
    body = vector.astype("<f4").tobytes()
    return body + zlib.crc32(body).to_bytes(_CHECKSUM_BYTES)


def _file_name(model: str) -> str:
    return re.sub(r"[^A-Za-z0-9@._-]+", "_", model)


def _parts(whole: list[_Item], size: int) -> Iterator[list[_Item]]:
    for start in range(0, len(whole), size):
        yield whole[start : start + size]
