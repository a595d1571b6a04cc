"""How related the occupation of an opportunity is to a person's role and aims."""

from careweave_matching.entries import PersonEntry
from careweave_matching.relatedness import UNKNOWN, Relatedness
from careweave_matching.weights import Weights


def nearness_to_aim(related: float, clear: float, weights: Weights) -> float:
    """Return how near an occupation is to one that is aimed at, 0 to 1; `UNKNOWN` if it is not known.

    related: of the two. clear: how clearly it is aimed at.
    """
    if related < 0.0:
        return UNKNOWN
    return max(0.0, (related - weights.aims_floor) / (1.0 - weights.aims_floor)) * clear * weights.related_aims


def related_to(person: PersonEntry, occupation: int, relatedness: Relatedness, weights: Weights) -> tuple[float, float]:
    """Return how related the occupation in row `occupation` is to the person's role, and how near to their aims."""
    aims = [nearness_to_aim(float(relatedness.of(aim)[occupation]), clear, weights) for aim, clear in person.aims]
    return float(relatedness.of(person.role)[occupation]), max(aims, default=UNKNOWN)
