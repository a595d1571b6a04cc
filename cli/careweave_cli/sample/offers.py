"""Which opportunities the sample has: who offers which kind, around which role, standard or course."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Final, TypeAlias

from careweave_skills.sources.care_pathway import PathwayCourse
from careweave_skills.sources.standards import ApprenticeshipStandard

from careweave.v1 import common_pb2
from careweave_cli.sample.catalogue import Catalogue
from careweave_cli.sample.chance import apportion, happens, stream, weighted
from careweave_cli.sample.records import (
    Employer,
    LearningHub,
    Role,
    Theme,
    Topic,
    employers,
    hubs,
    roles,
    roles_in,
    themes,
    topics,
)

Kind: TypeAlias = "common_pb2.OpportunityKind.ValueType"

JOB: Final = common_pb2.OPPORTUNITY_KIND_JOB
SECONDMENT: Final = common_pb2.OPPORTUNITY_KIND_SECONDMENT
APPRENTICESHIP: Final = common_pb2.OPPORTUNITY_KIND_APPRENTICESHIP
COURSE: Final = common_pb2.OPPORTUNITY_KIND_COURSE
PLACEMENT: Final = common_pb2.OPPORTUNITY_KIND_PLACEMENT
SHADOWING: Final = common_pb2.OPPORTUNITY_KIND_SHADOWING
PROJECT: Final = common_pb2.OPPORTUNITY_KIND_PROJECT
MENTORING: Final = common_pb2.OPPORTUNITY_KIND_MENTORING

MIX: Final = {
    JOB: 0.375,
    APPRENTICESHIP: 0.15,
    COURSE: 0.15,
    PLACEMENT: 0.08,
    SHADOWING: 0.075,
    SECONDMENT: 0.07,
    PROJECT: 0.05,
    MENTORING: 0.05,
}
"""Share of each kind."""
SHARES: Final = {
    "home_care": 0.3,
    "nhs": 0.25,
    "care_home": 0.17,
    "primary_care": 0.09,
    "council": 0.075,
    "voluntary": 0.065,
    "hospice": 0.035,
    "education": 0.015,
}
"""Share of each sector in opportunities that are not courses: home care has most vacancies."""
_COURSE_SETTINGS: Final = {
    "college": 5,
    "university": 4,
    "voluntary": 2,
    "community": 1.5,
    "acute": 1.5,
    "home_care": 1,
    "care_home": 1,
}
_APPROVED: Final = "ApprovedForDelivery"
_FOR_THE_REGISTERED: Final = frozenset({"ST0564", "ST0895", "ST1419"})
"""Standards that only somebody on the register of the role may begin."""
_LEARNERS_ALSO_IN: Final = frozenset(
    {
        "home_care_worker",
        "care_assistant",
        "older_adult_care_worker",
        "link_worker",
        "disability_worker",
        "hca",
        "mh_support",
    }
)
"""Roles without a register in which students and trainees learn too."""


@dataclass(frozen=True, slots=True)
class Offer:
    """One opportunity before it is worded.

    site: postcode district; empty if it can be done from anywhere.
    """

    number: int
    kind: Kind
    employer: Employer
    role: Role
    site: str
    hub: LearningHub | None = None
    standard: ApprenticeshipStandard | None = None
    course: PathwayCourse | None = None
    theme: Theme | None = None


def make_offers(seed: int, count: int, catalogue: Catalogue) -> list[Offer]:
    """Return `count` offers of all kinds in the proportions of `MIX`."""
    kinds = [kind for kind, many in apportion(count, MIX).items() for _ in range(many)]
    order = stream(seed, "order of courses")
    courses: list[PathwayCourse | Theme] = [*themes("course"), *_varied(order, distinct_courses(catalogue.courses))]
    projects = list(themes("project"))
    offers = []
    for number, kind in enumerate(kinds):
        chance = stream(seed, "offer", number)
        if kind == COURSE:
            offers.append(_course(chance, number, courses[(number - kinds.index(COURSE)) % len(courses)]))
        elif kind == PROJECT:
            offers.append(_project(chance, number, projects[(number - kinds.index(PROJECT)) % len(projects)]))
        else:
            offers.append(_post(chance, number, kind, catalogue))
    return offers


def distinct_courses(courses: Sequence[PathwayCourse]) -> list[PathwayCourse]:
    """Return one of those courses that differ in nothing but who awards them."""
    found: dict[tuple[str, str], PathwayCourse] = {}
    for course in courses:
        found.setdefault((course.title.lower(), course_level(course)), course)
    return list(found.values())


def course_level(course: PathwayCourse) -> str:
    """Return the level and size of a course as it is titled, for example "Level 2 Award"; else its type."""
    level = re.search(r"Level (\d)(?: (Award|Certificate|Diploma))?", course.type)
    return level[0] if level else course.type.replace("e-Learning Module", "e-learning")


def register_of(offer: Offer) -> str:
    """Return the register on which somebody must be to take up paid work; empty if on none."""
    new = offer.standard is not None and offer.standard.name.removeprefix("standards/") not in _FOR_THE_REGISTERED
    return "" if new else offer.role.register


def usable_standards(role: Role, catalogue: Catalogue) -> list[ApprenticeshipStandard]:
    """Return the standards that lead to `role` and take apprentices now."""
    standards = [catalogue.standards[reference] for reference in role.standards]
    return [standard for standard in standards if standard.status == _APPROVED]


def _post(chance: Random, number: int, kind: Kind, catalogue: Catalogue) -> Offer:
    """Return an offer around a role: any kind but courses and projects."""
    while True:
        sector = weighted(chance, SHARES)
        employer = weighted(chance, {one: one.weight**0.5 for one in employers().values() if one.sector == sector})
        suited = {role: many**0.6 for role, many in roles_in(employer.setting).items() if _suits(kind, role, catalogue)}
        if suited:
            break
    role = weighted(chance, suited)
    site = chance.choice(employer.at)
    if kind == MENTORING and happens(chance, 0.4):
        site = ""
    standard = chance.choice(usable_standards(role, catalogue)) if kind == APPRENTICESHIP else None
    return Offer(number, kind, employer, role, site, standard=standard)


def _suits(kind: Kind, role: Role, catalogue: Catalogue) -> bool:
    if kind == APPRENTICESHIP:
        return bool(usable_standards(role, catalogue))
    if kind == PLACEMENT:
        return bool(role.register) or role.key in _LEARNERS_ALSO_IN
    if kind in (SECONDMENT, MENTORING):
        return role.rung > 1
    return True


def _project(chance: Random, number: int, theme: Theme) -> Offer:
    role = roles()[theme.role]
    employer = chance.choice([one for one in employers().values() if one.setting in role.staff])
    site = "" if happens(chance, 0.4) else chance.choice(employer.at)
    return Offer(number, PROJECT, employer, role, site, theme=theme)


def _course(chance: Random, number: int, course: "PathwayCourse | Theme") -> Offer:
    """Return a course at an organisation, or at one of the hubs."""
    if isinstance(course, Theme):
        employer = chance.choice([one for one in employers().values() if one.setting == course.by])
        return Offer(number, COURSE, employer, roles()[course.role], chance.choice(employer.at), theme=course)
    role = roles()[chance.choice(topic_of(course).roles)]
    if re.search("End of Life", course.title) and happens(chance, 0.7):
        employer = chance.choice([one for one in employers().values() if one.setting == "hospice"])
    else:
        setting = weighted(chance, _COURSE_SETTINGS)
        employer = chance.choice([one for one in employers().values() if one.setting == setting])
    hub = chance.choice(hubs()) if happens(chance, 0.5) else None
    site = hub.at if hub else chance.choice(employer.at)
    return Offer(number, COURSE, employer, role, site, hub=hub, course=course)


def topic_of(course: PathwayCourse) -> Topic:
    """Return what `course` is about."""
    return next(one for one in topics() if re.search(one.pattern, f"{course.title} {course.type}"))


def _varied(chance: Random, courses: Sequence[PathwayCourse]) -> list[PathwayCourse]:
    return chance.sample(courses, len(courses))
