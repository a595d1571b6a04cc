"""From pairs to batches: of one kind and like length, and no text or concept twice."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from random import Random
from typing import Final

from training.pair import Pair

_MOST_PAIRS: Final = 512
_MOST_CHARACTERS: Final = 60_000
_LEAST_PAIRS: Final = 32
_SCATTER: Final = 1.5
"""Lengths are jittered by up to this factor, so that length alone does not settle who shares a batch."""


def batches(pairs: Iterable[Pair], random: Random) -> list[list[Pair]]:
    """Return the pairs as batches in random order; the few that fit into no batch of 32 are left out."""
    kinds: dict[str, list[Pair]] = defaultdict(list)
    for pair in pairs:
        kinds[pair.kind].append(pair)
    found = [batch for kind in sorted(kinds) for batch in _of_kind(kinds[kind], random)]
    random.shuffle(found)
    return found


def _of_kind(pairs: Sequence[Pair], random: Random) -> Iterator[list[Pair]]:
    waiting = sorted(pairs, key=lambda pair: _length(pair) * random.uniform(1, _SCATTER))
    while len(waiting) >= _LEAST_PAIRS:
        batch, waiting = _next_batch(waiting)
        if len(batch) >= _LEAST_PAIRS:
            yield batch


def _next_batch(waiting: Sequence[Pair]) -> tuple[list[Pair], list[Pair]]:
    """Return the next batch, and what is left with those first that had to step aside."""
    batch: list[Pair] = []
    aside: list[Pair] = []
    seen: set[str] = set()
    characters = 0
    for place, pair in enumerate(waiting):
        marks = {pair.anchor.lower(), pair.positive.lower(), pair.anchor_concept, pair.positive_concept}
        if marks & seen:
            aside.append(pair)
            continue
        characters += _length(pair)
        if batch and (len(batch) == _MOST_PAIRS or characters > _MOST_CHARACTERS):
            return batch, [*aside, *waiting[place:]]
        batch.append(pair)
        seen |= marks
    return batch, aside


def _length(pair: Pair) -> int:
    return min(300, len(pair.anchor)) + min(300, len(pair.positive))
