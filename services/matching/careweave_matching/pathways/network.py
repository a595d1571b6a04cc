"""The network that somebody's ways go through, as arrays: states of work and qualification, and steps between them.

A state is an occupation together with the band of the highest qualification, since what may come next depends on both:
without a level 3 no degree, without a degree no second one. Programmes are states of their own between two occupations,
and so every path is a sequence of steps that can be taken. Each step has its months and its hours of learning;
`search` finds the shortest paths by either.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np

from careweave_matching.pathways import rules
from careweave_matching.pathways.career import Programme, Work, indicator
from careweave_matching.pathways.facts import Way
from careweave_matching.pathways.ground import Ground, register_numbers, relatedness
from careweave_matching.pathways.rules import Flags, Integers, Numbers
from careweave_matching.pathways.standing import Standing

BANDS: Final = (0, 3, 5, 6)
"""Least level of qualification of each band; the last is a degree and beyond."""
COUNT: Final = len(BANDS)
START: Final = -1
NOTHING: Final = 1e-6
"""What it costs to enter a programme: its months count when it is finished. Zero would read as no link."""


class Link(IntEnum):
    """What a link of the network is."""

    MOVE = 0
    """Into work, by applying for it."""
    ENTRY = 1
    """Into a programme."""
    FINISH = 2
    """Out of a programme, into work."""
    QUALIFY = 3
    """A qualification beside the present work."""
    END = 4


@dataclass(frozen=True)
class Links:
    """Links as arrays, one element each.

    tail, head: states. kind: `Link`. origin, target: rows of occupations in the ground, `START` for none.
    programme: place in the map's programmes, -1 for none. months, hours: what it takes.
    """

    tail: Integers
    head: Integers
    kind: Integers
    origin: Integers
    target: Integers
    programme: Integers
    months: Numbers
    hours: Numbers


@dataclass(frozen=True)
class Network:
    """The links for one person. size: states; the last two are the start and the end.

    first_programme: the first state that is a programme's; those before it are states of work.
    related: how related where one stands is to each occupation of the ground. work: the present one, or the last.
    level: of the present work, 0 for none.
    """

    ground: Ground
    links: Links
    size: int
    first_programme: int
    related: Numbers
    work: Work | None
    level: int

    @property
    def start(self) -> int:
        """The state of standing where one stands."""
        return self.size - 2

    @property
    def end(self) -> int:
        """The state of having arrived."""
        return self.size - 1


def band_of(level: int) -> int:
    """Return the band of a level of qualification."""
    return sum(level >= least for least in BANDS[1:])


def build_network(ground: Ground, standing: Standing, targets: frozenset[int]) -> Network:
    """Return the network of somebody who stands at `standing` and wants to any of the occupations `targets`."""
    return _Builder(ground, standing).build(targets)


class _Builder:
    """Gathers links; every occupation is a row and a column, and the start is one more row, the last."""

    def __init__(self, ground: Ground, standing: Standing) -> None:
        self._ground = ground
        self._standing = standing
        self._programmes = ground.career.programmes
        self._first_programme = len(ground) * COUNT
        self._hub = self._first_programme + len(self._programmes) * COUNT
        self._size = self._hub + COUNT + 2
        self._parts: list[tuple[Integers, ...]] = []
        self._costs: list[tuple[Numbers, ...]] = []
        numbers = register_numbers(ground.career)
        self._numbers = numbers
        self._own = np.array(sorted(numbers[name] for name in standing.registers), np.int64)
        self._lapsed = {numbers[name] for name in standing.lapsed}
        self._band = band_of(standing.level)
        self._here = ground.rows.get(standing.occupation, START) if standing.current else START
        self._bring()

    def _bring(self) -> None:
        """Add the row of the start to the ground's tables."""
        ground, standing, career = self._ground, self._standing, self._ground.career
        work = career.works.get(standing.occupation)
        has = indicator([standing.held], len(career.taxonomy.names))
        own = career.reached(has)
        direct = has
        if work and standing.current:
            direct = indicator([{*standing.held, *work.essential}], len(career.taxonomy.names))
        given = career.reached(direct)
        weighed = ground.needs.multiply(ground.telling).tocsr()
        counts = np.asarray(ground.needs.sum(axis=1)).ravel()
        # What the work of a row gives, and what the person has beside, are not missing; nothing counts twice.
        beside = ground.needs.multiply(own).tocsr()
        twice = (ground.gives.multiply(own).tocsr() @ ground.needs.T).toarray()
        missing = ground.missing - np.asarray(beside.sum(axis=1)).ravel()[None, :] + twice
        self._missing = np.vstack([missing, counts - (given @ ground.needs.T).toarray().ravel()])
        covered = (direct @ weighed.T).toarray().ravel() / np.maximum(ground.asked, 1.0)
        self._covered = np.vstack([ground.covered, covered])
        related = relatedness(career, work, ground.works) if work else np.zeros(len(ground))
        self._related = np.vstack([ground.related, related])
        here = ground.rows.get(standing.occupation, START)
        nothing = np.zeros(len(ground), np.int64)
        self._rung = np.vstack([ground.rung, ground.rung[here] if self._here >= 0 else nothing])
        self._same = np.vstack([ground.same, ground.same[here] if self._here >= 0 else nothing.astype(np.bool_)])
        level = work.level if work and standing.current else 0
        self._levels = np.append(ground.levels, level)
        # Titles of work are no evidence: who stands there today is on no register but those of their profile.
        self._registers = np.append(ground.registers, 0)
        if self._here != START and self._registers[self._here] not in self._own:
            self._registers[self._here] = 0
        self._caring = np.append([each.caring for each in ground.works], bool(work and work.caring))

    def build(self, targets: frozenset[int]) -> Network:
        for band in range(COUNT):
            self._moves(band)
        for place, programme in enumerate(self._programmes):
            self._programme(place, programme)
        self._hubs()
        ends = np.array([row * COUNT + band for row in sorted(targets) for band in range(COUNT)], np.int64)
        self._add(Link.END, (ends, self._size - 1), (ends // COUNT, ends // COUNT))
        arrays = [np.concatenate(column) for column in zip(*self._parts, strict=True)]
        costs = [np.concatenate(column) for column in zip(*self._costs, strict=True)]
        return Network(
            self._ground,
            Links(*arrays, *costs),
            self._size,
            self._first_programme,
            self._related[-1],
            self._ground.career.works.get(self._standing.occupation),
            int(self._levels[-1]),
        )

    def _state(self, rows: Integers, band: int) -> Integers:
        """Return the states of rows; that of the start where the row is the last one."""
        return np.where(rows == len(self._ground), self._size - 2, rows * COUNT + band)

    def _rows(self, band: int) -> Flags:
        """Say which rows there are in a band: the start is in its own alone."""
        rows = np.ones(len(self._ground) + 1, np.bool_)
        rows[-1] = band == self._band
        return rows

    def _moves(self, band: int) -> None:
        levels, current = self._ground.levels[None, :], self._levels[:, None]
        registers = self._ground.registers[None, :]
        on_register = (registers == 0) | (registers == self._registers[:, None]) | np.isin(registers, self._own)
        may = rules.is_near(self._related, self._covered, self._rung, levels) & on_register
        may &= rules.may_rise(levels, current, BANDS[band]) | (self._rung > 0)
        # A role category of the Care Workforce Pathway is reached by its rungs, from whatever work they begin at.
        roles = np.array([not each.isco for each in self._ground.works])
        may &= (~self._same & ~roles[None, :]) | (self._rung > 0)
        may &= self._rows(band)[:, None]
        if self._here != START:
            may[:, self._here] = False
        rows, columns = np.nonzero(may)
        gaps = np.maximum(self._missing[rows, columns], 0.0)
        months = rules.months_to_move(
            gaps,
            self._ground.levels[columns],
            rises=self._ground.levels[columns] > self._levels[rows],
            rungs=self._rung[rows, columns],
        )
        states = self._state(rows, band), columns * COUNT + band
        self._add(Link.MOVE, states, (self._origin(rows), columns), costs=(months, gaps * rules.HOURS_A_GAP))

    def _origin(self, rows: Integers) -> Integers:
        return np.where(rows == len(self._ground), START, rows)

    def _programme(self, place: int, programme: Programme) -> None:
        if programme.way is Way.QUALIFICATION:
            self._prepare(place, programme)
            return
        if programme.way is not Way.RETURN and not programme.entry_register and self._has_been(programme.register):
            return
        outcomes = np.array([self._ground.rows[name] for name in programme.outcomes if name in self._ground.rows])
        if not len(outcomes):
            return
        if programme.way is Way.APPRENTICESHIP and not programme.register and programme.level in {3, 4}:
            field = self._related[:, outcomes].max(axis=1) >= rules.SAME_FIELD
            self._qualify(place, programme, field)
        self._enter(place, programme, outcomes)
        for band in range(COUNT):
            after = max(band, band_of(programme.level))
            self._finish(place, programme, outcomes, band, after)

    def _has_been(self, register: str) -> bool:
        """Say whether the person is or was on a register: then what leads onto it at first is not for them."""
        return register in self._standing.registers or register in self._standing.lapsed

    def _prepare(self, place: int, programme: Programme) -> None:
        """Add a qualification that prepares for study: what follows is a programme that asks for it."""
        after = band_of(programme.level)
        for band in range(after):
            rows = np.flatnonzero(self._rows(band))
            works = np.where(rows == len(self._ground), self._here, rows)
            keep = (works != START) & ((works != self._here) | (rows == len(self._ground)))
            states = self._state(rows[keep], band), self._hub + after
            ends = self._origin(rows[keep]), works[keep]
            self._add(Link.QUALIFY, states, ends, place, (programme.months, programme.hours))

    def _enter(self, place: int, programme: Programme, outcomes: Integers) -> None:
        """Add the ways into a programme; those that take anybody are entered through the hub of a band."""
        wanted = self._numbers.get(programme.entry_register, 0)
        for band in range(COUNT):
            if programme.entry_level > 2 and BANDS[band] < programme.entry_level:  # noqa: PLR2004  the first level asked
                continue
            state = self._first_programme + place * COUNT + band
            rows = self._rows(band)
            if programme.way is Way.RETURN:
                rows = np.zeros(len(rows), np.bool_)
                rows[-1] = wanted in self._lapsed and band == self._band
            elif wanted:
                rows = rows & ((self._registers == wanted) | np.isin(wanted, self._own))
            elif programme.near:
                known = self._related[:, outcomes].max(axis=1) >= rules.NEAR_ENOUGH_TO_TRAIN
                rows = rows & known & self._caring
            else:
                self._add(Link.ENTRY, (np.array([self._hub + band]), state), (START, START), place)
                continue
            found = np.flatnonzero(rows)
            self._add(Link.ENTRY, (self._state(found, band), state), (self._origin(found), START), place)

    def _finish(self, place: int, programme: Programme, outcomes: Integers, band: int, after: int) -> None:
        kept = outcomes[(outcomes != self._here) | (after > self._band)]
        state = self._first_programme + place * COUNT + band
        taken_on = programme.way in {Way.APPRENTICESHIP, Way.STUDY} and not programme.shortened
        months = programme.months + (rules.RECRUITING if taken_on else 0)
        ends = np.full(len(kept), state), kept * COUNT + after
        self._add(Link.FINISH, ends, (START, kept), place, (months, programme.hours))

    def _qualify(self, place: int, programme: Programme, rows: Flags) -> None:
        """Add a qualification that is gained beside the present work, for those in `rows` whom it lifts a band."""
        after = band_of(programme.level)
        for band in range(after):
            found = np.flatnonzero(rows & self._rows(band))
            # The start is a state of work too, where there is present work.
            ends = np.where(found == len(self._ground), self._here, found)
            keep = ends != START
            if self._here != START:
                keep &= (ends != self._here) | (found == len(self._ground))
            found, ends = found[keep], ends[keep]
            states = self._state(found, band), ends * COUNT + after
            costs = programme.months, programme.hours
            self._add(Link.QUALIFY, states, (self._origin(found), ends), place, costs)

    def _hubs(self) -> None:
        for band in range(COUNT):
            rows = np.flatnonzero(self._rows(band))
            self._add(Link.ENTRY, (self._state(rows, band), self._hub + band), (self._origin(rows), START))

    def _add(
        self,
        kind: Link,
        states: tuple[Integers, Integers | int],
        rows: tuple[Integers | int, Integers | int],
        programme: int = -1,
        costs: tuple[Numbers | float, Numbers | float] = (NOTHING, NOTHING),
    ) -> None:
        """Add links, one for each tail. states: tails and heads. rows: origins and targets. costs: months and hours."""
        shape = states[0].shape
        whole = (*states, kind, *rows, programme)
        self._parts.append(tuple(np.broadcast_to(np.asarray(each, np.int64), shape) for each in whole))
        self._costs.append(tuple(np.broadcast_to(np.asarray(each, np.float64), shape) for each in costs))
