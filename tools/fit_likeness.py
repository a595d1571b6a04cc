"""Fit the learned part of the likeness of occupations, and make the packaged table anew from it.

    python tools/fit_likeness.py           # a few minutes once the texts are embedded

Directions are learned from the half of the packaged next-occupation set that is for fitting; restraints are chosen by
cross-validation inside it, and the other half is reported. Replaces `metric.npy` and `metric.json` in
data/occupation-relatedness; then run `python tools/occupation_relatedness.py`.
"""

import argparse
import os
import sys
from pathlib import Path

import numpy as np
from careweave_cli.quality.learning import Restraint, learned, lessons, likeness_by, validated
from careweave_cli.quality.next_occupation import Pool, is_for_fitting, read_judged
from careweave_cli.quality.packaged import embedding, occupation_texts, packaged_esco
from careweave_matching.likeness import OccupationSpace
from careweave_matching.metric import write_metric
from careweave_matching.relatedness import FOLDER

from careweave import datasets
from careweave.config import read_settings
from careweave.wiring import open_embedder

AXES = 256
SEED = 1
RESTRAINTS = tuple(Restraint(penalty, steps) for penalty in (0.003, 0.01, 0.03) for steps in (10, 20, 40))


def main() -> None:
    """Choose the restraint, learn, report, write."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--to", type=Path, default=Path(__file__).parents[1] / "data" / FOLDER)
    folder = arguments.parse_args().to
    embedder = open_embedder(read_settings(os.environ))
    esco = packaged_esco()
    embed = embedding(embedder, lambda *_: None, "")
    space = OccupationSpace(occupation_texts(esco), embed)
    pool = Pool(read_judged(datasets.folder("eval/next-occupation") / "dev.tsv.gz"), esco)
    values, axes = np.linalg.eigh(space.vectors.T.astype(np.float64) @ space.vectors)
    axes = axes[:, np.argsort(-values)[:AXES]]
    vectors = np.stack([space.vector(pool.names[uri]) for uri in pool.candidates]) @ axes
    figures = validated(pool, vectors, [Restraint(0.0, 0), *RESTRAINTS], SEED)
    for restraint, figure in figures.items():
        print(f"{restraint}: nDCG@10 {figure:.4f} by cross-validation", file=sys.stderr)
    best = max(figures, key=lambda each: figures[each])
    mapping = learned(lessons(pool, vectors, {code for code in pool.codes if is_for_fitting(code)}), best)
    rows = pool.rows(likeness_by(pool, vectors, mapping))
    for name, members in pool.slices().items():
        chosen = [row["ndcg@10"] for row, belongs in zip(rows, members, strict=True) if belongs]
        print(f"{name}: nDCG@10 {np.mean(chosen):.4f} of {len(chosen)} queries", file=sys.stderr)
    write_metric((axes @ mapping).astype(np.float32), embedder.model, folder)


if __name__ == "__main__":
    main()
