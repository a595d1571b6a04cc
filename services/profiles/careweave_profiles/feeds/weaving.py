"""A profile as a function of what its person says and what feeds claim, whatever came first.

What is told apart by comparison: an entry of the profile that equals what feeds claimed is theirs, all
else is the person's or another's word. That word stands before a feed's, but for what provenance
decides (`outranks`) and for what a completed course raises. A word that a claim stands before is kept
as displaced, and returns when the claim goes. What a person takes out of their profile stays out until
a feed says something else of it.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

from careweave.v1.profiles_pb2 import (
    SOURCE_ASSESSMENT,
    SOURCE_EMPLOYER,
    SOURCE_INFERRED,
    SOURCE_QUALIFICATION,
    Credential,
    Employment,
    Person,
    PersonSkill,
)
from careweave_profiles.feeds.claims import strength
from careweave_profiles.feeds.records import FeedRecord
from careweave_profiles.normal_form import same_assertion

IDENTITY: Final = ("display_name", "email", "place", "fictional")
_RANKS: Final = {SOURCE_INFERRED: 0, SOURCE_QUALIFICATION: 1, SOURCE_EMPLOYER: 2, SOURCE_ASSESSMENT: 3}
"""How well founded others' words are; the person's own is not among them, since a feed does not overwrite it."""

_Entry = TypeVar("_Entry", Employment, Credential)


@dataclass(frozen=True, slots=True)
class Said:
    """What all records of one person claim together.

    identity: by field, of the record that the profile was made from before others.
    employments, credentials: by content.
    stated, raised: by skill.
    """

    identity: Person = field(default_factory=Person)
    employments: Mapping[bytes, Employment] = field(default_factory=dict)
    credentials: Mapping[bytes, Credential] = field(default_factory=dict)
    stated: Mapping[str, PersonSkill] = field(default_factory=dict)
    raised: Mapping[str, PersonSkill] = field(default_factory=dict)


_NOTHING_SAID: Final = Said()


@dataclass(frozen=True, slots=True)
class Woven:
    """person: as they shall be, before normal form. displaced: see above. overruled: new claims that do not stand."""

    person: Person
    displaced: Person
    overruled: Sequence[PersonSkill]


def said_by(records: Collection[FeedRecord]) -> Said:
    """Return what `records`, all of one person, claim together."""
    if not records:
        return _NOTHING_SAID
    ordered = sorted(records, key=lambda record: (record.joined, record.name))
    identity = Person()
    for record in reversed(ordered):
        for name in IDENTITY:
            if getattr(record.claims, name):
                setattr(identity, name, getattr(record.claims, name))
    return Said(
        identity,
        _by_content(each for record in ordered for each in record.claims.employments),
        _by_content(each for record in ordered for each in record.claims.credentials),
        _strongest(each for record in ordered for each in record.claims.skills),
        _strongest(each for record in ordered for each in record.raised.skills),
    )


def outranks(claim: PersonSkill, word: PersonSkill) -> bool:
    """Tell whether a feed's claim stands before a word on the same skill that is not a feed's."""
    return word.source in _RANKS and _RANKS[claim.source] >= _RANKS[word.source]


def weave(before: Person, displaced: Person, known: Said, now: Said) -> Woven:
    """Return what becomes of a profile when its feeds claim `now` where they claimed `known`.

    before: the profile as it is kept, empty if it is new. displaced: see above.
    """
    after, hidden = Person(), Person()
    after.CopyFrom(before)
    _weave_identity(after, hidden, displaced, known.identity, now.identity)
    employments = _woven(before.employments, _by_content(displaced.employments), known.employments, now.employments)
    credentials = _woven(before.credentials, _by_content(displaced.credentials), known.credentials, now.credentials)
    for kept, found in ((after.employments, employments[0]), (after.credentials, credentials[0])):
        del kept[:]
        kept.extend(found)  # type: ignore[arg-type]  # each list with entries of its own kind
    hidden.employments.extend(employments[1])
    hidden.credentials.extend(credentials[1])
    return Woven(after, hidden, _weave_skills(after, hidden, displaced, known, now))


def _weave_identity(after: Person, hidden: Person, displaced: Person, known: Person, now: Person) -> None:
    for name in IDENTITY:
        here, claimed, claim = getattr(after, name), getattr(known, name), getattr(now, name)
        own = getattr(displaced, name) if here and here == claimed else here
        taken_out = claimed and not here
        if own and own == claim:
            setattr(hidden, name, own)
        if not (taken_out and claim == claimed):
            setattr(after, name, own or claim)


def _woven(
    profile: Iterable[_Entry],
    displaced: Mapping[bytes, _Entry],
    known: Mapping[bytes, _Entry],
    now: Mapping[bytes, _Entry],
) -> tuple[list[_Entry], list[_Entry]]:
    """Return the entries that stand, own words first, and the own words that equal a claim."""
    here = _by_content(profile)
    own = {key: each for key, each in here.items() if key not in known or key in displaced}
    claims = [each for key, each in now.items() if key not in own and (key in here or key not in known)]
    return list(own.values()) + claims, [each for key, each in own.items() if key in now]


def _weave_skills(after: Person, hidden: Person, displaced: Person, known: Said, now: Said) -> list[PersonSkill]:
    if not (after.skills or known.stated or known.raised):
        return _take_skills(after, now)
    here = {each.skill: each for each in after.skills}
    aside = {each.skill: each for each in displaced.skills}
    standing: list[PersonSkill] = []
    overruled: list[PersonSkill] = []
    for skill in sorted(here.keys() | now.stated.keys() | now.raised.keys()):
        word = here.get(skill)
        claimed = [each for each in (known.stated.get(skill), known.raised.get(skill)) if each is not None]
        claims = [each for each in (now.stated.get(skill), now.raised.get(skill)) if each is not None]
        news = [each for each in claims if not _among(each, claimed)]
        if word is None and claimed and not news:
            continue  # the person took it out
        own = aside.get(skill) if word is not None and _among(word, claimed) else word
        stands = _stands(own, now.stated.get(skill), now.raised.get(skill))
        if stands is not None:
            standing.append(stands)
        if own is not None and (stands is not own or _among(own, claims)):
            hidden.skills.append(own)
        overruled += [each for each in news if each is not stands]
    del after.skills[:]
    after.skills.extend(standing)
    return overruled


def _take_skills(after: Person, now: Said) -> list[PersonSkill]:
    """Put claims into a profile without any skill and without any claim before; as `_weave_skills`, sooner."""
    overruled = []
    for skill in sorted(now.stated.keys() | now.raised.keys()):
        stated, raised = now.stated.get(skill), now.raised.get(skill)
        stands = _stands(None, stated, raised)
        if stands is not None:
            after.skills.append(stands)
        overruled += [each for each in (stated, raised) if each is not None and each is not stands]
    return overruled


def _stands(own: PersonSkill | None, stated: PersonSkill | None, raised: PersonSkill | None) -> PersonSkill | None:
    stands = own
    if stated is not None and (own is None or outranks(stated, own)):
        stands = stated
    if raised is not None and (stands is None or raised.proficiency > stands.proficiency):
        stands = raised
    return stands


def _among(skill: PersonSkill, others: Iterable[PersonSkill]) -> bool:
    return any(same_assertion(skill, other) for other in others)


def _by_content(entries: Iterable[_Entry]) -> dict[bytes, _Entry]:
    return {each.SerializeToString(deterministic=True): each for each in entries}


def _strongest(skills: Iterable[PersonSkill]) -> dict[str, PersonSkill]:
    best: dict[str, PersonSkill] = {}
    for each in skills:
        held = best.get(each.skill)
        if held is None or strength(each) > strength(held):
            best[each.skill] = each
    return best
