"""Taking updates in: a batch in one unit of work, each update answered by itself.

What is wrong with an update is found before anything is written, so a bad one does not touch the
others. Should the unit fail all the same for a reason that trying again does not mend, each update is
tried in a unit of its own.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from careweave.errors import CareweaveError, FailedPrecondition
from careweave.graph.port import UnitOfWork
from careweave.patience import PASSING
from careweave.policy import Caller
from careweave.v1.hr_pb2 import ProfileUpdate
from careweave_profiles import store
from careweave_profiles.feeds.checking import fault_of, missing_references, named_by
from careweave_profiles.feeds.claims import Meaning, taking, unresolved_in
from careweave_profiles.feeds.keys import RecordKeys
from careweave_profiles.feeds.positions import Mark, keep_position
from careweave_profiles.feeds.programmes import programmes
from careweave_profiles.feeds.records import FeedRecord, read_records
from careweave_profiles.feeds.sections import SKILLS, Stated, news, repeated, stated
from careweave_profiles.feeds.wordings import Resolver, SkillWords, wordings_of
from careweave_profiles.feeds.working import Work
from careweave_profiles.ports import Ports

_LOG: Final = logging.getLogger(__name__)


class Outcome(StrEnum):
    """What became of an update."""

    APPLIED = "applied"
    DUPLICATE = "duplicate"
    STALE = "stale"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Answer:
    """outcome, and why an update was rejected; `unexpected` is the id by which the log has what nobody foresaw."""

    outcome: Outcome
    error: CareweaveError | None = None
    unexpected: str = ""


@dataclass(frozen=True, slots=True)
class _Sound:
    """An update without fault, when it was said, and what it means."""

    update: ProfileUpdate
    said: Stated
    meaning: Meaning


@dataclass(frozen=True, slots=True)
class Prepared:
    """Updates, of which those with a fault have it noted, and the others what they mean; nothing is written yet."""

    faults: Sequence[CareweaveError | None]
    sound: Sequence[_Sound]


class Feeds:
    """What taking updates in stands on, and what it remembers between batches."""

    def __init__(self, ports: Ports, words: SkillWords) -> None:
        """Resolve words by `words`."""
        self.ports = ports
        self.keys = RecordKeys(ports.new_id)
        self.resolver = Resolver(ports.graph, words, ports.clock)


async def apply_updates(
    feeds: Feeds, caller: Caller, updates: Sequence[ProfileUpdate], mark: Mark | None = None
) -> list[Answer]:
    """Take in `updates`, which have passed their field rules, in order, and return an answer for each.

    mark: the feed and the position that is answered with the last of them, kept with the effect.

    Raises:
        Unavailable, Exhausted, Conflict: nothing has happened, or a part; trying again is harmless and may work.
    """
    return await apply_prepared(feeds, await prepare(feeds, caller, updates), mark)


async def prepare(feeds: Feeds, caller: Caller, updates: Sequence[ProfileUpdate]) -> Prepared:
    """Return what can be found out of `updates` before their unit of work begins, for `apply_prepared`.

    Raises:
        Unavailable, Exhausted, Conflict: trying again may work.
    """
    now = feeds.ports.clock()
    faults = [fault_of(update, caller, now) for update in updates]
    good = [update for update, fault in zip(updates, faults, strict=True) if fault is None]
    wordings = [wordings_of(update) for update in good]
    resolved = await feeds.resolver.resolve({each for some in wordings for each in some})
    taught = await programmes(feeds.ports.graph, good)
    sound = [
        _Sound(update, stated(update), Meaning(some, resolved, taught))
        for update, some in zip(good, wordings, strict=True)
    ]
    return Prepared(faults, sound)


async def apply_prepared(feeds: Feeds, prepared: Prepared, mark: Mark | None) -> list[Answer]:
    """Take in what was prepared, as `apply_updates`."""
    found = iter(await _apply_sound(feeds, prepared.sound, mark))
    return [next(found) if fault is None else Answer(Outcome.REJECTED, fault) for fault in prepared.faults]


async def _apply_sound(feeds: Feeds, sound: Sequence[_Sound], mark: Mark | None) -> list[Answer]:
    try:
        return await _apply_together(feeds, sound, mark)
    except PASSING:
        feeds.keys.forget()
        raise
    except Exception:  # noqa: BLE001  one update must not cost the others theirs
        feeds.keys.forget()
    answers = [await _apply_alone(feeds, each) for each in sound]
    await _apply_together(feeds, (), mark)
    return answers


async def _apply_alone(feeds: Feeds, sound: _Sound) -> Answer:
    try:
        return (await _apply_together(feeds, [sound], None))[0]
    except PASSING:
        feeds.keys.forget()
        raise
    except Exception as error:  # noqa: BLE001  it is answered, and logged
        feeds.keys.forget()
        return _failed(feeds, error)


def _failed(feeds: Feeds, error: Exception) -> Answer:
    if isinstance(error, CareweaveError):
        return Answer(Outcome.REJECTED, error)
    error_id = feeds.ports.new_id()
    _LOG.error("an update failed unexpectedly", exc_info=error, extra={"error_id": error_id})
    return Answer(Outcome.REJECTED, unexpected=error_id)


async def _apply_together(feeds: Feeds, sound: Sequence[_Sound], mark: Mark | None) -> list[Answer]:
    if not sound and mark is None:
        return []
    async with feeds.ports.graph.unit_of_work() as unit:
        answers = await _apply(unit, feeds, sound) if sound else []
        if mark is not None:
            await keep_position(unit, mark)
        return answers


async def _apply(unit: UnitOfWork, feeds: Feeds, batch: Sequence[_Sound]) -> list[Answer]:
    await feeds.keys.prepare(unit)
    names = [feeds.keys.name(each.update.source_system, each.update.external_id) for each in batch]
    kept = await read_records(unit, sorted(set(names)))
    touched = {
        kept[name].person
        for name, each in zip(names, batch, strict=True)
        if name in kept and (news(each.said, kept[name].known) or kept[name].unresolved)
    }
    work = await Work.begin(unit, feeds.ports, kept, sorted(touched - {""}))
    known = await _known_references(unit, [each.update for each in batch])
    answers = []
    for name, each in zip(names, batch, strict=True):
        missing = missing_references(each.update, known)
        answers.append(Answer(Outcome.REJECTED, missing) if missing else await _take(work, each, name))
    await work.finish()
    return answers


async def _take(work: Work, sound: _Sound, name: str) -> Answer:
    update, said = sound.update, sound.said
    record = work.record(name) or FeedRecord(name, update.source_system, "", said.kind)
    if record.erased:
        return Answer(Outcome.REJECTED, _erased())
    if record.kind is not said.kind:
        return Answer(Outcome.REJECTED, _another_order(record))
    new, again = news(said, record.known), repeated(said, record.known)
    retried = [place for place in again if place == SKILLS and record.unresolved]
    if not new and not retried:
        return Answer(Outcome.DUPLICATE if again else Outcome.STALE)
    after = taking(record, update, said, [*new, *retried], sound.meaning)
    if not new and (after.claims, after.unresolved) == (record.claims, record.unresolved):
        return Answer(Outcome.DUPLICATE)
    mentioned = unresolved_in(sound.meaning) if SKILLS in (*new, *retried) else None
    await work.put(after, mentioned if record.unresolved or after.unresolved else None)
    return Answer(Outcome.APPLIED)


async def _known_references(unit: UnitOfWork, updates: Sequence[ProfileUpdate]) -> dict[str, set[str]]:
    wanted: dict[str, set[str]] = {}
    for update in updates:
        for label, name, _ in named_by(update):
            wanted.setdefault(label, set()).add(name)
    return {label: await store.known_names(unit, label, sorted(names)) for label, names in wanted.items()}


def _erased() -> FailedPrecondition:
    return FailedPrecondition(
        "The profile of this record was deleted at its person's wish; take the record out of the feed.",
        reason="RECORD_ERASED",
    )


def _another_order(record: FeedRecord) -> FailedPrecondition:
    kind = f"source_{record.kind.name.lower()}"
    return FailedPrecondition(
        f"This record has been ordered by {kind} so far; keep to it, or send it as another source system.",
        reason="ORDER_CHANGED",
        metadata={"expected": kind},
    )
