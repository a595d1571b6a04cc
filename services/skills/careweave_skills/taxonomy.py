"""The words of the taxonomy. The numbers are those of `protos/careweave/v1/skills.proto` and of the graph."""

from enum import IntEnum


class Scheme(IntEnum):
    """Where a concept comes from."""

    UNSPECIFIED = 0
    ESCO = 1
    CARE_WORKFORCE_PATHWAY = 2
    APPRENTICESHIP_STANDARDS = 3


class SkillKind(IntEnum):
    """What kind of concept a skill is."""

    UNSPECIFIED = 0
    SKILL = 1
    KNOWLEDGE = 2
    BEHAVIOUR = 3


class SkillCollection(IntEnum):
    """Collections that ESCO marks."""

    UNSPECIFIED = 0
    DIGITAL = 1
    GREEN = 2
    TRANSVERSAL = 3
    LANGUAGE = 4
    RESEARCH = 5
    DIGCOMP = 6


class Importance(IntEnum):
    """How much a role depends on a skill."""

    UNSPECIFIED = 0
    ESSENTIAL = 1
    OPTIONAL = 2


class LinkMethod(IntEnum):
    """How a link was made."""

    UNSPECIFIED = 0
    SOURCE = 1
    LABEL = 2
    EMBEDDING = 3


class Source(IntEnum):
    """What can be imported, in the order in which it is imported."""

    UNSPECIFIED = 0
    ESCO = 1
    CARE_WORKFORCE_PATHWAY = 2
    APPRENTICESHIP_STANDARDS = 3
    LINKS = 4
