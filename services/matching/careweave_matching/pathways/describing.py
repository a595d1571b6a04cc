"""A way in words and figures: each step with fit, gaps, months, rules, pay and what is on offer for it now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

import numpy as np

from careweave_matching.entries import PersonEntry
from careweave_matching.pair import Frame, Match, SkillMatch, skill_match
from careweave_matching.pathways import rules
from careweave_matching.pathways.career import CareerMap, Programme, Work
from careweave_matching.pathways.facts import Register, Way
from careweave_matching.pathways.ground import relatedness
from careweave_matching.pathways.network import BANDS, Link
from careweave_matching.pathways.offers import Offer, Offers, Pay
from careweave_matching.pathways.routes import Preference, Route, Steps
from careweave_matching.pathways.rules import Rule
from careweave_matching.pathways.search import Step
from careweave_matching.pathways.standing import MOST_WITHOUT_ASSESSMENT, Fit, Standing, fit_of, learnt
from careweave_matching.pathways.suits import Stood, Suits
from careweave_matching.scoring import NOTHING, Components
from careweave_matching.terms import Trust

GAPS_SHOWN: Final = 5
"""Missing skills that are listed for a step, the most telling first."""


class StepKind(IntEnum):
    """What a step is; numbers as in `pathways.proto`."""

    MOVE = 1
    APPRENTICESHIP = 2
    STUDY = 3
    QUALIFICATION = 4
    RETURN = 5


_KINDS: Final = {
    Way.APPRENTICESHIP: StepKind.APPRENTICESHIP,
    Way.STUDY: StepKind.STUDY,
    Way.QUALIFICATION: StepKind.QUALIFICATION,
    Way.RETURN: StepKind.RETURN,
}


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """A step. origin: the work before; None at the start of somebody without any. months, hours: what it takes.

    related: of both kinds of work, 0 to 1. suits: the parts of suitability, as of a match. gaps: the most telling
    skills that are missing, with what closes them.
    pay_before: of the work before. register: that the step leads onto, or that the work needs.
    """

    kind: StepKind
    origin: Work | None
    work: Work
    programme: Programme | None
    months: int
    months_basis: str
    hours: int
    related: float
    suits: Components
    gaps: tuple[SkillMatch, ...]
    gap_count: int
    rules: tuple[Rule, ...]
    register: Register | None
    pay: Pay | None
    pay_before: Pay | None
    offers: tuple[Match, ...]
    offer_count: int


@dataclass(frozen=True, slots=True)
class PlannedRoute:
    """A way with its steps. preferences: what it is the best for, of those that are listed."""

    steps: tuple[PlannedStep, ...]
    preferences: tuple[Preference, ...]

    @property
    def months(self) -> int:
        """How long it takes."""
        return sum(step.months for step in self.steps)

    @property
    def hours(self) -> int:
        """How much learning it is."""
        return sum(step.hours for step in self.steps)


@dataclass(frozen=True, slots=True)
class Point:
    """A point of a way. held: as in `Standing`. now: whether it is where the person stands today."""

    work: Work | None
    held: Mapping[int, tuple[int, Trust]]
    level: int
    registers: frozenset[str]
    now: bool

    def after(self, step: PlannedStep) -> "Point":
        """Return where one is after `step`."""
        held = learnt(self.held, step.work, MOST_WITHOUT_ASSESSMENT)
        level = max(self.level, step.programme.level if step.programme else 0)
        registers = self.registers | {step.register.name} if step.register else self.registers
        return Point(step.work, held, level, registers, now=False)


@dataclass(frozen=True)
class Describer:
    """Describes the ways of one person. works: those that steps point at."""

    person: PersonEntry
    standing: Standing
    career: CareerMap
    works: Sequence[Work]
    frame: Frame
    offers: Offers
    suits: Suits
    _stood: dict[Steps, Stood] = field(default_factory=dict)
    """Who the person would be after steps that were described before."""

    def route(self, route: Route) -> PlannedRoute:
        """Return `route` with all that is known of its steps."""
        return PlannedRoute(tuple(self.steps(route.steps)), route.preferences)

    def steps(self, way: Steps) -> list[PlannedStep]:
        """Return the steps of a way in order."""
        standing = self.standing
        origin = self.career.works.get(standing.occupation)
        held = learnt(standing.held, origin, 0) if origin and standing.current else dict(standing.held)
        point = Point(origin, held, standing.level, standing.registers, now=True)
        found: list[PlannedStep] = []
        for place, step in enumerate(way):
            planned = self._step(step, point, self._stood_at(way[:place], point))
            found.append(planned)
            point = point.after(planned)
        return found

    def _stood_at(self, before: Steps, point: Point) -> Stood:
        stood = self._stood.get(before)
        if stood is None:
            work = None if point.now else point.work
            stood = self._stood[before] = self.suits.stood(self.person.person, point.held, work, self.frame.as_of)
        return stood

    def _step(self, step: Step, point: Point, stood: Stood) -> PlannedStep:
        origin, held = point.work, point.held
        work = self.works[step.target]
        programme = self.career.programmes[step.programme] if step.programme >= 0 else None
        stays = step.kind is Link.QUALIFY or (origin is work and step.programme >= 0)
        related = 1.0 if origin is work else self._related(origin, work)
        fit = fit_of(work, held, self.career.taxonomy, self.frame.weights)
        current = origin if self.standing.current or not point.now else None
        if programme is None:
            months, basis = self._months_to_move(current, work, fit)
            hours = len(fit.missing) * rules.HOURS_A_GAP
            why = self._why_move(current, work, related, fit, point)
        else:
            months, hours, basis = round(step.months), programme.hours, programme_basis(programme, stays=stays)
            why = why_programme(programme, work, current, self.career, stays=stays)
        shown, count = self.offers.best(self.person, self._entries(programme, work), now=point.now)
        missing = () if stays else fit.missing
        return PlannedStep(
            kind=StepKind.MOVE if programme is None else _kind(programme, stays=stays),
            origin=origin,
            work=work,
            programme=programme,
            months=months,
            months_basis=basis,
            hours=hours,
            related=related,
            suits=self.suits.components(stood, work, self.frame.as_of),
            gaps=tuple(skill_match(skill, NOTHING, self.frame, essential=True) for skill in missing[:GAPS_SHOWN]),
            gap_count=len(missing),
            rules=tuple(why),
            register=None if stays else work.register,
            pay=None if stays else self.offers.pay(work.name),
            pay_before=self.offers.pay(origin.name) if origin else None,
            offers=tuple(shown),
            offer_count=count,
        )

    def _related(self, origin: Work | None, work: Work) -> float:
        return float(relatedness(self.career, origin, (work,))[0]) if origin else 0.0

    def _entries(self, programme: Programme | None, work: Work) -> Sequence[Offer]:
        if programme is None:
            return self.offers.work.get(work.name, ())
        return self.offers.apprenticeships.get(programme.name, ())

    def _rung(self, origin: Work | None, work: Work) -> int:
        rung = self.career.rungs.get((origin.name, work.name)) if origin else None
        return rung.months if rung else 0

    def _months_to_move(self, origin: Work | None, work: Work, fit: Fit) -> tuple[int, str]:
        rung, gaps = self._rung(origin, work), len(fit.missing)
        rises = work.level > (origin.level if origin else 0)
        months = rules.months_to_move(
            np.array([float(gaps)]), np.array([work.level]), rises=np.array([rises]), rungs=np.array([rung])
        )
        basis = f"{rules.RECRUITING} months to apply, be checked and be inducted"
        if rung:
            basis += f", after {rung} months of practice in the work before"
        elif rises and work.level > rules.ENTRY_LEVEL:
            basis += f", after {rules.PRACTICE_BEFORE_RISING} months of practice in the work before"
        if gaps:
            skills = "one skill" if gaps == 1 else f"{gaps} skills"
            basis += f"; {skills} to learn meanwhile, {rules.GAPS_A_MONTH} a month"
        return int(months[0]), f"{basis} (a rule of Careweave’s own)."

    def _why_move(self, origin: Work | None, work: Work, related: float, fit: Fit, point: Point) -> list[Rule]:
        found = [self._why_near(origin, work, related, fit)]
        current = max(origin.level if origin else 0, point.level)
        if self._rung(origin, work) == 0:
            found.append(Rule(rise_in_words(work.level, current), rules.ISCO))
        if work.register and work.register.name in point.registers:
            found.append(
                Rule(f"Needs the register of the {work.register.regulator}, and has it by then.", work.register.law)
            )
        found += [Rule(condition.text, condition.source) for condition in work.conditions]
        return found

    def _why_near(self, origin: Work | None, work: Work, related: float, fit: Fit) -> Rule:
        rung = self.career.rungs.get((origin.name, work.name)) if origin else None
        if rung and origin:
            return Rule(f"The next rung from “{origin.label}” on the Care Workforce Pathway.", rung.source)
        if related >= rules.NEAR:
            return Rule(f"Close to the work before: {related:.0%} related, and {rules.NEAR:.0%} is enough.", rules.OWN)
        if work.level <= rules.ENTRY_LEVEL:
            return Rule("Open to beginners: learnt in the first months of the work.", rules.OWN)
        there = f"{fit.covered:.0%} of what it asks for is there by links of the taxonomy"
        return Rule(f"{there}, and {rules.COVERED:.0%} is enough.", rules.OWN)


def rise_in_words(level: int, current: int) -> str:
    """Return why work of `level` can be moved to from what one has, at level `current`."""
    if level <= current:
        return f"No higher than the work or qualification before: level {level}."
    if level <= rules.ENTRY_LEVEL:
        return f"Level {level}, which anybody may begin at."
    return f"One level up, to level {level}: more than one at a time needs a programme."


def _kind(programme: Programme, *, stays: bool) -> StepKind:
    return StepKind.QUALIFICATION if stays and programme.way is not Way.RETURN else _KINDS[programme.way]


def programme_basis(programme: Programme, *, stays: bool) -> str:
    """Return how the months of a programme come about."""
    if programme.way is Way.RETURN or programme.shortened or stays:
        return programme.basis or "The standard’s typical length."
    extra = f"and {rules.RECRUITING} months to apply and be taken on (a rule of Careweave’s own)."
    typical = "The standard’s typical length" if programme.way is Way.APPRENTICESHIP else "The usual length full-time"
    detail = f" {programme.basis}" if programme.basis and "typical length" not in programme.basis else ""
    return f"{typical}, {extra}{detail}"


def why_programme(
    programme: Programme, work: Work, origin: Work | None, career: CareerMap, *, stays: bool
) -> list[Rule]:
    """Return the rules by which a programme can be begun and leads where it does."""
    found = _entry(programme, origin)
    register = career.registers.get(programme.register)
    if register and programme.entry_register == programme.register and programme.way is not Way.RETURN:
        found.append(Rule(f"Work as {work.label} stays on the register of the {register.regulator}.", register.law))
    elif register and work.register and not stays:
        words = (
            f"Nobody may work as a {register.profession} without being on the register of the {register.regulator}; "
            "this is a way onto it that the regulator accepts."
        )
        found.append(Rule(words, register.law))
    if programme.way is Way.APPRENTICESHIP and programme.months > rules.SHORTEST_PRACTICAL_PERIOD:
        words = f"May be shortened for what is known already, to no less than {rules.SHORTEST_PRACTICAL_PERIOD} months."
        found.append(Rule(words, rules.SHORTEST_APPRENTICESHIP))
    if programme.way is Way.APPRENTICESHIP and programme.level >= rules.MASTERS:
        words = (
            "Publicly funded for those who begin before 22 (before 25 after care or with an education, health and care "
            "plan); for others an employer pays all of it."
        )
        found.append(Rule(words, rules.FUNDING_FROM_LEVEL_7))
    if stays:
        least = next((least for least in BANDS[::-1] if least and programme.level >= least), 0)
        found.append(Rule(f"Gives a qualification at level {programme.level}, which what follows asks for.", rules.OWN)
                     if least else Rule("Gives a qualification.", rules.OWN))  # fmt: skip
    return found


def _entry(programme: Programme, origin: Work | None) -> list[Rule]:
    """Return what a programme asks for, each by whose rule: that work close by is asked for is Careweave's own."""
    source = programme.source
    if programme.way is Way.RETURN:
        return [Rule(f"For those who were on the register before. {programme.basis}".strip(), source)]
    if programme.entry_register:
        return [Rule(f"Open to those on the register: {programme.entry_register}.", source)]
    near = f"Open to those who work with people who are cared for, as in “{origin.label}”." if origin else ""
    found = [Rule(near, rules.OWN)] if programme.near and near else []
    if programme.entry_level > rules.ENTRY_LEVEL:
        words = f"Asks for a qualification at level {programme.entry_level}, which is there by then."
    elif programme.entry_level == rules.ENTRY_LEVEL:
        words = "Asks for English and maths at level 2."
    else:
        words = "No qualification is set for entry; employers and providers look at English and maths."
    return [*found, Rule(words, source)]
