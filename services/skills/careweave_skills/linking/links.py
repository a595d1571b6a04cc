"""All links at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from careweave.abbreviations import in_full
from careweave_skills.linking.concepts import Embed, Link, Taxonomies
from careweave_skills.linking.occupations import OccupationLinker
from careweave_skills.linking.skills import SkillLinker
from careweave_skills.linking.wordings import bare_title, topic

LINKER: Final = "1"
"""Version of the rules and thresholds; a change makes all links anew."""


@dataclass(frozen=True, slots=True)
class Links:
    """Links by kind and by what they join."""

    same_skills: tuple[Link, ...]
    same_occupations: tuple[Link, ...]
    standards_develop: tuple[Link, ...]
    courses_develop: tuple[Link, ...]
    standards_for: tuple[Link, ...]


def make_links(taxonomies: Taxonomies, embed: Embed) -> Links:
    """Return all links.

    Raises:
        Unavailable: the embedding model cannot be used.
    """
    skills = SkillLinker(taxonomies.skills, taxonomies.occupations, embed)
    occupations = OccupationLinker(taxonomies.occupations, taxonomies.skills, embed)
    standards_for = occupations.for_standards(taxonomies.standards)
    duties = [duty for standard in taxonomies.standards for duty in standard.duties]
    same = [
        *skills.same_as(taxonomies.pathway_skills, in_pathway=True),
        *skills.same_as(duties, in_pathway=False),
    ]
    return Links(
        same_skills=tuple(same),
        same_occupations=tuple(occupations.for_roles(taxonomies.roles)),
        standards_develop=tuple(skills.developed_by_standards(taxonomies.standards, _by_source(standards_for))),
        courses_develop=tuple(skills.developed_by_courses(taxonomies.courses)),
        standards_for=tuple(standards_for),
    )


def texts_to_embed(taxonomies: Taxonomies) -> list[str]:
    """Return every text of which `make_links` wants the vector, each once."""
    return list(dict.fromkeys([
        *(skill.label for skill in taxonomies.skills),
        *(each.label for each in taxonomies.occupations),
        *(bare_title(standard.title) for standard in taxonomies.standards),
        *(in_full(topic(course.title)) for course in taxonomies.courses),
        *(wording.text for wording in taxonomies.pathway_skills),
        *(duty.text for standard in taxonomies.standards for duty in standard.duties),
        *(label for each in taxonomies.occupations if each.in_care for label in each.alternative_labels),
    ]))  # fmt: skip


def _by_source(links: Sequence[Link]) -> Mapping[str, Sequence[Link]]:
    found: dict[str, list[Link]] = {}
    for link in links:
        found.setdefault(link.source, []).append(link)
    return found
