"""The learned part of the likeness of occupations: which directions of their vectors tell related ones apart.

A linear map, fitted by `tools/fit_likeness.py` on one half of the judged next-occupation set. It belongs to the
embedding model that it was fitted with: vectors of another model mean other things, and are then compared as they are.
"""

import json
from pathlib import Path
from typing import Final

import numpy as np

from careweave import datasets
from careweave.embedding.port import Vectors
from careweave_matching.relatedness import FOLDER

MAP: Final = "metric.npy"
ABOUT: Final = "metric.json"


def read_metric(model: str, folder: Path | None = None) -> Vectors | None:
    """Return the packaged map, or the one in `folder`, (3 · dimension, axes); None if it is of another model.

    model: name and version, as the embedder gives it.
    """
    place = folder or datasets.folder(FOLDER)
    about = place / ABOUT
    if not about.is_file() or json.loads(about.read_text(encoding="utf-8"))["model"] != model:
        return None
    found: Vectors = np.load(place / MAP, allow_pickle=False).astype(np.float32)
    return found


def write_metric(metric: Vectors, model: str, folder: Path) -> None:
    """Keep `metric` of `model` in `folder`, in half precision."""
    np.save(folder / MAP, metric.astype(np.float16))
    (folder / ABOUT).write_text(json.dumps({"model": model}) + "\n", encoding="utf-8")
