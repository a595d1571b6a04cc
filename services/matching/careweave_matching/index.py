"""The read model: people and opportunities in memory, under one version of the taxonomy.

Nothing here asks a store. `following` fills it from a snapshot and keeps it current from the event log; a new
version of the taxonomy means a new index.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import cached_property
from types import MappingProxyType
from typing import Final

from careweave.embedding.port import Embedder, Vectors
from careweave_matching.aim_finder import AimFinder
from careweave_matching.applied import Applied
from careweave_matching.compiled.page import Names
from careweave_matching.crowd import Crowd
from careweave_matching.encoding import PageEncoder, names_of
from careweave_matching.entries import (
    CODE_BITS,
    KeyBook,
    OpportunityEntry,
    PersonEntry,
    enter_opportunity,
    enter_person,
)
from careweave_matching.gaps import Gaps
from careweave_matching.geography import Geography
from careweave_matching.model import HeldSkill, Opportunity, Person, Versions
from careweave_matching.needs import NeedBook
from careweave_matching.notices import Notice, NoticeBoard, notice_of
from careweave_matching.pair import Frame
from careweave_matching.reach import Reach
from careweave_matching.screening import Screener
from careweave_matching.shards.territory import Territory
from careweave_matching.table import Table, offered_on
from careweave_matching.taxonomy import Taxonomy
from careweave_matching.vectors import VectorBook
from careweave_matching.weights import Weights


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What people and opportunities refer to, beside the taxonomy. organisations: name → title."""

    geography: Geography
    organisations: Mapping[str, str] = field(default_factory=dict)


_MOST_TAKEN: Final = 512
"""Opportunities that a board takes in at once, at most: more are as quick with a new one."""

_NEARLY_FULL: Final = 0.75
"""Share of a table's room from which another is made beside it."""
AHEAD: Final = timedelta(minutes=10)
"""How long before midnight the board of the next day is made."""
_LEAST_CHANGED, _MOST_CHANGED, _SHARE_CHANGED = 64, 1000, 32
_MOST_ASIDE: Final = 256
"""Opportunities of other shards that are kept ready for single questions, at most."""


@dataclass(frozen=True)
class Board:
    """The opportunities on offer on one day, with what is needed to rank and to explain them.

    What takes long is made when it is first asked for: a watch needs the frame alone, and most ask for one view.

    on_offer: opportunities, when the board was made. gaps: what those on offer develop, anywhere.
    notices: those that another shard holds.
    needs: numbers of credentials needed. width: length of a vector.
    """

    on_offer: Sequence[OpportunityEntry]
    frame: Frame
    gaps: Gaps
    needs: NeedBook
    width: int
    names: Names
    organisation_title: Callable[[str], str]
    notices: NoticeBoard

    @cached_property
    def table(self) -> Table:
        """What is offered, as arrays."""
        return Table(
            self.on_offer,
            self.frame.geography,
            needs=self.needs,
            relatedness=self.frame.taxonomy.relatedness,
            weights=self.frame.weights,
            as_of=self.frame.as_of,
            width=self.width,
        )

    @property
    def entries(self) -> Sequence[OpportunityEntry]:
        """By row of the table; what is not offered any more, too."""
        return self.table.entries

    @property
    def offered(self) -> list[OpportunityEntry]:
        """What is on offer now, in no order."""
        return self.table.offered()

    def take(self, entries: Sequence[OpportunityEntry]) -> bool:
        """Offer `entries` in place of what was known of them, those that are on offer at all.

        Returns False where there are too many to take in one by one: then the board must be made anew.
        """
        if len(entries) > _MOST_TAKEN:
            return False
        taught: set[int] = set()
        for entry in entries:
            before = self.table.drop(entry.opportunity.name)
            if before is not None:
                self.gaps.drop(before)
                taught.update(before.taught)
            if entry.opportunity.is_offered(self.frame.as_of):
                if not self.table.add(entry):
                    return False
                self.gaps.add(entry)
                taught.update(entry.taught)
        if taught:
            self._forget_closers(taught)
        return True

    def notice(self, before: Notice | None, after: Notice | None) -> None:
        """Let `after` count in place of `before` for what closes gaps: it is on offer elsewhere."""
        offered = [each is not None and each.opportunity.is_offered(self.frame.as_of) for each in (before, after)]
        if before is not None and offered[0]:
            self.gaps.drop(before)
        if after is not None and offered[1]:
            self.gaps.add(after)
        taught = {skill for each in (before, after) if each is not None for skill in each.taught}
        if taught:
            self._forget_closers(taught)

    def _forget_closers(self, taught: set[int]) -> None:
        for encoder in (self.__dict__.get(view) for view in ("full", "basic")):
            if encoder is not None:
                encoder.forget_closers(taught)

    @cached_property
    def screener(self) -> Screener:
        """Screens the table."""
        return Screener(self.table, self.frame.geography)

    @cached_property
    def full(self) -> PageEncoder:
        """Encodes matches in the full view."""
        return PageEncoder(self.table, self.frame, self.names, self.organisation_title, full=True)

    @cached_property
    def basic(self) -> PageEncoder:
        """Encodes matches in the basic view."""
        return PageEncoder(self.table, self.frame, self.names, self.organisation_title, full=False)


