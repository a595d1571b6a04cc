"""One person and one opportunity judged in full: the slow, plain way that ExplainMatch takes."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from careweave_matching import reasons, scoring
from careweave_matching.adjacency import dot_rows
from careweave_matching.affinity import related_to
from careweave_matching.eligibility import Gate, gates
from careweave_matching.entries import CODE_BITS, OpportunityEntry, PersonEntry
from careweave_matching.geography import Geography
from careweave_matching.model import Versions
from careweave_matching.reach import Reach
from careweave_matching.scoring import CREDIT_SHIFT, MILLION, SOURCE_MASK, Components
from careweave_matching.taxonomy import Closer, Taxonomy
from careweave_matching.terms import SkillFit
from careweave_matching.travel import effective_mode, journey_minutes
from careweave_matching.weights import Weights


@dataclass(frozen=True, slots=True)
class SkillMatch:
    """How the person stands to one required skill; fields as in `matching.proto`."""

    skill: str
    label: str
    essential: bool
    fit: SkillFit
    credit: float
    from_skill: str = ""
    from_label: str = ""
    closers: tuple[Closer, ...] = ()


@dataclass(frozen=True, slots=True)
class Match:
    """A person and an opportunity; fields as in `matching.proto`.

    parts of the opportunity (title, organisation, …) are read from `entry`.
    """

    entry: OpportunityEntry
    person: str
    score: float
    distance_miles: float
    travel_minutes: int
    components: Components
    gates: tuple[Gate, ...]
    skills: tuple[SkillMatch, ...]
    reasons: tuple[str, ...]
    versions: Versions


_SORTS = {"courses": "the course ", "standards": "the apprenticeship "}


@dataclass(frozen=True, slots=True)
class Frame:
    """What all pairs are judged by."""

    taxonomy: Taxonomy
    reach: Reach
    geography: Geography
    weights: Weights
    closers: Callable[[int], tuple[Closer, ...]]
    model: str
    as_of: date

    def best_closer(self, skill: int) -> str:
        """Return what closes the gap best, in words; empty if nothing does."""
        closers = self.closers(skill)
        if not closers:
            return ""
        sort = closers[0].resource.partition("/")[0]
        return f"{_SORTS.get(sort, '')}“{closers[0].title}”"


def judge(person: PersonEntry, entry: OpportunityEntry, frame: Frame, *, own: bool) -> Match:
    """Return the match of `person` and `entry`.

    own: whether the person sees it; if not, preference is left out and the score is suitability.
    """
    wishes = person.person.wishes
    miles = frame.geography.miles(person.person.place, entry.opportunity.place)
    minutes = journey_minutes(miles, effective_mode(wishes.travel_mode)) if miles >= 0 else -1
    best = best_credits(person, frame.reach)
    packed = [best.get(key, scoring.NOTHING) for key in entry.keys.tolist()]
    parts = _components(person, entry, packed, best, minutes=minutes, frame=frame)
    score = scoring.personal_score(parts.suitability, parts.preference, frame.weights.preference_share(person.points))
    if not own:
        parts = Components(
            parts.essential_coverage, parts.optional_coverage, parts.semantic_similarity, parts.suitability
        )
        score = parts.suitability
    held = {code >> CODE_BITS for code in person.codes}
    facts = reasons.Facts(
        packed=packed,
        skills=entry.skills,
        essential=entry.essential,
        new_skills=[skill for skill in entry.taught if skill not in held],
        essential_coverage=parts.essential_coverage,
        semantic=parts.semantic_similarity,
        makeup=frame.weights.makeup(person.points),
        aspiration=parts.aspiration,
        by_kind=_least_by_kind(person, entry, parts.suitability, frame.weights),
        named=own and entry.opportunity.occupation in person.aspired,
        stretch=parts.stretch,
        proximity=parts.proximity,
        minutes=minutes if own else -1,
        mode=effective_mode(wishes.travel_mode),
    )
    return Match(
        entry=entry,
        person=person.person.name,
        score=score,
        distance_miles=miles,
        travel_minutes=minutes,
        components=parts,
        gates=tuple(gates(person.person, entry.opportunity, minutes, frame.as_of)),
        skills=tuple(_skill_matches(entry, packed, frame)),
        reasons=tuple(
            reasons.words(key, frame.taxonomy.labels.__getitem__, frame.best_closer)
            for key in reasons.choose(facts, frame.weights)
        ),
        versions=Versions(
            frame.model,
            frame.taxonomy.version,
            frame.weights.version,
            person.person.version,
            entry.opportunity.version,
        ),
    )


def score_with(
    person: PersonEntry, entry: OpportunityEntry, best: dict[int, int], frame: Frame
) -> tuple[float, Components]:
    """Return the score that `person` sees of `entry`, and its parts, as `judge` does and without the rest.

    best: their best packed credit by key, at least of the keys of `entry`.
    """
    minutes = _minutes(person, entry, frame)
    packed = [best.get(key, scoring.NOTHING) for key in entry.keys.tolist()]
    parts = _components(person, entry, packed, best, minutes=minutes, frame=frame)
    share = frame.weights.preference_share(person.points)
    return scoring.personal_score(parts.suitability, parts.preference, share), parts


def _minutes(person: PersonEntry, entry: OpportunityEntry, frame: Frame) -> int:
    miles = frame.geography.miles(person.person.place, entry.opportunity.place)
    return journey_minutes(miles, effective_mode(person.person.wishes.travel_mode)) if miles >= 0 else -1


def best_credits(person: PersonEntry, reach: Reach) -> dict[int, int]:
    """Return the best packed credit for each key that the person's skills give credit for."""
    best: dict[int, int] = {}
    for code in person.codes:
        reached = reach.of(code)
        for key, packed in zip(reached.keys.tolist(), reached.packed.tolist(), strict=True):
            best[key] = max(packed, best.get(key, 0))
    return best


