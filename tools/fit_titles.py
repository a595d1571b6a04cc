"""Choose what counts for how much in the likeness of two job titles; prints the best shares for the code.

    python tools/fit_titles.py

Chosen on the typical job titles of the apprenticeship standards that the embedder was not trained on
(`training.withheld.is_withheld`): from one title, the other titles of its standards are to be found among all. The
judged job titles of data/eval take no part.
"""

import os
from itertools import product

import numpy as np
from careweave_cli.quality.measures import average_precision
from careweave_cli.quality.packaged import embedding, title_space
from careweave_skills.sources.standards import read_standards

from careweave import datasets
from careweave.abbreviations import in_full
from careweave.config import read_settings
from careweave.grams import GramIndex
from careweave.wiring import open_embedder
from training.withheld import is_withheld

NEIGHBOURS = (10, 20, 40)
SHARPNESS = (10.0, 15.0, 25.0)
TENTHS = range(11)
SHOWN = 8


def groups_of_titles() -> tuple[list[str], np.ndarray]:
    """Return the titles, each once, and (titles, titles): whether two are of one standard and not the same."""
    standards = [each for each in read_standards(datasets.folder("apprenticeships")).standards if is_withheld(each)]
    of_title: dict[str, set[str]] = {}
    for standard in standards:
        if len(standard.job_titles) > 1:
            for title in standard.job_titles:
                of_title.setdefault(title.lower(), set()).add(standard.name)
    titles = sorted(of_title)
    together = np.array([[one != two and bool(of_title[one] & of_title[two]) for two in titles] for one in titles])
    asked = np.flatnonzero(together.sum(axis=1))
    return [titles[place] for place in asked.tolist()], together[np.ix_(asked, asked)]


def mean_average_precision(likeness: np.ndarray, together: np.ndarray) -> float:
    """Return the MAP of finding the titles that belong together; a title is no candidate for itself."""
    found = []
    for row, (scores, relevant) in enumerate(zip(likeness, together, strict=True)):
        ranked = [place for place in np.argsort(-scores, kind="stable") if place != row]
        found.append(average_precision(relevant[ranked].tolist(), int(relevant.sum())))
    return float(np.mean(found))


def main() -> None:
    """Try all shares in tenths, with each number of neighbours and sharpness."""
    embedder = open_embedder(read_settings(os.environ))
    titles, together = groups_of_titles()
    titles = [in_full(title) for title in titles]
    space = title_space(embedder, lambda *_: None)
    vectors = embedding(embedder, lambda *_: None, "")(titles)
    meaning, letters = vectors @ vectors.T, GramIndex(titles).matrix(titles)
    tried = []
    for neighbours, sharpness in product(NEIGHBOURS, SHARPNESS):
        rows = space.place(vectors, neighbours, sharpness)
        places = rows @ rows.T
        for tenths, of_letters in product(TENTHS, TENTHS[:4]):
            if tenths + of_letters <= TENTHS[-1]:
                shares = (10 - tenths - of_letters) / 10, tenths / 10, of_letters / 10
                likeness = shares[0] * meaning + shares[1] * places + shares[2] * letters
                tried.append((mean_average_precision(likeness, together), *shares, neighbours, sharpness))
    print(f"{len(titles)} titles")
    for value, meant, placed, lettered, neighbours, sharpness in sorted(tried, reverse=True)[:SHOWN]:
        print(f"MAP {value:.4f}: meaning {meant}, place {placed}, letters {lettered}; {neighbours=}, {sharpness=}")
    print(f"MAP {mean_average_precision(meaning, together):.4f} by meaning alone")


if __name__ == "__main__":
    main()
