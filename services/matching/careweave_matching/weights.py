"""The numbers that scoring turns on, under one version that every answer and decision names.

Changing any number means a new version: answers recorded under the old one stay explainable because
`BY_VERSION` keeps it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from careweave_matching.terms import Trust


@dataclass(frozen=True, slots=True)
class Weights:
    """Weights and constants of one version. Shares of a sum add up to 1."""

    version: str
    essential: float = 0.50
    """Share of essential coverage in suitability."""
    optional: float = 0.15
    """Share of optional coverage in suitability."""
    semantic: float = 0.35
    """Share of semantic similarity in suitability."""
    preference: float = 0.35
    """Share of preference in the score that a person sees, if no aspiration is stated; the rest is suitability."""
    preference_stated: float = 0.35
    """The same where an aspiration is stated that points all the way, see `pointing`."""
    clear_enough: float = 1.0
    """Clearness of an aim from which the direction is said, whichever of several occupations alike is meant."""
    pointing_kind: float = 0.0
    """How far an aspiration points that names a kind of opportunity and no direction, 0 to 1."""
    pointing_least: float = 1.0
    """How far an aspiration points that names neither, 0 to 1."""
    aspiration: float = 0.50
    """Share of aspiration in preference, where an aspiration is stated."""
    stretch: float = 0.25
    """Share of stretch in preference."""
    proximity: float = 0.25
    """Share of proximity in preference."""
    role_weight: float = 6.0
    """The current role counts in semantic similarity as much as skills of this total weight."""
    past_role_weight: float = 3.0
    """The same for the last role of someone who has none now."""
    semantic_floor: float = 0.15
    """Mean likeness that reads as 0: one pair in twenty of the sample lies below, with MiniLM."""
    semantic_ceiling: float = 0.55
    """Mean likeness that reads as 1."""
    doubt: int = 12_000
    """Weight of requirements, in thousandths, at which coverage counts half: about three skills. An opportunity
    that asks for less says little by it."""
    aspiration_floor: float = 0.20
    """Cosine of aspiration and opportunity that reads as 0."""
    aspiration_ceiling: float = 0.75
    """Cosine that reads as 1."""
    ideal_novelty: float = 0.25
    """Share of essential skills still to be learnt at which a step stretches best."""
    related_role: float = 0.0
    """Share of semantic similarity that is the relatedness of the present occupation and the opportunity's."""
    related_past_role: float = 0.0
    """The same for the last occupation of someone who has none now."""
    related_aims: float = 0.0
    """Aspiration is at least this times the nearness of the opportunity's occupation to one that is aimed at."""
    aims_floor: float = 0.40
    """Relatedness to an occupation that is aimed at which reads as 0."""
    giver: float = 1.0
    """Clearness of an aim, short of being named outright, is multiplied by this where its occupation gives what is
    asked for; see `aims.gives_what_is_asked`."""
    kind_named: float = 1.0
    """Aspiration is multiplied by this, up to 1, where what is written names the kind of opportunity."""
    kind_floor: float = 0.0
    """Aspiration is at least this there, as far as it fits and no direction is said: see `floor_of_kind`."""
    kind_fits: float = 1.0
    """Suitability from which an opportunity of a kind that is named fits; below, the floor sinks in proportion."""
    asked_for: float = 0.0
    """Stretch is at least this times aspiration: what is asked for is not too far."""
    anywhere: float = 0.60
    """Proximity of what can be done from anywhere: the middle of what is within reach."""
    same_job_again: float = 0.30
    """Stretch is multiplied by this for a job in the occupation the person is in already."""
    step_down: float = 0.30
    """Stretch is multiplied by this for an occupation of a lower skill level than the person's own."""
    evidenced: float = 1.0
    """Credit for a skill that is evidenced."""
    claimed: float = 0.9
    """Credit for a skill by the person's own word."""
    inferred: float = 0.7
    """Credit for a skill inferred from an occupation."""
    unknown_level: float = 0.70
    """Credit for a skill of unknown level where a level is asked: between having and lacking it."""
    level_shortfall: float = 0.25
    """Credit lost for each level below the one asked; at least `level_floor` stays."""
    passed_already: float = 1.0
    """Stretch is multiplied by this for an apprenticeship to a level that the person has, in a related occupation."""
    same_field: float = 0.40
    """Relatedness from which two occupations are of one field."""
    level_floor: float = 0.25
    """Least credit for a skill held below the level asked."""

    def preference_share(self, points: float) -> float:
        """Return the share of preference in the score that a person sees.

        points: how far the aspiration points, 0 to 1, see `pointing`; 0 where none is stated.
        """
        return (1.0 - points) * self.preference + points * self.preference_stated

    def makeup(self, points: float) -> tuple[float, float, float]:
        """Return how much of that score aspiration, stretch and proximity make up at most; see `scoring.preference`."""
        share, others = self.preference_share(points), self.stretch + self.proximity
        each = points + (1.0 - points) / others
        return share * points * self.aspiration, share * each * self.stretch, share * each * self.proximity

    def direction(self, clearest: float) -> float:
        """Return how far an aspiration says what work it is about, 0 to 1.

        clearest: how clearly it aims at the occupation that it aims at most; 1 for one that is named, 0 for none.
        """
        return min(1.0, clearest / self.clear_enough)

    def pointing(self, direction: float, *, kind: bool) -> float:
        """Return how far an aspiration that is stated points, 0 to 1: only what neither says is left open.

        direction: how far it says what work it is about. kind: whether it names a kind of opportunity.
        """
        left_open = (1.0 - direction) * (1.0 - self.pointing_kind if kind else 1.0)
        return max(1.0 - left_open, self.pointing_least)

    def floor_of_kind(self, direction: float) -> float:
        """Return what aspiration is at least for an opportunity that fits, of a kind that is named.

        A kind counts by itself as far as it is all that is said: who asks for an apprenticeship in nursing does not
        ask for any apprenticeship.
        """
        return self.kind_floor * (1.0 - direction)

    def trust_credit(self, trust: Trust) -> float:
        """Return the credit for a skill so founded, 0 to 1."""
        return (self.evidenced, self.claimed, self.inferred)[trust]