@dataclass(slots=True)
class Coming:
    """A board that is made beside the one that serves.

    make: makes it, table and all; blocks, and may run in a thread. late: what was taken in since it was begun.
    late_notices: the same of notices, in order: each as it was before, and as it is since.
    """

    make: Callable[[], Board]
    late: dict[str, None] = field(default_factory=dict)
    late_notices: list[tuple[Notice | None, Notice | None]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Learnt:
    """What is made of a taxonomy and an embedder alone, which several indexes may share."""

    vectors: VectorBook
    finder: AimFinder
    names: Names


class Index:
    """People and opportunities; all methods are quick except those that embed, which are asynchronous."""

    def __init__(
        self,
        taxonomy: Taxonomy,
        surroundings: Surroundings,
        embedder: Embedder,
        weights: Weights,
        *,
        learnt: Learnt | None = None,
        territory: Territory | None = None,
    ) -> None:
        """Begin empty.

        learnt: by another index, of the same taxonomy and embedder.
        territory: what is held where several processes share people and opportunities; None stands for everything.
        """
        learnt = learnt or Learnt(VectorBook(embedder, taxonomy), AimFinder(embedder, taxonomy), names_of(taxonomy))
        self._embedder, self._learnt = embedder, learnt
        self.taxonomy = taxonomy
        self.surroundings = surroundings
        self.weights = weights
        self.model = embedder.model
        self.applied = Applied()
        """Who has applied for what."""
        self._vectors, self._finder, self._names = learnt.vectors, learnt.finder, learnt.names
        self._keys = KeyBook()
        self._needs = NeedBook()
        self._reach = Reach(taxonomy, self._keys, weights, self._vectors.skills)
        self.territory = territory
        self._people: dict[str, PersonEntry] = {}
        self._guests: dict[str, PersonEntry] = {}
        """Those who roam, and live in another shard."""
        self._told_from_afar: set[str] = set()
        """Those who roam, live here and ask for alerts."""
        self._notices = NoticeBoard()
        self._aside: OrderedDict[str, OpportunityEntry] = OrderedDict()
        self._opportunities: dict[str, OpportunityEntry] = {}
        self._board: Board | None = None
        self._next: Board | None = None
        self._coming: Coming | None = None
        self._crowd: Crowd | None = None
        self._changed: dict[str, None] = {}
        self._newcomers: Crowd | None = None

    def apart(self, geography: Geography, weights: Weights) -> "Index":
        """Return an empty index under the same taxonomy and model, for what this one shall not hold."""
        surroundings = Surroundings(geography, self.surroundings.organisations)
        return Index(self.taxonomy, surroundings, self._embedder, weights, learnt=self._learnt)

    def versions(self, profile: int, opportunity: int) -> Versions:
        """Return what a ranking by this index is made from, of a profile or an opportunity at a version."""
        return Versions(
            self.model,
            self.taxonomy.version,
            self.weights.version,
            profile,
            opportunity,
            self.surroundings.geography.digest,
            self.taxonomy.relatedness.digest,
        )

    def __len__(self) -> int:
        """Return how many people are held."""
        return len(self._people)

    async def put_opportunities(self, opportunities: Sequence[Opportunity]) -> list[str]:
        """Take in those that are newer than what is held; returns their names."""
        newer = [each for each in opportunities if self._is_newer(each)]
        if self.territory is not None:
            newer = self._held_here(newer, self.territory)
        skills = {need.skill for each in newer for need in each.requirements}
        await self._vectors.learn_skills(skills | {name for each in newer for name in each.develops})
        await self._vectors.learn_roles((), newer)
        vectors = await self._vectors.describe(newer)
        taken: list[str] = []
        for opportunity, vector in zip(newer, vectors, strict=True):
            if self._is_newer(opportunity):  # still, after the wait
                entry = enter_opportunity(opportunity, vector, self._vectors.skills, self.taxonomy, self._keys)
                self._opportunities[opportunity.name] = entry
                taken.append(opportunity.name)
        if taken:
            self._reach.ask_for_new_keys()
            self._offer(taken)
        return taken

    def _offer(self, names: Sequence[str]) -> None:
        """Let the boards that there are, and one that is being made, know what is new of `names`."""
        entries = [self._opportunities[name] for name in names]
        if self._board is not None and not self._board.take(entries):
            self._board = None
        if self._next is not None and not self._next.take(entries):
            self._next = None
        if self._coming is not None:
            self._coming.late.update(dict.fromkeys(names))

    def _is_newer(self, opportunity: Opportunity) -> bool:
        held = self._opportunities.get(opportunity.name) or self._notices.get(opportunity.name)
        return held is None or held.opportunity.version < opportunity.version

    def _held_here(self, newer: Sequence[Opportunity], territory: Territory) -> list[Opportunity]:
        """Return those that are held in full; of the others a notice is put up."""
        held: list[Opportunity] = []
        for each in newer:
            self._aside.pop(each.name, None)
            here = territory.holds(each)
            if here:
                held.append(each)
            elif self._opportunities.pop(each.name, None) is not None:
                self._board = self._next = self._coming = None  # it has moved away
            known = (self.taxonomy.index[skill] for skill in set(each.develops) if self.taxonomy.knows(skill))
            after = None if here else notice_of(each, tuple(sorted(known)))
            before = self._notices.drop(each.name) if after is None else self._notices.put(after)
            for board in (self._board, self._next):
                if board is not None:
                    board.notice(before, after)
            if self._coming is not None:
                self._coming.late_notices.append((before, after))
        return held

    def notice(self, name: str) -> Notice | None:
        """Return what is known of an opportunity that another shard holds; None if none of that name is elsewhere."""
        return self._notices.get(name)

    async def set_aside(self, opportunity: Opportunity) -> None:
        """Keep an opportunity of another shard ready for single questions; no list ranks it here."""
        await self._vectors.learn_skills({need.skill for need in opportunity.requirements} | {*opportunity.develops})
        await self._vectors.learn_roles((), [opportunity])
        vector = (await self._vectors.describe([opportunity]))[0]
        entry = enter_opportunity(opportunity, vector, self._vectors.skills, self.taxonomy, self._keys)
        self._aside[opportunity.name] = entry
        self._reach.ask_for_new_keys()
        if len(self._aside) > _MOST_ASIDE:
            self._aside.popitem(last=False)

    async def read_written(self, texts: Iterable[str]) -> Mapping[str, Vectors]:
        """Return the vectors of `texts`, which people wrote, by text."""
        return await self._vectors.read_written(texts)

    async def put_people(
        self, people: Sequence[Person], as_of: date, written: Mapping[str, Vectors] = MappingProxyType({})
    ) -> list[str]:
        """Take in those that are newer than what is held; returns their names.

        written: vectors of what they wrote, by text, as far as they are known already.
        """
        newer = [each for each in people if self._is_newer_person(each) and self.keeps(each)]
        await self._vectors.learn_skills({held.skill for each in newer for held in each.skills})
        await self._vectors.learn_roles(newer, ())
        aspirations = await self._vectors.aspirations(newer, written)
        if any(person.wishes.aspiration for person in newer):
            await self._finder.learn()
        taken: list[str] = []
        for person, aims in zip(newer, aspirations, strict=True):
            if self._is_newer_person(person):
                self._enter(person, aims, as_of)
                taken.append(person.name)
        if taken:
            entries = (self._people.get(name) or self._guests[name] for name in taken)
            self._reach.hold(code >> CODE_BITS for entry in entries for code in entry.codes)
            self._change(taken)
        return taken

    def _is_newer_person(self, person: Person) -> bool:
        held = self._people.get(person.name) or self._guests.get(person.name)
        return held is None or held.person.version < person.version

    def keeps(self, person: Person) -> bool:
        """Say whether a profile is held here; one that is not any more is dropped."""
        if self.territory is None or self.territory.holds_person(person):
            return True
        self._leave(person.name)
        return False

    async def visiting(self, person: Person, as_of: date, written: Mapping[str, Vectors]) -> PersonEntry:
        """Return the entry of somebody who lives elsewhere, which is not held. written: as in `put_people`."""
        await self._vectors.learn_skills({held.skill for held in person.skills})
        await self._vectors.learn_roles([person], ())
        aspirations = (await self._vectors.aspirations([person], written))[0]
        if person.wishes.aspiration:
            await self._finder.learn()
        made = self._made(person, aspirations, as_of)
        self._reach.hold(code >> CODE_BITS for code in made.codes)
        return made

    def move(self, surroundings: Surroundings) -> None:
        """Take in new places and organisations."""
        self.surroundings = surroundings
        self._board = self._next = self._coming = None
        if self.territory is not None:
            self.territory = self.territory.over(surroundings.geography)

    def forget_person(self, name: str) -> None:
        """Drop everything about a person who was erased."""
        self.applied.forget(name)
        self._leave(name)

    def _leave(self, name: str) -> None:
        """Hold a person no longer. What they have applied for stays known: they may come back, and shards rank it."""
        self._guests.pop(name, None)
        self._told_from_afar.discard(name)
        if self._people.pop(name, None) is not None:
            self._change([name])

    def person(self, name: str, as_of: date) -> PersonEntry | None:
        """Return the entry of a person as of a day; None if there is none. A guest is none."""
        return self._as_of(self._people.get(name), as_of)

    def guest(self, name: str, as_of: date) -> PersonEntry | None:
        """Return the entry of somebody who roams and lives in another shard; None if there is none."""
        return self._as_of(self._guests.get(name), as_of)

    def _as_of(self, entry: PersonEntry | None, as_of: date) -> PersonEntry | None:
        if entry is None or entry.good_from <= as_of.toordinal() <= entry.good_through:
            return entry
        fresh = self._enter(entry.person, entry.aspirations, as_of)
        self._reach.hold(code >> CODE_BITS for code in fresh.codes)
        return fresh

    def suppose(self, entry: PersonEntry, skills: Sequence[HeldSkill]) -> PersonEntry:
        """Return an entry, which is not held, of a person who has `skills` too, as good as given here.

        skills: some that opportunities held here ask for.
        """
        new = {held.skill for held in skills}
        others = (held for held in entry.person.skills if held.skill not in new)
        supposed = replace(entry.person, skills=(*others, *skills))
        made = self._made(supposed, entry.aspirations, date.fromordinal(entry.good_from))
        self._reach.hold(code >> CODE_BITS for code in made.codes)
        return made

    def imagined(self, person: Person, as_of: date) -> PersonEntry:
        """Return an entry, which is not held, of somebody as they may be one day; what they aim at is left out.

        person: in a role, and with skills, that vectors are known of.
        """
        made = self._made(person, None, as_of)
        self._reach.hold(code >> CODE_BITS for code in made.codes)
        return made

    def _enter(self, person: Person, aspirations: Vectors | None, as_of: date) -> PersonEntry:
        entry = self._made(person, aspirations, as_of)
        here = self.territory is None or self.territory.is_resident(person)
        among, others = (self._people, self._guests) if here else (self._guests, self._people)
        among[person.name] = entry
        if self.territory is not None:
            if others.pop(person.name, None) is not None:
                self._change([person.name])
            self._told_from_afar.discard(person.name)
            if here and person.wishes.alerts and self.territory.roams(person):
                self._told_from_afar.add(person.name)
        return entry

    def _made(self, person: Person, aspirations: Vectors | None, as_of: date) -> PersonEntry:
        return enter_person(
            person,
            self._vectors.role(person),
            aspirations,
            aims=self._finder.find(aspirations) if person.wishes.aspiration else (),
            skill_vectors=self._vectors.skills,
            taxonomy=self.taxonomy,
            weights=self.weights,
            as_of=as_of,
        )

    def nobody(self, as_of: date) -> PersonEntry:
        """Return an entry of an empty profile, which is not held."""
        return enter_person(
            Person("people/nobody", 0),
            None,
            None,
            skill_vectors=self._vectors.skills,
            taxonomy=self.taxonomy,
            weights=self.weights,
            as_of=as_of,
        )

    def opportunity(self, name: str) -> OpportunityEntry | None:
        """Return the entry of an opportunity, open or closed; None if there is none, or it was not set aside."""
        return self._opportunities.get(name) or self._aside.get(name)

    @property
    def tells_from_afar(self) -> bool:
        """Whether somebody who lives here is to be told of opportunities that another shard holds."""
        return bool(self._told_from_afar)

    @property
    def guest_count(self) -> int:
        """How many people are held who roam and live in another shard."""
        return len(self._guests)

    @property
    def opportunity_count(self) -> int:
        """How many opportunities are held, closed ones too."""
        return len(self._opportunities)

    def opportunities(self) -> Iterable[OpportunityEntry]:
        """Return all opportunities held, closed ones too."""
        return self._opportunities.values()

    def people(self, as_of: date) -> Iterator[PersonEntry]:
        """Yield everyone as of a day."""
        for name in list(self._people):
            entry = self.person(name, as_of)
            if entry is not None:
                yield entry

    @property
    def reach(self) -> Reach:
        """What skills held give credit for."""
        return self._reach

    def place(self, person: PersonEntry) -> int:
        """Return the number of the person's home place."""
        return self.surroundings.geography.index(person.person.place)

    def organisation_title(self, name: str) -> str:
        """Return the title of an organisation; its name if it is not known."""
        return self.surroundings.organisations.get(name, name)

    def label(self, skill: str) -> str:
        """Return the preferred label of a skill; empty if it is not known."""
        number = self.taxonomy.index.get(skill)
        return self.taxonomy.labels[number] if number is not None else ""

    def board(self, as_of: date) -> Board:
        """Return what is on offer on a day, made again if an opportunity or the day has changed."""
        if self._board is None or self._board.frame.as_of != as_of:
            if self._next is not None and self._next.frame.as_of == as_of:
                self._board, self._next = self._next, None
            else:
                notices = list(self._notices.offered(as_of))
                self._board = self._made_board(list(self._opportunities.values()), notices, as_of)
        return self._board

    def _made_board(self, entries: Sequence[OpportunityEntry], notices: Sequence[Notice], as_of: date) -> Board:
        offered = offered_on(entries, as_of)
        gaps = Gaps(self.taxonomy.closers, (*offered, *notices))
        geography = self.surroundings.geography
        frame = Frame(self.taxonomy, self._reach, geography, self.weights, gaps.closers, self.model, as_of)
        width = self._vectors.skills.shape[1]
        return Board(offered, frame, gaps, self._needs, width, self._names, self.organisation_title, self._notices)

    def next_due(self, now: datetime) -> date | None:
        """Return the day for which a board had better be made by now, so that nobody waits for it; None if for none.

        It is tomorrow soon before midnight, and today when the table that serves has little room left.
        """
        board, today = self._board, now.date()
        if board is None or board.frame.as_of != today or self.coming:
            return None
        if board.table.filled > _NEARLY_FULL:
            return today
        tomorrow = (now + AHEAD).date()
        made = self._next is not None and self._next.frame.as_of == tomorrow
        return tomorrow if tomorrow != today and not made else None

    @property
    def coming(self) -> bool:
        """Whether a board is being made beside the one that serves."""
        return self._coming is not None

    def begin_next(self, as_of: date) -> Coming:
        """Begin a board of a day from what is there now, for `serve_next` when it is made."""
        entries, notices = list(self._opportunities.values()), list(self._notices.offered(as_of))

        def make() -> Board:
            board = self._made_board(entries, notices, as_of)
            board.screener  # noqa: B018  is made with the table, at the first look
            return board

        self._coming = Coming(make)
        return self._coming

    def serve_next(self, coming: Coming, board: Board) -> None:
        """Serve the board that `coming` made, from its day on, unless what it was made from is out of date."""
        if coming is not self._coming:
            return
        self._coming = None
        for before, after in coming.late_notices:
            board.notice(before, after)
        if board.take([self._opportunities[name] for name in coming.late]):
            if self._board is not None and self._board.frame.as_of == board.frame.as_of:
                self._board = board
            else:
                self._next = board

    def _change(self, names: Iterable[str]) -> None:
        self._changed.update(dict.fromkeys(names))
        self._newcomers = None
        if self._crowd is not None:
            self._crowd.leave(names)

    def crowds(self, as_of: date) -> tuple[Crowd, Crowd]:
        """Return everyone as arrays: those who have not changed since these were made, and the others.

        The first is made again when the day has changed or too many people have, the second when anybody has.
        """
        crowd = self._crowd
        if crowd is None or crowd.as_of != as_of.toordinal() or len(self._changed) > _most_changed(len(self._people)):
            crowd = self._crowd = self._crowd_of(list(self.people(as_of)), as_of)
            self._changed.clear()
            self._newcomers = None
        if self._newcomers is None:
            changed = (self.person(name, as_of) for name in self._changed)
            self._newcomers = self._crowd_of([entry for entry in changed if entry is not None], as_of)
        return crowd, self._newcomers

    def _crowd_of(self, people: Sequence[PersonEntry], as_of: date) -> Crowd:
        return Crowd(people, self._vectors.skills.shape[1], as_of)


def _most_changed(people: int) -> int:
    """Return how many may have changed before all are gathered again: that costs as much as some thousand changes."""
    return max(_LEAST_CHANGED, min(_MOST_CHANGED, people // _SHARE_CHANGED))
