"""Measures of ranked lists, each for one query; means over queries are `Figures`.

Definitions: C. D. Manning, P. Raghavan and H. Schütze, Introduction to Information Retrieval, 2008, chapter 8; nDCG
with gain 2^grade - 1 and discount log2(rank + 1) after C. Burges and others, 2005.
"""

from collections.abc import Iterable, Mapping, Sequence
from math import log2
from typing import Final, TypeAlias

Figures: TypeAlias = dict[str, float]
"""`queries` and the means of those measures that apply: `map`, `mrr`, `ndcg@10`, `recall@10`, `rp@5`."""

TOP: Final = 10
TOP_FOR_PRECISION: Final = 5


def average_precision(relevance: Sequence[bool], relevant: int) -> float:
    """Return the mean of the precision at each relevant rank. relevant: how many there are, found or not."""
    hits = 0
    total = 0.0
    for rank, is_relevant in enumerate(relevance, 1):
        if is_relevant:
            hits += 1
            total += hits / rank
    return total / relevant


def reciprocal_rank(relevance: Sequence[bool]) -> float:
    """Return 1 / rank of the first that is relevant; 0 if none is."""
    return next((1 / rank for rank, is_relevant in enumerate(relevance, 1) if is_relevant), 0.0)


def recall(relevance: Sequence[bool], relevant: int) -> float:
    """Return the share of the relevant that is among the first ten."""
    return sum(relevance[:TOP]) / relevant


def r_precision_at_5(relevance: Sequence[bool], relevant: int) -> float:
    """Return the relevant among the first five over the most there can be: min(5, relevant)."""
    return sum(relevance[:TOP_FOR_PRECISION]) / min(TOP_FOR_PRECISION, relevant)


def ndcg(grades: Sequence[int], ideal: Iterable[int]) -> float:
    """Return the nDCG of the first ten. grades: as ranked; ideal: all grades there are, in any order."""
    return _dcg(grades) / _dcg(sorted(ideal, reverse=True))


def _dcg(grades: Sequence[int]) -> float:
    return sum((2.0**grade - 1.0) / log2(rank + 1) for rank, grade in enumerate(grades[:TOP], 1))


def means(rows: Sequence[Mapping[str, float]]) -> Figures:
    """Return the number of queries and the mean of each measure over them."""
    keys = rows[0] if rows else {}
    return {"queries": len(rows)} | {key: sum(row[key] for row in rows) / len(rows) for key in keys}


def of_ranking(grades: Sequence[int], ideal: Sequence[int]) -> dict[str, float]:
    """Return the measures of one ranked list.

    grades: of everything ranked, in order; 0 is not relevant. ideal: the grades above 0, in any order.
    """
    relevance = [grade > 0 for grade in grades]
    return {
        "map": average_precision(relevance, len(ideal)),
        "mrr": reciprocal_rank(relevance),
        "ndcg@10": ndcg(grades, ideal),
        "recall@10": recall(relevance, len(ideal)),
    }
