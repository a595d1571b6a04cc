"""Chance that can be repeated: one stream of random numbers for each thing that is made up.

A stream depends on the seed and on what it is for, so that making more of one thing changes no other.
"""

from collections.abc import Mapping, Sequence
from random import Random
from typing import Final, TypeVar

_ALPHABET: Final = "abcdefghijklmnopqrstuvwxyz0123456789"
_ID_LENGTH: Final = 20

_T = TypeVar("_T")


def stream(seed: int, *purpose: str | int) -> Random:
    """Return the stream of random numbers that `seed` gives for `purpose`."""
    return Random("/".join(map(str, (seed, *purpose))))


def random_id(seed: int, *purpose: str | int) -> str:
    """Return an id of the shape of the services' random ones: 20 characters of a to z and 0 to 9."""
    return "".join(stream(seed, "id", *purpose).choices(_ALPHABET, k=_ID_LENGTH))


def weighted(chance: Random, weights: Mapping[_T, float]) -> _T:
    """Return one key of `weights`, each as likely as its weight."""
    return chance.choices(list(weights), weights=list(weights.values()))[0]


def happens(chance: Random, share: float) -> bool:
    """Return true in `share` of all cases, 0 to 1."""
    return chance.random() < share


def some(chance: Random, items: Sequence[_T], count: int) -> list[_T]:
    """Return `count` different `items` in random order; all of them if there are fewer."""
    return chance.sample(items, min(count, len(items)))


def spread(chance: Random, mean: float, deviation: float, least: float, most: float) -> float:
    """Return a normally distributed number, held within `least` and `most`."""
    return min(most, max(least, chance.gauss(mean, deviation)))


def apportion(total: int, weights: Mapping[_T, float]) -> dict[_T, int]:
    """Return whole numbers in proportion to `weights` that add up to `total` (largest remainders)."""
    whole = sum(weights.values())
    exact = {key: total * weight / whole for key, weight in weights.items()}
    shares = {key: int(share) for key, share in exact.items()}
    left = sorted(exact, key=lambda key: exact[key] - shares[key], reverse=True)
    for key in left[: total - sum(shares.values())]:
        shares[key] += 1
    return shares
