"""How well an opportunity suits a person, and how much the person would like it: the definition for one pair.

`bulk` computes the same for all opportunities at once; a test holds the two equal to the last bit. So that
this can be, credits are whole millionths and weights whole thousandths: their sums are exact in any order.

Suitability = essential share x coverage of essential skills + optional share x coverage of optional skills
+ semantic share x semantic similarity. It looks at nothing that depends on who asks, so it is the same number
in both directions.

- Coverage is the mean credit for the required skills, weighted by how telling each is (inverse document
  frequency over occupations; K. Sparck Jones, "A statistical interpretation of term specificity", 1972).
  Credit is full for a skill that is held, evidenced, at the level asked, and less for one that is claimed, of
  unknown or lower level, or held only in a skill close by (`adjacency`).
- Semantic similarity is the mean, over the person's skills and current role, of each one's cosine with the
  opportunity; a skill that the opportunity requires counts as 1. The mean is weighted as coverage is, and
  stretched from [floor, ceiling] to [0, 1]. Gaining a required skill can thus never lower it.
- Where little is asked, coverage says little: having the one skill that a role names makes nobody fit for it.
  Coverage of essential skills therefore counts by weight / (weight + doubt), and semantic similarity stands in for
  the rest; in the same way coverage of essential skills stands in for that of optional ones.

Preference is the person's own business: aspiration, stretch and proximity. Where no aspiration is stated the
other two share its weight, and preference makes up less of the score.

An aspiration counts as far as it points (`Weights.pointing`), a number of the person, 0 to 1. What it is about points:
all the way where an occupation is named or plainly meant, in part where one is hinted at. A kind of opportunity points
less, since it says how to go and not where. Words that do neither ("I want to progress") leave the list as it is for
somebody who states nothing: nearness to them would be chance. Between, both ways of weighing are mixed.

A kind that is named ("an apprenticeship") counts by itself: aspiration of what fits of this kind has a floor, which
sinks with suitability below the point where an opportunity fits, and with the direction that the rest of the words
gives: who asks for an apprenticeship in nursing does not ask for any apprenticeship.
"""

from dataclasses import dataclass

from careweave_matching.terms import OpportunityKind, Trust
from careweave_matching.weights import Weights

MILLION = 1_000_000
"""Full credit."""
CREDIT_SHIFT = 20
"""A packed credit is `credit << CREDIT_SHIFT | source`, so that the largest is the best."""
SOURCE_MASK = (1 << CREDIT_SHIFT) - 1
DIRECT_EVIDENCED = SOURCE_MASK
"""Source of a credit that comes from the required skill itself, with evidence."""
DIRECT_CLAIMED = SOURCE_MASK - 1
"""The same without evidence. A smaller source is the index of the skill that carries over, plus 1."""
NOTHING = 0
"""Packed credit for a skill that is missing."""


@dataclass(frozen=True, slots=True)
class Components:
    """The parts of a score, each 0 to 1; the last four are 0 for anyone but the person."""

    essential_coverage: float
    optional_coverage: float
    semantic_similarity: float
    suitability: float
    aspiration: float = 0.0
    stretch: float = 0.0
    proximity: float = 0.0
    preference: float = 0.0


@dataclass(frozen=True, slots=True)
class Coverage:
    """An exact sum of credits times weights, and of weights times full credit."""

    earned: int
    full: int

    @property
    def share(self) -> float | None:
        """Earned over full, 0 to 1; None if nothing is asked."""
        return self.earned / self.full if self.full else None


def level_credit(level: int, asked: int, weights: Weights) -> float:
    """Return the share of credit, 0 to 1, for holding a skill at `level` (0 unknown) where `asked` is (0 any)."""
    if not asked or level >= asked:
        return 1.0
    if not level:
        return weights.unknown_level
    return max(weights.level_floor, 1.0 - weights.level_shortfall * (asked - level))


def credit(strength: int, level: int, trust: Trust, asked: int, weights: Weights) -> int:
    """Return the credit in millionths.

    strength: how far the skill held carries over, in millionths; MILLION for the required skill itself.
    """
    return round(strength * level_credit(level, asked, weights) * weights.trust_credit(trust))


def packed_direct(level: int, trust: Trust, asked: int, weights: Weights) -> int:
    """Return the packed credit for holding the required skill itself."""
    source = DIRECT_EVIDENCED if trust == Trust.EVIDENCED else DIRECT_CLAIMED
    return credit(MILLION, level, trust, asked, weights) << CREDIT_SHIFT | source


def packed_transfer(skill: int, strength: int, level: int, trust: Trust, *, asked: int, weights: Weights) -> int:
    """Return the packed credit for holding the skill of index `skill`, which carries over with `strength`."""
    return credit(strength, level, trust, asked, weights) << CREDIT_SHIFT | (skill + 1)


def coverage(rows: list[tuple[int, int]]) -> Coverage:
    """Return the coverage of required skills given as (weight in thousandths, credit in millionths)."""
    return Coverage(sum(weight * earned for weight, earned in rows), sum(weight for weight, _ in rows) * MILLION)


def stretched(likeness: float, floor: float, ceiling: float) -> float:
    """Return `likeness` mapped from [floor, ceiling] to [0, 1] and cut off there."""
    return min(1.0, max(0.0, (likeness - floor) / (ceiling - floor)))


