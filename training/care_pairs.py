"""Pairs from what care publishes: apprenticeship standards, the Care Workforce Pathway and its courses."""

from collections.abc import Iterator
from itertools import combinations
from random import Random
from typing import Final

from careweave_skills.sources.care_pathway import CarePathway
from careweave_skills.sources.standards import Standards

from training.pair import Pair
from training.withheld import is_withheld

_PAIRS_OF_A_STANDARD: Final = 12
_DUTIES_OF_A_STANDARD: Final = 40
_SKILLS_OF_A_COURSE: Final = 4


def standard_pairs(standards: Standards, random: Random) -> Iterator[Pair]:
    """Yield typical job titles of a standard with each other and its title, and its duties with its title.

    Job titles that also stand in a withheld standard are left out.
    """
    hidden = {title.lower() for each in standards.standards if is_withheld(each) for title in each.job_titles}
    for standard in standards.standards:
        if not is_withheld(standard):
            titles = [title for title in standard.job_titles if title.lower() not in hidden]
            both = list(combinations([standard.title, *titles], 2))
            for one, two in random.sample(both, min(_PAIRS_OF_A_STANDARD, len(both))):
                yield Pair("titles", one, two, standard.name, standard.name)
        for duty in random.sample(standard.duties, min(_DUTIES_OF_A_STANDARD, len(standard.duties))):
            yield Pair("duties", duty.label, standard.title, standard.name, standard.name)


def pathway_pairs(pathway: CarePathway, random: Random) -> Iterator[Pair]:
    """Yield skills with their categories and descriptions, roles with their skills, courses with what they teach."""
    labels = {skill.name: skill.label for skill in pathway.skills}
    for skill in pathway.skills:
        for category in skill.categories:
            yield Pair("care", skill.label, category, skill.name, category)
        if skill.description:
            yield Pair("care", skill.description, skill.label, skill.name, skill.name)
    for role in pathway.roles:
        for name in random.sample(role.skills, min(_DUTIES_OF_A_STANDARD, len(role.skills))):
            yield Pair("care", random.choice((role.label, *role.alternative_labels)), labels[name], role.name, name)
    for course in pathway.courses:
        for name in random.sample(course.develops, min(_SKILLS_OF_A_COURSE, len(course.develops))):
            yield Pair("care", course.title, labels[name], course.name, name)


def pathway_relations(pathway: CarePathway) -> dict[str, frozenset[str]]:
    """Return concept → what belongs to it: skills to roles and courses, categories to skills."""
    return (
        {role.name: frozenset(role.skills) for role in pathway.roles}
        | {course.name: frozenset(course.develops) for course in pathway.courses}
        | {skill.name: frozenset(skill.categories) for skill in pathway.skills}
    )
