"""What somebody may want of an opportunity: a suitability, a score, or a place in their list; see `fewest.Goal`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from careweave_matching.lifting import Lift

_ROUNDING: Final = 1e-5
"""More than a bound can be off by: vectors are of single precision."""


@dataclass(slots=True)
class ReachGoal:
    """Suitability, or else the score, of at least `target`."""

    lift: Lift
    target: float
    of_score: bool

    @property
    def options(self) -> int:
        """How many skills there are to gain."""
        return len(self.lift.options)

    @property
    def monotone(self) -> bool:
        """Suitability never falls by a skill that is asked for; a score does where less is left to learn."""
        return not self.of_score

    def value(self, chosen: Sequence[int]) -> float:
        """Return the suitability or score."""
        found = self.lift.scored(chosen)
        return found.score if self.of_score else found.parts.suitability

    def reached(self, chosen: Sequence[int]) -> bool:
        """Compare it with the target."""
        return self.value(chosen) >= self.target

    def possible(self, chosen: Sequence[int], start: int, left: int) -> bool:
        """Compare its bound with the target."""
        bound = self.lift.most_score if self.of_score else self.lift.most_suitability
        return bound(chosen, start, left) >= self.target - _ROUNDING


@dataclass(slots=True)
class PlaceGoal:
    """One of the first `top` places of the person's own list."""

    lift: Lift
    top: int

    @property
    def options(self) -> int:
        """How many skills there are to gain."""
        return len(self.lift.options)

    @property
    def monotone(self) -> bool:
        """A skill may lift others more."""
        return False

    def value(self, chosen: Sequence[int]) -> float:
        """Return the score."""
        return self.lift.scored(chosen).score

    def reached(self, chosen: Sequence[int]) -> bool:
        """Rank with the skills chosen."""
        return self.lift.ahead(chosen, self.top) < self.top

    def possible(self, chosen: Sequence[int], start: int, left: int) -> bool:
        """Rule out nothing: how far others rise has no bound that is worth its time."""
        del chosen, start, left
        return True
