"""What the embedder learns from: pairs of texts that mean the same or belong together."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Pair:
    """Two texts that belong together, with the concept that each speaks of.

    kind: which pairs are put into one batch, so that each has its own likes as wrong answers.
    """

    kind: str
    anchor: str
    positive: str
    anchor_concept: str
    positive_concept: str


Related: TypeAlias = Mapping[str, frozenset[str]]
"""Concept of an anchor → concepts that belong to it as well, and so are no wrong answers."""


def belongs(pair: Pair, other: Pair, related: Related) -> bool:
    """Return whether the positive text of `other` answers the anchor of `pair` as well."""
    return pair.anchor_concept == other.positive_concept or other.positive_concept in related.get(
        pair.anchor_concept, frozenset()
    )
