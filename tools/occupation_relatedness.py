"""Make the packaged table of how related occupations are, from the packaged ESCO and the packaged model.

    python tools/occupation_relatedness.py                # replaces data/occupation-relatedness
    python tools/occupation_relatedness.py --width 128    # fewer numbers for each occupation

The vectors of `careweave_matching.likeness`, with what `tools/fit_likeness.py` learned, are turned onto their principal
axes, the first of these are kept, and each row is rounded to whole numbers of eight bits. Embedding 46,000 texts takes
minutes, unless CAREWEAVE_CACHE has them.
"""

import argparse
import os
import sys
from pathlib import Path

import numpy as np
from careweave_cli.quality.packaged import embedding, occupation_texts, packaged_esco
from careweave_matching.likeness import OccupationSpace
from careweave_matching.metric import read_metric
from careweave_matching.relatedness import FOLDER, rounded

from careweave.config import read_settings
from careweave.embedding.port import Vectors
from careweave.wiring import open_embedder

WIDTH = 192
"""Axes kept; see docs/quality.md for what fewer cost."""
_STEP, _SHOWN = 5_000, 1_024


def on_principal_axes(vectors: Vectors, width: int) -> Vectors:
    """Return `vectors` along the `width` directions in which they differ most; each direction's sign is fixed."""
    values, axes = np.linalg.eigh(vectors.T.astype(np.float64) @ vectors)
    kept = axes[:, np.argsort(-values)[:width]]
    kept *= np.sign(kept[np.abs(kept).argmax(axis=0), np.arange(kept.shape[1])])
    found: Vectors = (vectors @ kept).astype(np.float32)
    return found


def report(activity: str, done: int, total: int) -> None:
    """Say now and then how far it is."""
    if done == total or done % _STEP < _SHOWN:
        print(f"{activity}: {done:,} of {total:,}", file=sys.stderr)


def main() -> None:
    """Write `occupations.txt` and `codes.npy`."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--width", type=int, default=WIDTH)
    arguments.add_argument("--to", type=Path, default=Path(__file__).parents[1] / "data" / FOLDER)
    chosen = arguments.parse_args()
    embedder = open_embedder(read_settings(os.environ))
    texts = sorted(occupation_texts(packaged_esco()), key=lambda each: each.name)
    metric = read_metric(embedder.model)
    if metric is None:
        print("Nothing was learned with this model; run tools/fit_likeness.py to change that.", file=sys.stderr)
    space = OccupationSpace(texts, embedding(embedder, report, "Embedding"), metric=metric)
    chosen.to.mkdir(parents=True, exist_ok=True)
    (chosen.to / "occupations.txt").write_text("".join(f"{name}\n" for name in space.names), encoding="utf-8")
    np.save(chosen.to / "codes.npy", rounded(on_principal_axes(space.vectors, chosen.width)))


if __name__ == "__main__":
    main()
