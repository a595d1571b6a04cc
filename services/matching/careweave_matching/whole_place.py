"""The use-case that ranks the opportunities for everyone at once, for who runs the place.

A ranking that is shown is recorded, so each person's is, under their own key, just as if they had asked for it.
Preference counts, as in their own list. Nobody is left out for want of consent: it shows people to the operator alone.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from careweave.audit.asked import note_people
from careweave.policy import Action, Caller, authorise
from careweave_matching.bulk import Wish, kind_bits
from careweave_matching.decisions import Decisions, items_of
from careweave_matching.entries import PersonEntry
from careweave_matching.everyone import Everyone, Lists, gathered, rank_everyone
from careweave_matching.following import ReadModel
from careweave_matching.index import Board, Index
from careweave_matching.ranking import hidden_rows, listed

_GATHERED_AT_ONCE: Final = 1000
"""People made ready at once, which holds other calls up for some hundredths of a second."""


@dataclass(frozen=True, slots=True)
class Line:
    """An opportunity on somebody's list."""

    opportunity: str
    version: int
    score: float
    suitability: float


@dataclass(frozen=True, slots=True)
class PersonList:
    """The list of one person. total: how many opportunities were ranked for them."""

    person: str
    lines: list[Line]
    total: int
    decision: str


@dataclass(frozen=True, slots=True)
class Some:
    """The lists of some people, in order of name. people: how many there are in all."""

    lists: list[PersonList]
    people: int


Roaming: TypeAlias = Callable[[PersonEntry], Awaitable[tuple[list[Line], int]]]
"""Ranks for somebody over all shards: the best lines, and how many were ranked."""


async def rank_whole_place(
    model: ReadModel, decisions: Decisions, caller: Caller, wanted: int, roaming: Roaming | None = None
) -> AsyncIterator[Some]:
    """Yield the lists of everyone, in order of name, each of the `wanted` best that are open to them, and record them.

    What changes meanwhile counts for those whose turn is still to come.
    roaming: ranks for those to whom more may be open than this process holds; None where it holds everything.

    Raises:
        Forbidden: the caller may not. Unavailable: no index yet.
    """
    authorise(caller, Action.RANK_EVERYONE)
    names = sorted(entry.person.name for entry in model.index.people(model.today()))
    for start in range(0, len(names), _GATHERED_AT_ONCE):
        index, as_of = model.index, model.today()
        board = index.board(as_of)
        found = [index.person(name, as_of) for name in names[start : start + _GATHERED_AT_ONCE]]
        people = [entry for entry in found if entry is not None]
        homes = [index.place(entry) for entry in people]
        everyone = gathered(people, homes, board.screener, board.table, board.frame.reach)
        for lists in await asyncio.to_thread(lambda ready: list(rank_everyone(ready, wanted)), everyone):
            shown: list[PersonList] = []
            for number in range(len(lists.rows)):
                if decisions.full:
                    await decisions.room()
                entry = everyone.people[lists.first + number]
                lines, total = _lines(everyone, lists, number), int(lists.ranked[number])
                if roaming is not None and index.territory is not None and index.territory.roams(entry.person):
                    lines, total = await roaming(entry)
                elif entry.person.wishes.dismissed:
                    lines, total = _without_dismissed(entry, index, board, wanted)
                versions = index.versions(entry.person.version, 0)
                items = items_of([(line.opportunity, line.version, line.score, line.suitability) for line in lines])
                decision = decisions.record(entry.person.name, as_of, versions, items, total)
                shown.append(PersonList(entry.person.name, lines, total, decision))
            note_people(each.person for each in shown)
            yield Some(shown, len(names))


def _without_dismissed(entry: PersonEntry, index: Index, board: Board, wanted: int) -> tuple[list[Line], int]:
    """Return the list of somebody who has put something aside, and how many were ranked: as they would see it."""
    wish = Wish(wanted, kind_bits(entry.person.wishes.kinds))
    screened = board.screener.screen(entry, index.place(entry))
    ranked = listed(entry, board, screened, wish, hidden_rows(entry, board, wish, entry.person.wishes.dismissed))
    offered = [board.entries[row].opportunity for row in ranked.best.rows.tolist()]
    scores, suits = ranked.best.score.tolist(), ranked.best.suitability.tolist()
    lines = [
        Line(each.name, each.version, score, suit) for each, score, suit in zip(offered, scores, suits, strict=True)
    ]
    return lines, ranked.total


def _lines(everyone: Everyone, lists: Lists, number: int) -> list[Line]:
    rows = lists.rows[number].tolist()
    offered = [everyone.table.entries[row].opportunity for row in rows if row >= 0]
    scores, suits = lists.scores[number].tolist(), lists.suitabilities[number].tolist()
    return [
        Line(each.name, each.version, score, suit) for each, score, suit in zip(offered, scores, suits, strict=False)
    ]