def _components(
    person: PersonEntry, entry: OpportunityEntry, packed: list[int], best: dict[int, int], *, minutes: int, frame: Frame
) -> Components:
    weights, opportunity, wishes = frame.weights, entry.opportunity, person.person.wishes
    rows = [(weight, one >> CREDIT_SHIFT) for weight, one in zip(entry.weights.tolist(), packed, strict=True)]
    taught = [
        (weight, best.get(key, 0) >> CREDIT_SHIFT)
        for weight, key in zip(entry.taught_weights.tolist(), entry.taught_keys.tolist(), strict=True)
    ]
    held = {code >> CODE_BITS for code in person.codes}
    bonus = sum(one for one, skill in zip(entry.bonuses.tolist(), entry.skills, strict=True) if skill in held)
    vectors = entry.vector[None, :]
    likeness = float(dot_rows(vectors, person.vector)[0])
    related, towards = related_to(person, entry.role, frame.taxonomy.relatedness, weights)
    alike = scoring.semantic_similarity(likeness, bonus, person.total, weights)
    semantic = scoring.with_role(alike, related, person.role_share)
    cut = entry.essential
    essential = scoring.coverage(rows[:cut])
    base = scoring.suitability(essential, scoring.coverage(rows[cut:]), semantic, weights)
    covered = scoring.relied_on(essential, semantic, weights)
    aspiration = 0.0
    if person.aspirations is not None:
        aspired = max(float(dot_rows(vectors, aim)[0]) for aim in person.aspirations)
        named = opportunity.occupation in person.aspired
        least = _least_by_kind(person, entry, base.suitability, weights)
        aspiration = scoring.aspiration(aspired, towards, least, named=named, weights=weights)
    same_job = scoring.is_same_job(opportunity.kind, opportunity.occupation, person.occupation)
    lower = scoring.is_lower(entry.skill_level, person.skill_level)
    damped = scoring.damping(lower=lower, weights=weights)
    passed = scoring.has_passed(entry.trains_to, person.level_attained, related, weights)
    again = scoring.repetition(same_job=same_job, passed=passed, weights=weights)
    stretching = scoring.stretch(
        covered, scoring.coverage(taught).share, weights, damped=damped, again=again, asked=person.points * aspiration
    )
    near = scoring.proximity(minutes, wishes.maximum_minutes, weights, anywhere=not opportunity.place)
    return Components(
        base.essential_coverage,
        base.optional_coverage,
        base.semantic_similarity,
        base.suitability,
        aspiration,
        stretching,
        near,
        scoring.preference(aspiration, stretching, near, person.points, weights),
    )


def _least_by_kind(person: PersonEntry, entry: OpportunityEntry, suits: float, weights: Weights) -> float | None:
    """Return the least that aspiration is by the kind of opportunity; None if the person's words do not name it."""
    if not person.kinds_named >> entry.opportunity.kind & 1:
        return None
    return scoring.least_by_kind(person.kind_floor, suits, weights)


def _skill_matches(entry: OpportunityEntry, packed: list[int], frame: Frame) -> list[SkillMatch]:
    return [
        skill_match(skill, one, frame, essential=row < entry.essential)
        for row, (skill, one) in enumerate(zip(entry.skills, packed, strict=True))
    ]


def skill_match(skill: int, packed: int, frame: Frame, *, essential: bool) -> SkillMatch:
    """Return how a packed credit stands to the skill of that index."""
    taxonomy = frame.taxonomy
    name, label = taxonomy.names[skill], taxonomy.labels[skill]
    if packed == scoring.NOTHING:
        return SkillMatch(name, label, essential, SkillFit.MISSING, 0.0, closers=frame.closers(skill))
    source, credit = packed & SOURCE_MASK, (packed >> CREDIT_SHIFT) / MILLION
    if source == scoring.DIRECT_EVIDENCED:
        return SkillMatch(name, label, essential, SkillFit.EVIDENCED, credit)
    if source == scoring.DIRECT_CLAIMED:
        return SkillMatch(name, label, essential, SkillFit.CLAIMED, credit)
    origin = source - 1
    return SkillMatch(
        name, label, essential, SkillFit.TRANSFERABLE, credit, taxonomy.names[origin], taxonomy.labels[origin]
    )