def semantic_similarity(likeness: float, bonus: int, total: float, weights: Weights) -> float:
    """Return the semantic similarity, 0 to 1.

    likeness: dot product of the person's weighted vectors, summed, with the opportunity's vector.
    bonus: what lifts the required skills among them to 1, in millionths.
    total: sum of the person's weights; 0 for an empty profile, which is like nothing.
    """
    if total == 0.0:
        return 0.0
    mean = (likeness + bonus / MILLION) / total
    return stretched(mean, weights.semantic_floor, weights.semantic_ceiling)


def with_role(semantic: float, related: float, share: float) -> float:
    """Return semantic similarity with the relatedness of two occupations in it.

    related: of the person's role and the opportunity's occupation, 0 to 1; negative if not known, and then nothing
        changes. share: how much of the result it makes up.
    """
    return semantic if related < 0.0 else semantic + share * (related - semantic)


def relied_on(coverage: Coverage, instead: float, weights: Weights) -> float:
    """Return the coverage as far as it can be relied on, and `instead` for the rest; see above."""
    if not coverage.full:
        return instead
    reliance = coverage.full / (coverage.full + weights.doubt * MILLION)
    return reliance * (coverage.earned / coverage.full) + (1.0 - reliance) * instead


def suitability(essential: Coverage, optional: Coverage, semantic: float, weights: Weights) -> Components:
    """Return the components without preference; what stands in for a coverage of nothing is shown in its place."""
    covered = relied_on(essential, semantic, weights)
    further = relied_on(optional, covered, weights)
    suits = weights.essential * covered + weights.optional * further + weights.semantic * semantic
    shown = semantic if essential.share is None else essential.share
    return Components(shown, covered if optional.share is None else optional.share, semantic, suits)


def aspiration(likeness: float, related: float, least: float | None, *, named: bool, weights: Weights) -> float:
    """Return how near the opportunity is to what the person aspires to.

    likeness: largest cosine of an aspiration with the opportunity.
    related: how near the opportunity's occupation is to one that the person aims at, 0 to 1; negative if not known.
    least: see `least_by_kind`; None where what the person writes does not name this kind of opportunity.
    named: whether the opportunity is, or leads to, an occupation that the person aims at.
    """
    if named:
        return 1.0
    near = max(stretched(likeness, weights.aspiration_floor, weights.aspiration_ceiling), related)
    return near if least is None else max(min(1.0, near * weights.kind_named), least)


def least_by_kind(floor: float, suits: float, weights: Weights) -> float:
    """Return the least that aspiration is for an opportunity of a kind that is named.

    floor: see `Weights.floor_of_kind`. suits: suitability.
    """
    return floor * min(1.0, suits / weights.kind_fits)


def stretch(
    covered: float,
    taught: float | None,
    weights: Weights,
    *,
    damped: float = 1.0,
    again: float = 1.0,
    asked: float = 0.0,
) -> float:
    """Return how well the step stretches.

    covered: coverage of essential skills, as far as it can be relied on.
    taught: coverage of the skills that the opportunity teaches; None if it teaches none. What teaches is the
        better the more of it is new, as far as the person is ready for it.
    damped: see `damping`. again: see `repetition`.
    asked: aspiration, see there, times how far what is stated points. What somebody asks for is never too far to be
        shown, nor a step down; what they have already stays what it is.
    """
    if taught is not None:
        plain = (1.0 - taught) * covered
    else:
        novelty = 1.0 - covered
        plain = 1.0 - abs(novelty - weights.ideal_novelty) / (1.0 - weights.ideal_novelty)
    return max(plain * damped, weights.asked_for * asked) * again


def damping(*, lower: bool, weights: Weights) -> float:
    """Return what stretch is multiplied by for an occupation of a lower skill level."""
    return weights.step_down if lower else 1.0


def repetition(*, same_job: bool, passed: bool, weights: Weights) -> float:
    """Return what stretch is multiplied by for what the person has already.

    same_job: a job in the occupation that the person is in. passed: see `has_passed`.
    """
    return (weights.same_job_again if same_job else 1.0) * (weights.passed_already if passed else 1.0)


def has_passed(trains_to: int, attained: int, related: float, weights: Weights) -> bool:
    """Say whether an apprenticeship trains to no more than the person has, in work related to theirs.

    trains_to, attained: levels of qualification, 0 if not known. related: of the two occupations.
    """
    return 0 < trains_to <= attained and related >= weights.same_field


def is_same_job(kind: int, occupation: str, current: str) -> bool:
    """Say whether the opportunity is the job that the person does now."""
    return kind == OpportunityKind.JOB and bool(occupation) and occupation == current


def is_lower(level: int, current: int) -> bool:
    """Say whether a skill level is known and below the person's own."""
    return 0 < level < current


def proximity(minutes: int, limit: int, weights: Weights, *, anywhere: bool) -> float:
    """Return nearness: 1 on the doorstep, 0 at the limit, a half if the journey is not known."""
    if anywhere:
        return weights.anywhere
    if minutes < 0:
        return 0.5
    return max(0.0, 1.0 - minutes / max(limit, 1))


def preference(aspired: float, stretching: float, near: float, points: float, weights: Weights) -> float:
    """Return the weighted sum of the three, or of the latter two as far as the aspiration does not point.

    points: how far it points, 0 to 1, see `Weights.pointing`; 0 where none is stated.
    """
    said = weights.aspiration * aspired + weights.stretch * stretching + weights.proximity * near
    unsaid = (weights.stretch * stretching + weights.proximity * near) / (weights.stretch + weights.proximity)
    return points * said + (1.0 - points) * unsaid


def personal_score(suits: float, prefers: float, share: float) -> float:
    """Return the score that orders a person's own list. share: of preference in it, see `Weights`."""
    return (1.0 - share) * suits + share * prefers
