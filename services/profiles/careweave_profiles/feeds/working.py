"""The records and people of a batch while it is worked on: changed in memory, written in as few steps as can be.

A person is changed once by each step. When a second change of one comes, what has gathered is written
first, so that each change is a version of its own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

from careweave.graph.port import UnitOfWork
from careweave.v1.profiles_pb2 import Person, PersonSkill
from careweave_profiles.feeds.history import write_overruled
from careweave_profiles.feeds.records import FeedRecord, write_records
from careweave_profiles.feeds.standing import Standing, read_standings, write_displaced
from careweave_profiles.feeds.unresolved import write_unresolved
from careweave_profiles.feeds.weaving import Said, said_by, weave
from careweave_profiles.feeds.wordings import Wording
from careweave_profiles.normal_form import normalise
from careweave_profiles.ports import Ports
from careweave_profiles.saving import Change, save


@dataclass(slots=True)
class _Pending:
    """A change that waits to be written."""

    standing: Standing
    change: Change
    displaced: Person
    overruled: Sequence[PersonSkill]


class Work:
    """A batch under way; `begin` it, `put` records, and `finish`."""

    def __init__(self, unit: UnitOfWork, ports: Ports) -> None:
        self._unit = unit
        self._ports = ports
        self._records: dict[str, FeedRecord] = {}
        self._standings: dict[str, Standing] = {}
        self._pending: dict[str, _Pending] = {}
        self._changed: dict[str, FeedRecord] = {}
        self._joining: dict[str, FeedRecord] = {}
        self._mentioned: dict[str, Sequence[Wording]] = {}

    @classmethod
    async def begin(cls, unit: UnitOfWork, ports: Ports, kept: Mapping[str, FeedRecord], people: Sequence[str]) -> Self:
        """Begin with the records `kept`, and those of them whose person is in `people` to be changed."""
        work = cls(unit, ports)
        work._records = dict(kept)
        work._standings = await read_standings(unit, people)
        return work

    def record(self, name: str) -> FeedRecord | None:
        """Return the record as it is now, None if there is none."""
        return self._records.get(name)

    async def put(self, record: FeedRecord, mentioned: Sequence[Wording] | None) -> None:
        """Take `record` as it is from now on, into the profile of its person too; without a person it gets a new one.

        mentioned: its unresolved wordings; None if it has and had none.
        """
        standing = self._standings.get(record.person) or Standing(f"people/{self._ports.new_id()}")
        if record.person != standing.name:
            record = replace(record, person=standing.name)
            self._standings[standing.name] = standing
            self._joining[record.name] = record
        await self._change(standing, {**standing.records, record.name: record})
        self._records[record.name] = self._changed[record.name] = record
        if mentioned is not None:
            self._mentioned[record.name] = mentioned

    async def join(self, record: FeedRecord) -> None:
        """Give `record` to the person it names, who exists and has not had it."""
        standing = self._standings[record.person]
        self._joining[record.name] = self._changed[record.name] = record
        await self._change(standing, {**standing.records, record.name: record})

    async def _change(self, standing: Standing, records: dict[str, FeedRecord]) -> None:
        """Let `records` be all records of a person, and make the profile what follows from that."""
        if standing.name in self._pending:
            await self._write_people()
        before = standing.before if standing.before is not None else Person(name=standing.name)
        known, now = said_by(standing.records.values()), said_by(records.values())
        woven = weave(before, standing.displaced, known, now)
        normalise(woven.person, standing.before, _labels(now, standing.displaced), self._ports.clock())
        change = Change(standing.before, woven.person)
        self._pending[standing.name] = _Pending(standing, change, woven.displaced, woven.overruled)
        standing.records = records

    async def finish(self) -> None:
        """Write what is still to be written."""
        await self._write_people()
        await write_records(self._unit, list(self._changed.values()), list(self._joining.values()))
        if self._mentioned:
            source_systems = {name: self._records[name].source_system for name in self._mentioned}
            await write_unresolved(self._unit, source_systems, self._mentioned)

    async def _write_people(self) -> None:
        pending = list(self._pending.values())
        self._pending.clear()
        if not pending:
            return
        now = self._ports.clock()
        saved = await save(self._unit, self._ports, [each.change for each in pending], now)
        overruled = [(person, each.overruled) for each, person in zip(pending, saved, strict=True) if each.overruled]
        await write_overruled(self._unit, overruled, now)
        rehidden = []
        for each, person in zip(pending, saved, strict=True):
            each.standing.before = person
            if each.standing.displaced != each.displaced:
                each.standing.displaced = each.displaced
                rehidden.append(each.standing)
        await write_displaced(self._unit, rehidden)


def _labels(now: Said, displaced: Person) -> dict[str, str]:
    """Return the labels of all skills that may be new to a profile."""
    claimed = (*now.stated.values(), *now.raised.values(), *displaced.skills)
    return {skill.skill: skill.label for skill in claimed}
