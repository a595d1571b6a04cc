"""What fictional people can do: it follows their work, with gaps, surprises and unequal evidence."""

from collections.abc import Sequence
from datetime import date
from functools import cache
from random import Random
from typing import Final

from careweave.v1 import common_pb2, profiles_pb2
from careweave_cli.sample.calendar import as_message, months_before
from careweave_cli.sample.careers import Post
from careweave_cli.sample.catalogue import PATHWAY_PREFIX, Catalogue, Competence
from careweave_cli.sample.chance import happens, some, spread, weighted
from careweave_cli.sample.records import Role

COMMON_GROUND: Final = "care at home worker"
"""Occupation whose skills underlie the role categories of the pathway, for which ESCO has none of its own."""
VOLUNTEERING: Final = (
    "listen actively", "keep company", "relate empathetically", "customer service", "cooperate with colleagues",
    "prepare ready-made dishes", "observe confidentiality", "tend to elderly people", "communicate by telephone",
)  # fmt: skip
"""What people without a post in care bring along."""
_MOST_CORE: Final = 24
_UNKNOWN_LEVEL: Final = 0.28
_SOURCES: Final = {
    profiles_pb2.SOURCE_SELF: 0.38,
    profiles_pb2.SOURCE_EMPLOYER: 0.36,
    profiles_pb2.SOURCE_QUALIFICATION: 0.1,
    profiles_pb2.SOURCE_ASSESSMENT: 0.1,
    profiles_pb2.SOURCE_INFERRED: 0.06,
}
_EVIDENCE: Final = {
    profiles_pb2.SOURCE_EMPLOYER: ("Annual appraisal", "Supervision record", "HR record", "Signed competence sheet"),
    profiles_pb2.SOURCE_QUALIFICATION: ("Certificate seen", "Diploma unit", "Course completed", "Apprenticeship unit"),
    profiles_pb2.SOURCE_ASSESSMENT: ("Observed in practice", "Assessed by a registered nurse", "Assessor's report"),
}  # fmt: skip
_LEVELS: Final = tuple(common_pb2.Proficiency.values())
_HIGHEST: Final = {profiles_pb2.SOURCE_QUALIFICATION: 2}
"""Highest level that a source can give; a course alone gives at most level 2."""


def draw_abilities(
    chance: Random, posts: Sequence[Post], catalogue: Catalogue, today: date
) -> list[profiles_pb2.PersonSkill]:
    """Return the skills of somebody with `posts`, newest first; of somebody without one, a handful.

    Each skill once, in order of name.
    """
    found: dict[str, profiles_pb2.PersonSkill] = {}
    for index, post in enumerate(posts):
        years = post.years if index == 0 else post.years / 2
        for competence in _of_post(chance, post.role, years, catalogue, earlier=index > 0):
            if competence.name not in found:
                found[competence.name] = _asserted(chance, competence, years, today)
    for competence in _beside_work(chance, catalogue, few=bool(posts)):
        if competence.name not in found:
            found[competence.name] = _asserted(chance, competence, 1, today)
    return sorted(found.values(), key=lambda skill: skill.skill)


@cache
def core_skills(role: Role, catalogue: Catalogue) -> Sequence[Competence]:
    """Return what `role` asks for above all: the essential skills of its occupation and its own additions."""
    essential = list(catalogue.essential.get(catalogue.occupation(role.occupation), ()))
    if role.occupation.startswith(PATHWAY_PREFIX):
        essential += catalogue.essential[catalogue.occupation(COMMON_GROUND)]
    own = [catalogue.skill(label) for label in role.skills]
    return [*own, *(one for one in essential if one not in own)]


@cache
def pathway_skills(role: Role, catalogue: Catalogue) -> Sequence[Competence]:
    """Return the skills of the Care Workforce Pathway that `role` draws on."""
    return [skill for code in role.pathway for skill in catalogue.essential[f"occupations/cwp-{code}"]]


def _of_post(chance: Random, role: Role, years: float, catalogue: Catalogue, *, earlier: bool) -> list[Competence]:
    core = core_skills(role, catalogue)
    share = spread(chance, 0.3 + 0.035 * years, 0.1, 0.15, 0.8) * (0.35 if earlier else 1)
    optional = catalogue.optional.get(catalogue.occupation(role.occupation), ())
    pathway = pathway_skills(role, catalogue)
    return [
        *(catalogue.skill(label) for label in role.skills if happens(chance, 0.4 if earlier else 0.75)),
        *some(chance, core, min(_MOST_CORE, round(share * len(core)))),
        *some(chance, optional, round(share * 0.4 * len(optional))),
        *some(chance, pathway, chance.randint(0, 3 if earlier else 9)),
    ]


def _beside_work(chance: Random, catalogue: Catalogue, *, few: bool) -> list[Competence]:
    brought = [catalogue.skill(label) for label in VOLUNTEERING]
    count = chance.randint(0, 2) if few else chance.randint(3, 6)
    return [*some(chance, brought, count), *some(chance, catalogue.transversal, chance.randint(0, 2))]


def _asserted(chance: Random, competence: Competence, years: float, today: date) -> profiles_pb2.PersonSkill:
    source = weighted(chance, _SOURCES)
    skill = profiles_pb2.PersonSkill(skill=competence.name, source=source)
    if not happens(chance, _UNKNOWN_LEVEL):
        skill.proficiency = _LEVELS[min(round(spread(chance, 1.6 + 0.32 * years, 0.8, 1, 5)), _HIGHEST.get(source, 5))]
    if source in _EVIDENCE:
        skill.evidence = chance.choice(_EVIDENCE[source])
    began = chance.uniform(0, 12 * years + 1)
    if happens(chance, 0.6):
        skill.effective_date.CopyFrom(as_message(months_before(today, began)))
    if source == profiles_pb2.SOURCE_QUALIFICATION and happens(chance, 0.35):
        expires = min(began, chance.uniform(-30, 12))
        skill.expire_date.CopyFrom(as_message(months_before(today, expires)))
    return skill
