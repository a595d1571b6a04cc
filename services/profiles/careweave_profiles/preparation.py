"""From what a caller says of a person to what can be kept: checked, complete, in normal form."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from careweave.graph.port import Reads
from careweave.policy import Caller, Role
from careweave.v1.profiles_pb2 import SOURCE_ASSESSMENT, SOURCE_EMPLOYER, Person, PersonSkill
from careweave_profiles.normal_form import normalise, same_assertion
from careweave_profiles.references import References, named_by
from careweave_profiles.rules import check_person, check_skill, check_texts
from careweave_profiles.violations import Violations

_OTHERS_WORD: Final = (SOURCE_EMPLOYER, SOURCE_ASSESSMENT)


@dataclass(frozen=True, slots=True)
class Draft:
    """A profile as a caller wants it.

    person: changed in place by `prepare`.
    before: as it is kept; None if the person is new.
    path: where `person` stands in the request, for messages.
    """

    person: Person
    before: Person | None
    path: str = "person"


async def prepare(reads: Reads, caller: Caller, drafts: Sequence[Draft], now: datetime) -> None:
    """Check all `drafts` and bring each into normal form.

    Raises:
        InvalidArgument: some break a rule or name what does not exist; every violation is listed.
    """
    found, references = Violations(), References()
    for draft in drafts:
        check_person(draft.person, now.date(), draft.path, found)
        _check_sources(draft, caller, found)
        for label, name, path in named_by(draft.person, draft.path, draft.before):
            references.add(label, name, path)
    await references.check(reads, found)
    found.refuse_if_any("PROFILE_INVALID")
    for draft in drafts:
        normalise(draft.person, draft.before, references.skill_labels, now)


async def prepare_with_skill(reads: Reads, caller: Caller, before: Person, skill: PersonSkill, now: datetime) -> Person:
    """Return `before` in normal form with `skill`, the field `skill` of a request, in the place of what was held of it.

    Raises:
        InvalidArgument: the skill breaks a rule or does not exist.
    """
    found, references = Violations(), References()
    held = next((each for each in before.skills if each.skill == skill.skill), None)
    check_texts(skill, "skill", found)
    check_skill(skill, now.date(), "skill", found)
    _check_source(skill, held, caller, "skill", found)
    if held is None:
        references.add("Skill", skill.skill, "skill.skill")
    await references.check(reads, found)
    found.refuse_if_any("SKILL_INVALID")
    after = Person()
    after.CopyFrom(before)
    del after.skills[:]
    after.skills.extend([*(each for each in before.skills if each.skill != skill.skill), skill])
    normalise(after, before, references.skill_labels, now)
    return after


def _check_sources(draft: Draft, caller: Caller, found: Violations) -> None:
    held = {skill.skill: skill for skill in draft.before.skills} if draft.before else {}
    for index, skill in enumerate(draft.person.skills):
        _check_source(skill, held.get(skill.skill), caller, f"{draft.path}.skills[{index}]", found)


def _check_source(skill: PersonSkill, held: PersonSkill | None, caller: Caller, path: str, found: Violations) -> None:
    """Note it if a person claims somebody else's word; what is held already stays."""
    if caller.role is not Role.PERSON or skill.source not in _OTHERS_WORD:
        return
    if held is None or not same_assertion(skill, held):
        found.add(
            f"{path}.source", "only an employer or an assessor says this; use SOURCE_SELF or SOURCE_QUALIFICATION"
        )
