"""What a record claims of its person, section by section, in the form in which it is kept."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Final

from careweave.v1.common_pb2 import PROFICIENCY_ADVANCED_BEGINNER
from careweave.v1.hr_pb2 import FeedCredential, FeedSkill, ProfileUpdate
from careweave.v1.profiles_pb2 import (
    SOURCE_ASSESSMENT,
    SOURCE_EMPLOYER,
    SOURCE_QUALIFICATION,
    Person,
    PersonSkill,
)
from careweave_profiles.feeds.checking import credentials_of, employments_of
from careweave_profiles.feeds.programmes import Programmes, programme_of
from careweave_profiles.feeds.records import FeedRecord
from careweave_profiles.feeds.sections import SECTIONS, Stated
from careweave_profiles.feeds.wordings import Known, Resolved, Wording

_LONGEST_EVIDENCE: Final = 2000


@dataclass(frozen=True, slots=True)
class Meaning:
    """What the words of an update stand for in the taxonomy.

    wordings: of its skills, in order. resolved, programmes: of these and others.
    """

    wordings: Sequence[Wording]
    resolved: Resolved
    programmes: Programmes


def taking(
    record: FeedRecord, update: ProfileUpdate, said: Stated, sections: Sequence[int], meaning: Meaning
) -> FeedRecord:
    """Return `record` after it took `sections` (places in SECTIONS) of `update`."""
    claims, raised = Person(), record.raised
    claims.CopyFrom(record.claims)
    unresolved = record.unresolved
    names = [SECTIONS[place] for place in sections]
    if "identity" in names:
        _take_identity(claims, update)
    if "employments" in names:
        del claims.employments[:]
        claims.employments.extend(employments_of(update.employments))
    if "skills" in names:
        del claims.skills[:]
        claims.skills.extend(_strongest(_skills_of(update.skills.skills, meaning)))
        unresolved = len(unresolved_in(meaning))
    if "credentials" in names:
        del claims.credentials[:]
        claims.credentials.extend(credentials_of(update.credentials))
        raised = Person(skills=_strongest(_raised_by(update.credentials.credentials, meaning.programmes)))
    known = tuple(
        said.stamps[place] or stamp if place in sections else stamp for place, stamp in enumerate(record.known)
    )
    return replace(record, known=known, claims=claims, raised=raised, unresolved=unresolved)


def unresolved_in(meaning: Meaning) -> list[Wording]:
    """Return what of the skills of an update nobody could resolve, each once."""
    return [wording for wording in dict.fromkeys(meaning.wordings) if not meaning.resolved[wording]]


def strength(skill: PersonSkill) -> tuple[bool, int, bytes]:
    """Return by what of two claims of one skill the stronger is told: assessed, level, then content."""
    return skill.source == SOURCE_ASSESSMENT, skill.proficiency, skill.SerializeToString(deterministic=True)


def _take_identity(claims: Person, update: ProfileUpdate) -> None:
    claims.display_name = update.identity.display_name
    claims.email = update.identity.email
    claims.place = update.identity.place
    claims.fictional = update.identity.fictional


def _skills_of(skills: Iterable[FeedSkill], meaning: Meaning) -> Iterable[PersonSkill]:
    for each, wording in zip(skills, meaning.wordings, strict=True):
        evidence = each.evidence or (wording.words if wording.kind == "text" else "")
        source = SOURCE_ASSESSMENT if each.assessed else SOURCE_EMPLOYER
        for known in meaning.resolved[wording]:
            claim = _claim(known, each.proficiency, source, evidence)
            if each.HasField("effective_date") or each.HasField("expire_date"):
                claim = _dated(claim, each)
            yield claim


@lru_cache(maxsize=50_000)
def _claim(known: Known, proficiency: Any, source: Any, evidence: str) -> PersonSkill:
    """Return a claim without dates, which is shared: many people have one skill at one level."""
    return PersonSkill(skill=known.skill, label=known.label, proficiency=proficiency, source=source, evidence=evidence)


def _dated(claim: PersonSkill, given: FeedSkill) -> PersonSkill:
    dated = PersonSkill()
    dated.CopyFrom(claim)
    if given.HasField("effective_date"):
        dated.effective_date.CopyFrom(given.effective_date)
    if given.HasField("expire_date"):
        dated.expire_date.CopyFrom(given.expire_date)
    return dated


def _raised_by(credentials: Iterable[FeedCredential], programmes: Programmes) -> Iterable[PersonSkill]:
    for each in credentials:
        for known in programmes.get(programme_of(each), ()):
            yield _raised(known, each)


def _raised(known: Known, credential: FeedCredential) -> PersonSkill:
    """Return the skill as a completed course gives it: level 2, until somebody assesses it."""
    raised = PersonSkill(
        skill=known.skill,
        label=known.label,
        proficiency=PROFICIENCY_ADVANCED_BEGINNER,
        source=SOURCE_QUALIFICATION,
        evidence=f"Completed: {credential.title or credential.programme}"[:_LONGEST_EVIDENCE],
    )
    if credential.HasField("issue_date"):  # a certificate may lapse; what was learnt does not, hence no last day
        raised.effective_date.CopyFrom(credential.issue_date)
    return raised


def _strongest(skills: Iterable[PersonSkill]) -> list[PersonSkill]:
    """Return one claim for each skill, in order of skill."""
    best: dict[str, PersonSkill] = {}
    for each in skills:
        held = best.get(each.skill)
        if held is None or strength(each) > strength(held):
            best[each.skill] = each
    return [best[name] for name in sorted(best)]
