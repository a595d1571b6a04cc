"""What the opportunities of the sample ask for and teach, in terms of the taxonomies."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

from careweave_skills.taxonomy import SkillKind

from careweave.v1 import common_pb2
from careweave.v1.common_pb2 import CredentialRequirement, SkillRequirement
from careweave_cli.sample.abilities import core_skills, pathway_skills
from careweave_cli.sample.catalogue import Catalogue, Competence
from careweave_cli.sample.chance import happens, some
from careweave_cli.sample.documents import dbs_level_of, training_of, works_in_care
from careweave_cli.sample.offers import (
    APPRENTICESHIP,
    COURSE,
    JOB,
    PLACEMENT,
    PROJECT,
    SECONDMENT,
    SHADOWING,
    Offer,
    register_of,
    topic_of,
)
from careweave_cli.sample.records import Role, roles

LEFT_TO_THE_SERVER: Final = 0.06
"""Share of opportunities, courses apart, without requirements, whose skills the server reads from the description."""
_LEVEL_OF_RUNG: Final = {
    1: common_pb2.PROFICIENCY_ADVANCED_BEGINNER,
    2: common_pb2.PROFICIENCY_ADVANCED_BEGINNER,
    3: common_pb2.PROFICIENCY_COMPETENT,
    4: common_pb2.PROFICIENCY_COMPETENT,
    5: common_pb2.PROFICIENCY_PROFICIENT,
}
_DEGREE_LEVEL: Final = 4


@dataclass(frozen=True, slots=True)
class Demand:
    """What one opportunity is about.

    essential, optional: skills it asks for. develops: skills it teaches. stated: whether the skills
    asked for are given as requirements, or left to be read from the text.
    """

    essential: Sequence[Competence]
    optional: Sequence[Competence]
    develops: Sequence[Competence]
    stated: bool


def draw_demand(chance: Random, offer: Offer, catalogue: Catalogue) -> Demand:
    """Return what `offer` asks for and teaches."""
    core = core_skills(offer.role, catalogue)
    occupation = catalogue.occupation(offer.role.occupation)
    extra = [*catalogue.optional.get(occupation, ()), *pathway_skills(offer.role, catalogue)]
    # What the text of a course speaks of is taught, not asked for.
    stated = offer.kind == COURSE or not happens(chance, LEFT_TO_THE_SERVER)
    if offer.kind in (JOB, SECONDMENT):
        essential = _leading(chance, core, len(offer.role.skills), chance.randint(6, 12))
        return Demand(essential, some(chance, extra, chance.randint(2, 6)), (), stated)
    if offer.kind == APPRENTICESHIP:
        return _of_apprenticeship(chance, offer, core, catalogue, stated=stated)
    if offer.kind == PROJECT:
        essential = _leading(chance, core, len(offer.role.skills), 3)
        return Demand(essential, some(chance, core, 4), some(chance, extra, 3), stated)
    if offer.course:
        taught = [catalogue.named(name) for name in offer.course.develops]
        taught = taught or [catalogue.skill(label) for label in topic_of(offer.course).teaches]
        return Demand((), some(chance, core, 4), taught, stated)
    return Demand((), some(chance, core, chance.randint(3, 6)), some(chance, core, chance.randint(5, 10)), stated)


def as_requirements(chance: Random, demand: Demand, role: Role) -> list[SkillRequirement]:
    """Return the requirements that `demand` states, each skill once, essential first."""
    if not demand.stated:
        return []
    found: dict[str, SkillRequirement] = {}
    for importance, skills in (
        (common_pb2.IMPORTANCE_ESSENTIAL, demand.essential),
        (common_pb2.IMPORTANCE_OPTIONAL, demand.optional),
    ):
        for skill in skills:
            graded = importance == common_pb2.IMPORTANCE_ESSENTIAL and happens(chance, 0.45)
            level = _LEVEL_OF_RUNG[role.rung] if graded else common_pb2.PROFICIENCY_UNSPECIFIED
            found.setdefault(skill.name, SkillRequirement(skill=skill.name, importance=importance, proficiency=level))
    return list(found.values())


def draw_credentials(chance: Random, offer: Offer) -> list[CredentialRequirement]:
    """Return the credentials that `offer` needs: by law, by setting and by distance."""
    role = offer.role
    if offer.kind in (PLACEMENT, SHADOWING):
        return [_dbs(offer, months=0, provided=False)] if works_in_care(role) and happens(chance, 0.6) else []
    if offer.kind not in (JOB, SECONDMENT, APPRENTICESHIP):
        return _of_learning(offer)
    found = [_dbs(offer, months=chance.choice((0, 0, 36)), provided=happens(chance, 0.6))]
    register = register_of(offer)
    if register:
        found.insert(0, CredentialRequirement(kind=common_pb2.CREDENTIAL_KIND_REGISTRATION, title=register))
    asked = some(chance, training_of(role), chance.choice((0, 1, 1, 2)))
    found.extend(_training(title, provided=happens(chance, 0.6)) for title in asked)
    if happens(chance, role.drive):
        found.append(CredentialRequirement(kind=common_pb2.CREDENTIAL_KIND_DRIVING_LICENCE))
    qualification = _qualification(chance, offer)
    return [*found, qualification] if qualification else found


def _of_apprenticeship(
    chance: Random, offer: Offer, core: Sequence[Competence], catalogue: Catalogue, *, stated: bool
) -> Demand:
    """Return what an apprenticeship asks of those who begin, and the duties and skills it leads to."""
    feeders = _feeders(offer.role)
    feeder = chance.choice(feeders) if feeders else offer.role
    known = core_skills(feeder, catalogue)
    duties = offer.standard.duties if offer.standard else ()
    taught = [Competence(duty.name, duty.label, duty.kind == SkillKind.KNOWLEDGE) for duty in some(chance, duties, 12)]
    asked = _leading(chance, known, len(feeder.skills), 3)
    return Demand(asked, some(chance, known, 5), [*some(chance, core, 8), *taught], stated)


def _feeders(role: Role) -> list[Role]:
    """Return the roles without a register from which people come to `role`, through registered ones if need be."""
    before = [roles()[key] for key in role.before]
    return [one for one in before if not one.register] or [earlier for one in before for earlier in _feeders(one)]


def _leading(chance: Random, core: Sequence[Competence], own: int, count: int) -> list[Competence]:
    """Return `count` skills of `core`: most of the first `own`, which set the role apart, and some others."""
    first = [skill for skill in core[:own] if happens(chance, 0.8)]
    return [*first, *some(chance, core[own:], max(0, count - len(first)))]


def _of_learning(offer: Offer) -> list[CredentialRequirement]:
    """Return what a course asks for: only preparing to supervise students needs a registration."""
    if offer.kind == COURSE and offer.theme and offer.theme.title.startswith("Practice Supervisor"):
        return [CredentialRequirement(kind=common_pb2.CREDENTIAL_KIND_REGISTRATION, title=offer.role.register)]
    return []


def _dbs(offer: Offer, *, months: int, provided: bool) -> CredentialRequirement:
    level = dbs_level_of(offer.role, offer.employer.setting)
    return CredentialRequirement(
        kind=common_pb2.CREDENTIAL_KIND_DBS, dbs_level=level, recheck_months=months, provided_by_employer=provided
    )


def _training(title: str, *, provided: bool) -> CredentialRequirement:
    return CredentialRequirement(
        kind=common_pb2.CREDENTIAL_KIND_MANDATORY_TRAINING, title=title, provided_by_employer=provided
    )


def _qualification(chance: Random, offer: Offer) -> CredentialRequirement | None:
    title, provided = "", happens(chance, 0.7)
    if offer.kind == APPRENTICESHIP:
        # Apprentices learn English and maths alongside where they lack them.
        demanding = offer.standard is not None and offer.standard.level > _DEGREE_LEVEL
        title, provided = (
            "Functional Skills English and maths level 2" if demanding and happens(chance, 0.5) else "",
            True,
        )
    elif offer.role.rung in (2, 3) and not offer.role.register and "roleb" in offer.role.pathway:
        title = "Level 3 Diploma in Adult Care" if happens(chance, 0.3) else ""
    elif offer.role.key in ("home_care_manager", "care_home_manager"):
        title = "Level 5 Diploma in Leadership and Management for Adult Care" if happens(chance, 0.6) else ""
    if not title:
        return None
    return CredentialRequirement(
        kind=common_pb2.CREDENTIAL_KIND_QUALIFICATION, title=title, provided_by_employer=provided
    )
