"""How good a model is on what was withheld, by cosine alone; this chooses between models, the judged sets do not."""

from collections.abc import Callable, Sequence

import numpy as np
from careweave_cli.quality.measures import of_ranking, r_precision_at_5

from careweave.abbreviations import in_full
from careweave.embedding.port import Vectors
from training.corpus import Corpus
from training.withheld import is_withheld

Embed = Callable[[Sequence[str]], Vectors]


def check(embed: Embed, corpus: Corpus) -> dict[str, float]:
    """Return the four figures of a model: titles (MAP), labels (MRR), sentences and descriptions (R-precision@5)."""
    names = [skill.name for skill in corpus.esco.skills]
    places = {name: place for place, name in enumerate(names)}
    skills = embed([skill.label for skill in corpus.esco.skills])
    withheld = corpus.withheld
    asked = embed([label for label, _ in withheld.labels]) @ skills.T
    ranks = [1 + int((row > row[places[name]]).sum()) for row, (_, name) in zip(asked, withheld.labels, strict=True)]
    return {
        "titles, MAP": _titles(embed, corpus),
        "labels, MRR": float(np.mean([1 / rank for rank in ranks])),
        "sentences, R-precision@5": _found(embed, skills, names, withheld.sentences),
        "descriptions, R-precision@5": _found(embed, skills, names, withheld.descriptions),
    }


def _titles(embed: Embed, corpus: Corpus) -> float:
    """Return the MAP of finding, from one job title of a withheld standard, its other ones among all such titles."""
    groups: dict[str, set[int]] = {}
    for number, standard in enumerate(corpus.standards.standards):
        if is_withheld(standard) and len(standard.job_titles) > 1:
            for title in standard.job_titles:
                groups.setdefault(title.lower(), set()).add(number)
    titles = sorted(groups)
    vectors = embed([in_full(title) for title in titles])
    scores = vectors @ vectors.T
    found = []
    for row, title in enumerate(titles):
        ranked = [place for place in np.argsort(-scores[row], kind="stable") if place != row]
        relevance = [int(bool(groups[titles[place]] & groups[title])) for place in ranked]
        if any(relevance):
            found.append(of_ranking(relevance, [1] * sum(relevance))["map"])
    return float(np.mean(found))


def _found(embed: Embed, skills: Vectors, names: Sequence[str], judged: Sequence[tuple[str, frozenset[str]]]) -> float:
    scores = embed([text for text, _ in judged]) @ skills.T
    return float(np.mean([
        r_precision_at_5([names[place] in wanted for place in np.argsort(-row, kind="stable")[:100]], len(wanted))
        for row, (_, wanted) in zip(scores, judged, strict=True)
    ]))  # fmt: skip
