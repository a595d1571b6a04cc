"""What each ingredient of likeness and extraction gives: the packaged sets measured without it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from careweave_matching.likeness import SHARES, OccupationSpace, Shares
from careweave_skills.extraction import WEIGHTS, Evidence, Weights
from careweave_skills.segments import sentences
from careweave_skills.taxonomy import Scheme

from careweave import datasets
from careweave.embedding.port import Embedder
from careweave_cli.quality.extraction import packaged_extractor
from careweave_cli.quality.extraction import read_judged as read_sentences
from careweave_cli.quality.measures import means, r_precision_at_5, reciprocal_rank
from careweave_cli.quality.next_occupation import is_for_fitting, ranked_rows
from careweave_cli.quality.next_occupation import read_judged as read_occupations
from careweave_cli.quality.packaged import embedding, occupation_texts, packaged_esco
from careweave_cli.quality.titles import run_titles
from careweave_cli.show.progress import Report

OCCUPATION_VARIANTS: Final[Mapping[str, Shares]] = {
    "as shipped": SHARES,
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
    "meaning alone (plain model)": replace(SHARES, place=0.0, letters=0.0),
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
    """Return variant → nDCG@10 on the packaged next-occupation set: `all`, `fitted`, `held back`."""
    judged = read_occupations(datasets.folder("eval/next-occupation") / "dev.tsv.gz")
    esco = packaged_esco()
    texts = occupation_texts(esco)
    embed = embedding(embedder, report, "Embedding ESCO occupations")
    figures = {}
    for variant, shares in OCCUPATION_VARIANTS.items():
        rows = ranked_rows(judged, OccupationSpace(texts, embed, shares), esco)
        fitted = [row for query, row in rows.items() if is_for_fitting(judged.query_codes[query])]
        others = [row for query, row in rows.items() if not is_for_fitting(judged.query_codes[query])]
        figures[variant] = {
            "all": means(list(rows.values()))["ndcg@10"],
            "fitted": means(fitted)["ndcg@10"],
            "held back": means(others)["ndcg@10"],
        }
    return figures


def title_ablation(embedder: Embedder, report: Report) -> dict[str, dict[str, float]]:
    """Return variant → figures on the packaged job titles."""
    folder = datasets.folder("eval/job-titles")
    return {variant: run_titles(folder, embedder, report, shares) for variant, shares in TITLE_VARIANTS.items()}


def extraction_ablation(embedder: Embedder, report: Report) -> dict[str, dict[str, float]]:
    """Return variant → figures on the packaged sentences."""
    esco = packaged_esco()
    judged = read_sentences(datasets.folder("eval/skill-extraction") / "care.csv", esco)
    extractor = packaged_extractor(esco, embedder, report)
    evidence = {text: extractor.evidence(text, sentences(text), Scheme.ESCO) for text in judged}
    return {
        variant: means(
            [
                _measures(
                    [extractor.index.concepts[place].name in skills for place in _ranked(evidence[text], weights)],
                    len(skills),
                )
                for text, skills in judged.items()
            ]
        )
        for variant, weights in EXTRACTION_VARIANTS.items()
    }


def _ranked(parts: list[Evidence], weights: Weights) -> list[int]:
    best: dict[int, float] = {}
    for part in parts:
        for place, score in zip(part.places.tolist(), part.score(weights)[0].tolist(), strict=True):
            best[place] = max(score, best.get(place, score))
    return sorted(best, key=lambda place: (-best[place], place))


def _measures(relevance: list[bool], relevant: int) -> dict[str, float]:
    return {"rp@5": r_precision_at_5(relevance, relevant), "mrr": reciprocal_rank(relevance)}