FIRST = Weights(version="hand-1")
"""Set by hand from the field's practice; without the relatedness of occupations."""

SECOND = Weights(
    version="hand-2",
    preference_stated=0.60,
    aspiration=0.60,
    stretch=0.20,
    proximity=0.20,
    related_role=0.40,
    related_past_role=0.25,
    related_aims=1.0,
    kind_named=1.25,
    asked_for=0.80,
    passed_already=0.30,
    aspiration_floor=0.30,
)
"""Set by hand: what somebody asks for counts for more, and occupations are related by the packaged table."""

THIRD = replace(
    SECOND,
    version="hand-3",
    giver=0.0,
    clear_enough=0.3,
    pointing_kind=0.75,
    pointing_least=0.0,
    kind_floor=0.8,
    kind_fits=0.4,
)
"""Set by hand: words that point nowhere count for less, and a kind that is named counts by itself."""

CURRENT = replace(
    THIRD,
    version="learned-1",
    semantic_floor=0.14,
    semantic_ceiling=0.57,
    aspiration_floor=0.25,
    aspiration_ceiling=0.70,
    aims_floor=0.43,
    same_field=0.43,
)
"""The same judgements for the packaged model and the learned relatedness of occupations.

Where cosines and relatedness read as 0 and as 1 was carried over by `tools/carry_thresholds.py`, and for relatedness on
all pairs of occupations: as many pairs lie above these as above the earlier ones with plain MiniLM."""

BY_VERSION: Mapping[str, Weights] = {each.version: each for each in (FIRST, SECOND, THIRD, CURRENT)}
"""Every version that a recorded decision may name."""
