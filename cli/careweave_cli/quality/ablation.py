"""What each ingredient of likeness and extraction gives: the packaged sets measured without it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from careweave_matching.likeness import SHARES, OccupationSpace, Shares
from careweave_matching.metric import read_metric
from careweave_skills.extraction import WEIGHTS, Evidence, SkillExtractor, Weights
from careweave_skills.segments import sentences

from careweave import datasets
from careweave.embedding.port import Embedder, Vectors
from careweave_cli.quality.extraction import measures, packaged_extractor
from careweave_cli.quality.extraction import read_judged as read_sentences
from careweave_cli.quality.measures import means
from careweave_cli.quality.next_occupation import Pool
from careweave_cli.quality.next_occupation import read_judged as read_occupations
from careweave_cli.quality.packaged import (
    embedding,
    occupation_space,
    occupation_texts,
    packaged_esco,
    packaged_skills,
    title_space,
)
from careweave_cli.quality.sets import SENTENCES
from careweave_cli.quality.titles import own_likeness, read_titles
from careweave_cli.show.progress import Report

OCCUPATION_VARIANTS: Final[Mapping[str, Shares]] = {
    "nothing learned": SHARES,
    "without skills": replace(SHARES, skills=0.0),
    "without description": replace(SHARES, description=0.0),
    "without names": replace(SHARES, names=0.0),
    "skills alone": replace(SHARES, description=0.0, names=0.0),
    "description alone": replace(SHARES, skills=0.0, names=0.0),
    "names alone": replace(SHARES, skills=0.0, description=0.0),
    "without optional skills": replace(SHARES, optional=0.0),
    "without minor groups": replace(SHARES, minor=0.0),
    "without unit groups": replace(SHARES, unit=0.0),
    "without groups": replace(SHARES, unit=0.0, minor=0.0),
}
TITLE_VARIANTS: Final[Mapping[str, Shares]] = {
    "as shipped": SHARES,
    "meaning alone": replace(SHARES, place=0.0, letters=0.0),
    "place alone": replace(SHARES, meaning=0.0, letters=0.0),
    "letters alone": replace(SHARES, meaning=0.0, place=0.0),
    "without place": replace(SHARES, place=0.0),
    "without letters": replace(SHARES, letters=0.0),
    "without meaning": replace(SHARES, meaning=0.0),
}


def _shares(*, mean: float, nearest: float, words: float) -> Weights:
    return replace(WEIGHTS, mean=mean, nearest=nearest, words=words)


EXTRACTION_VARIANTS: Final[Mapping[str, Weights]] = {
    "as shipped": WEIGHTS,
    "without mean of labels": _shares(mean=0.0, nearest=0.6, words=0.4),
    "without nearest label": _shares(mean=0.71, nearest=0.0, words=0.29),
    "without clauses": replace(WEIGHTS, whole=1.0),
    "best clause alone": replace(WEIGHTS, whole=0.0),
    "without words": _shares(mean=0.62, nearest=0.38, words=0.0),
    "without what care asks for": replace(WEIGHTS, care=0.0),
    "words alone": _shares(mean=0.0, nearest=0.0, words=1.0),
}


def occupation_ablation(embedder: Embedder, report: Report) -> dict[str, dict[str, float]]:
    """Return variant → nDCG@10 on the packaged next-occupation set: `all` and its slices.

    All variants but the first are without what was learned, which belongs to the shares that are shipped.
    """
    pool = Pool(read_occupations(datasets.folder("eval/next-occupation") / "dev.tsv.gz"), packaged_esco())
    texts = occupation_texts(packaged_esco())
    embed = embedding(embedder, report, "Embedding ESCO occupations")
    figures = {}
    for done, (variant, (shares, metric)) in enumerate(_occupation_variants(read_metric(embedder.model)).items(), 1):
        rows = pool.rows(pool.likeness(OccupationSpace(texts, embed, shares, metric)))
        slices = {"all": [True] * len(rows), **pool.slices()}
        figures[variant] = {
            name: means([row for row, belongs in zip(rows, members, strict=True) if belongs])["ndcg@10"]
            for name, members in slices.items()
        }
        report("Occupations without each ingredient", done, len(OCCUPATION_VARIANTS) + 1)
    return figures


def _occupation_variants(metric: Vectors | None) -> dict[str, tuple[Shares, Vectors | None]]:
    shipped = {} if metric is None else {"as shipped": (SHARES, metric)}
    return {**shipped, **{name: (shares, None) for name, shares in OCCUPATION_VARIANTS.items()}}


def title_ablation(embedder: Embedder, report: Report) -> dict[str, dict[str, float]]:
    """Return variant → figures on the packaged job titles."""
    judged = read_titles(datasets.folder("eval/job-titles"))
    shipped = title_space(embedder, report)
    figures = {
        variant: means(judged.rows(own_likeness(judged, shipped, embedder, report, shares)))
        for variant, shares in TITLE_VARIANTS.items()
    }
    learned = occupation_space(embedder, report)
    figures["places by what was learned"] = means(judged.rows(own_likeness(judged, learned, embedder, report)))
    return figures


def extraction_ablation(embedder: Embedder, report: Report) -> dict[str, dict[str, dict[str, float]]]:
    """Return set → variant → figures on the packaged sentences."""
    concepts = packaged_skills()
    extractor = packaged_extractor(concepts, embedder, report)
    figures = {}
    for name in SENTENCES:
        judged = read_sentences(datasets.folder("eval/skill-extraction") / f"{name}.csv", concepts)
        evidence = {text: extractor.evidence(text, sentences(text), judged.scheme) for text in judged.skills}
        figures[f"extraction, {name}"] = {
            variant: means(
                [_of_sentence(extractor, evidence[text], skills, weights) for text, skills in judged.skills.items()]
            )
            for variant, weights in EXTRACTION_VARIANTS.items()
        }
    return figures


def _of_sentence(
    extractor: SkillExtractor, parts: list[Evidence], skills: set[str], weights: Weights
) -> dict[str, float]:
    ranked = [extractor.index.concepts[place].name for place in _ranked(parts, weights)]
    return measures([name in skills for name in ranked], len(skills))


def _ranked(parts: list[Evidence], weights: Weights) -> list[int]:
    best: dict[int, float] = {}
    for part in parts:
        for place, score in zip(part.places.tolist(), part.score(weights)[0].tolist(), strict=True):
            best[place] = max(score, best.get(place, score))
    return sorted(best, key=lambda place: (-best[place], place))
