"""What each ingredient of likeness and extraction gives: the packaged sets measured without it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from careweave_matching.likeness import SHARES, OccupationSpace, Shares
from careweave_matching.metric import read_metric
from careweave_skills.extraction import SkillExtractor
from careweave_skills.segments import sentences
from careweave_skills.weighing import WEIGHTS, Evidence, Weights

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


def _shares(*, preferred: float, nearest: float, words: float) -> Weights:
    return replace(WEIGHTS, preferred=preferred, nearest=nearest, words=words)


WITHOUT_WORDINGS: Final = "without wordings of vacancies"
EXTRACTION_VARIANTS: Final[Mapping[str, Weights]] = {
    "as shipped": WEIGHTS,
    WITHOUT_WORDINGS: replace(WEIGHTS, worded=0.0),
    "without whether vacancies have wordings": replace(WEIGHTS, worded=0.0),
    "without preferred label": _shares(preferred=0.0, nearest=0.79, words=0.21),
    "without nearest label or wording": _shares(preferred=0.76, nearest=0.0, words=0.24),
    "without clauses": replace(WEIGHTS, whole=1.0),
    "best clause alone": replace(WEIGHTS, whole=0.0),
    "without words": _shares(preferred=0.46, nearest=0.54, words=0.0),
    "without what care asks for": replace(WEIGHTS, care=0.0),
    "without what all ask for": replace(WEIGHTS, asked=0.0),
    "words alone": _shares(preferred=0.0, nearest=0.0, words=1.0),
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
    bare = packaged_extractor(concepts, embedder, report, wordings=())
    figures = {}
    for name in SENTENCES:
        judged = read_sentences(datasets.folder("eval/skill-extraction") / f"{name}.csv", concepts)
        of = {
            each: {text: each.evidence(text, sentences(text), judged.scheme) for text in judged.skills}
            for each in (extractor, bare)
        }
        figures[f"extraction, {name}"] = {
            variant: means(
                [
                    _of_sentence(used, of[used][text], skills, weights)
                    for used in [bare if variant == WITHOUT_WORDINGS else extractor]
                    for text, skills in judged.skills.items()
                ]
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
