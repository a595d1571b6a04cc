"""Embedding by ONNX Runtime on the CPU, which needs no torch; careweave-minilm is packaged in `data/embedder`.

A folder of this form holds `model.onnx` (token ids and mask → vectors), `tokenizer.json` and `embedder.json`
(`dimension`, `most_tokens`); `python -m training convert` makes one from a folder of sentence-transformers.
"""

import hashlib
import json
import logging
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from careweave import datasets
from careweave.embedding.batching import Cores, unit
from careweave.embedding.port import Vectors
from careweave.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from onnxruntime import InferenceSession
    from tokenizers import Tokenizer

PACKAGED: Final = "careweave-minilm"
"""The model in `data/embedder`: all-MiniLM-L6-v2 fitted to health and social care, with weights in eight bits."""

_LOG: Final = logging.getLogger(__name__)
_FILES: Final = ("model.onnx", "tokenizer.json", "embedder.json")


@dataclass(frozen=True, slots=True)
class _Loaded:
    session: "InferenceSession"
    tokenizer: "Tokenizer"


class OnnxEmbedder:
    """An `Embedder` over one model, loaded on the first call; safe to call from several threads.

    Texts are cut after the number of tokens that the model allows (256 for the packaged one). All products are of
    float32, so a text has the same vector on every processor and beside whatever texts, to the last bits (1e-6).
    """

    def __init__(self, model: str, threads: int | None = None) -> None:
        """Take the model's name or folder; nothing heavy happens yet.

        model: `careweave-minilm`, or a folder of the form above.
        threads: how many cores to use; as many as this process may use if not given.

        Raises:
            Unavailable: there is no such model.
        """
        self._folder = _folder(model)
        self.model, self.dimension, self._most_tokens = _described(self._folder, model)
        self._cores = Cores(threads)
        self._loading = threading.Lock()
        self._loaded: _Loaded | None = None

    def embed(self, texts: "Sequence[str]") -> Vectors:
        """Return an array (len(texts), dimension) of unit vectors.

        Raises:
            Unavailable: the model cannot be loaded.
        """
        if not texts:
            return np.zeros((0, self.dimension), dtype=np.float32)
        loaded = self._load_once()
        return self._cores.embed(texts, self.dimension, lambda batch: _forward(loaded, batch))

    def embed_transient(self, texts: "Sequence[str]") -> Vectors:
        """Return the same as `embed`; nothing is kept by either."""
        return self.embed(texts)

    def _load_once(self) -> _Loaded:
        with self._loading:
            if self._loaded is None:
                self._loaded = self._load()
            return self._loaded

    def _load(self) -> _Loaded:
        try:
            loaded = _Loaded(_session(self._folder / "model.onnx"), _tokenizer(self._folder, self._most_tokens))
        except Exception as error:  # Both libraries raise bare exceptions of their own for a file that is damaged.
            raise Unavailable(
                f"The embedding model in {self._folder} cannot be loaded ({type(error).__name__}: {error}). "
                "Check CAREWEAVE_EMBEDDER, or leave it out to use the packaged model.",
                reason="MODEL_NOT_LOADED",
                metadata={"model": self.model},
            ) from error
        _LOG.info("embedding model loaded", extra={"model": self.model, "threads": self._cores.count})
        return loaded


def _session(file: Path) -> "InferenceSession":
    from onnxruntime import InferenceSession, SessionOptions  # only where it is used

    options = SessionOptions()
    options.intra_op_num_threads = 1  # `Cores` spreads batches; within one, threads wait more than they work.
    # Stored weights become float32 once, at loading; else products would be rounded as each processor likes.
    options.add_session_config_entry("session.disable_quant_qdq", "1")
    return InferenceSession(str(file), options, providers=["CPUExecutionProvider"])


def _tokenizer(folder: Path, most_tokens: int) -> "Tokenizer":
    from tokenizers import Tokenizer  # only where it is used

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()  # Padding is kept in the tokenizer, which several threads share.
    tokenizer.enable_truncation(most_tokens)
    return tokenizer


def _forward(loaded: _Loaded, texts: "Sequence[str]") -> Vectors:
    tokens = [loaded.tokenizer.encode(text).ids for text in texts]
    shape = len(tokens), max(map(len, tokens))
    ids: npt.NDArray[np.int64] = np.zeros(shape, dtype=np.int64)
    mask: npt.NDArray[np.int64] = np.zeros(shape, dtype=np.int64)
    for row, each in enumerate(tokens):
        ids[row, : len(each)] = each
        mask[row, : len(each)] = 1
    (vectors,) = loaded.session.run(None, {"input_ids": ids, "attention_mask": mask})
    return unit(np.asarray(vectors, dtype=np.float32))


def _folder(model: str) -> Path:
    folder = datasets.folder("embedder") if model == PACKAGED else Path(model).expanduser()
    missing = [name for name in _FILES if not (folder / name).is_file()]
    if missing:
        raise Unavailable(
            f"{folder} is no folder with a model in ONNX form: it lacks {', '.join(missing)}. "
            "Check CAREWEAVE_EMBEDDER, or leave it out to use the packaged model.",
            reason="MODEL_NOT_FOUND",
        )
    return folder


def _described(folder: Path, model: str) -> tuple[str, int, int]:
    """Return (name with a digest of weights and tokenizer, dimension, most tokens of a text)."""
    digest = hashlib.sha256()
    for name in ("model.onnx", "tokenizer.json"):
        digest.update((folder / name).read_bytes())
    name = model if model == PACKAGED else folder.resolve().name
    try:
        described = json.loads((folder / "embedder.json").read_text(encoding="utf-8"))
        return f"{name}@{digest.hexdigest()[:12]}", int(described["dimension"]), int(described["most_tokens"])
    except (ValueError, KeyError, TypeError) as error:
        raise Unavailable(
            f"{folder / 'embedder.json'} does not say dimension and most_tokens ({error}); make the folder anew.",
            reason="MODEL_NOT_FOUND",
        ) from error
