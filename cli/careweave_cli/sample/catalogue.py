"""The packaged taxonomies as the sample needs them: names by label, and what occupations ask for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final, TypeVar

from careweave_skills.sources.care_pathway import CarePathway, PathwayCourse, read_care_pathway
from careweave_skills.sources.esco import Esco, read_esco
from careweave_skills.sources.standards import ApprenticeshipStandard, read_standards
from careweave_skills.taxonomy import Importance, SkillCollection, SkillKind

from careweave.datasets import folder
from careweave.errors import NotFound

PATHWAY_PREFIX: Final = "cwp:"
"""Before the code of a role category, or the wording of a skill, of the Care Workforce Pathway."""
_LONGEST_PHRASE: Final = 12
"""Words of the longest skill label that a sentence can carry."""

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Competence:
    """A skill of any taxonomy: its resource name, its label, and whether it is knowledge."""

    name: str
    label: str
    knowledge: bool

    @property
    def fits_a_sentence(self) -> bool:
        """Whether the label is short and plain enough to stand in a sentence."""
        return len(self.label.split()) <= _LONGEST_PHRASE and not set("()/;:.") & set(self.label)

    @property
    def is_a_field(self) -> bool:
        """Whether the label names a field of knowledge ("palliative care") rather than what one does."""
        return self.knowledge and self.label.partition(" ")[0] not in ("know", "understand")


@dataclass(frozen=True, slots=True, eq=False)
class Catalogue:
    """Names and requirements, in the order of the sources."""

    skills: Mapping[str, Competence]
    """By label; a label of the pathway has the prefix `cwp:`."""
    by_name: Mapping[str, Competence]
    """The same skills by resource name."""
    occupations: Mapping[str, str]
    """Resource name by label; a role category of the pathway is `cwp:<code>`."""
    essential: Mapping[str, Sequence[Competence]]
    """By resource name of the occupation."""
    optional: Mapping[str, Sequence[Competence]]
    """By resource name of the occupation."""
    transversal: Sequence[Competence]
    """Skills that are useful in any work."""
    courses: Sequence[PathwayCourse]
    standards: Mapping[str, ApprenticeshipStandard]
    """By reference, for example ST0005."""

    def skill(self, label: str) -> Competence:
        """Return the skill called `label`.

        Raises:
            NotFound: there is none.
        """
        return _found(self.skills, label.strip(), "skill")

    def named(self, name: str) -> Competence:
        """Return the skill of that resource name.

        Raises:
            NotFound: there is none.
        """
        return _found(self.by_name, name, "skill")

    def occupation(self, label: str) -> str:
        """Return the resource name of the occupation called `label`.

        Raises:
            NotFound: there is none.
        """
        return _found(self.occupations, label, "occupation")


@cache
def catalogue() -> Catalogue:
    """Return the packaged taxonomies; they are read once.

    Raises:
        InvalidArgument: a packaged file is damaged.
    """
    esco = read_esco(folder("esco-v1.1.1"))
    pathway = read_care_pathway(folder("uk-care"))
    standards = read_standards(folder("apprenticeships")).standards
    by_name = {
        **{skill.name: Competence(skill.name, skill.label, skill.kind == SkillKind.KNOWLEDGE) for skill in esco.skills},
        **{
            skill.name: Competence(skill.name, skill.label, skill.kind == SkillKind.KNOWLEDGE)
            for skill in pathway.skills
        },
    }
    return Catalogue(
        skills={
            **{skill.label: by_name[skill.name] for skill in esco.skills},
            **{PATHWAY_PREFIX + skill.label: by_name[skill.name] for skill in pathway.skills},
        },
        by_name=by_name,
        occupations={
            **{occupation.label: occupation.name for occupation in esco.occupations},
            **{PATHWAY_PREFIX + role.name.removeprefix("occupations/cwp-"): role.name for role in pathway.roles},
        },
        essential=_essential(esco, pathway, by_name),
        optional=_required(esco, Importance.OPTIONAL, by_name),
        transversal=[by_name[skill.name] for skill in esco.skills if SkillCollection.TRANSVERSAL in skill.collections],
        courses=pathway.courses,
        standards={standard.name.removeprefix("standards/"): standard for standard in standards},
    )


def _essential(esco: Esco, pathway: CarePathway, by_name: Mapping[str, Competence]) -> dict[str, Sequence[Competence]]:
    found = _required(esco, Importance.ESSENTIAL, by_name)
    found.update({role.name: [by_name[skill] for skill in role.skills] for role in pathway.roles})
    return found


def _required(esco: Esco, importance: Importance, by_name: Mapping[str, Competence]) -> dict[str, Sequence[Competence]]:
    found: dict[str, list[Competence]] = {}
    for requirement in esco.requirements:
        if requirement.importance == importance:
            found.setdefault(requirement.occupation, []).append(by_name[requirement.skill])
    return dict(found)


def _found(among: Mapping[str, _T], label: str, what: str) -> _T:
    if label not in among:
        raise NotFound(f"There is no {what} called {label!r} in the packaged taxonomies.", reason="LABEL_NOT_FOUND")
    return among[label]
