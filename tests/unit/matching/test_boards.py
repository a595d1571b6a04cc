"""Boards that are made ahead, beside the one that serves."""

import asyncio
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from types import SimpleNamespace
from typing import cast

import pytest
from careweave_matching import bulk
from careweave_matching.following import ReadModel
from careweave_matching.index import AHEAD, Index
from careweave_matching.model import CredentialNeed, Opportunity, Wishes
from careweave_matching.ports import Ports
from careweave_matching.terms import CredentialKind, OpportunityState

from tests.unit.matching.world import TODAY, a_person, an_index, an_opportunity

TOMORROW = TODAY + timedelta(days=1)
EVENING = datetime.combine(TOMORROW, time()) - AHEAD / 2
PERSON = a_person(wishes=Wishes(stated=True, maximum_minutes=600))


def put(index: Index, *opportunities: Opportunity) -> None:
    asyncio.run(index.put_opportunities(opportunities))


def an_index_with(offers: Sequence[Opportunity]) -> Index:
    index = an_index()
    put(index, *offers)
    asyncio.run(index.put_people([PERSON], TODAY))
    index.board(TODAY).full  # noqa: B018  as after a ranking
    return index


def page(index: Index, day: date) -> bytes:
    board, entry = index.board(day), index.person(PERSON.name, day)
    assert entry is not None
    screened = board.screener.screen(entry, index.place(entry))
    ranked = bulk.best_rows(entry, board.table, screened, board.frame.reach, bulk.Wish(100, ineligible=True))
    return board.full.page(entry, ranked)


def offers(count: int, version: int = 1) -> list[Opportunity]:
    return [an_opportunity(number, version=version) for number in range(count)]


def test_the_board_of_tomorrow_is_made_this_evening_and_counts_what_came_meanwhile() -> None:
    index = an_index_with(offers(5))
    assert index.next_due(EVENING) == TOMORROW
    coming = index.begin_next(TOMORROW)
    assert index.next_due(EVENING) is None  # one at a time
    board = coming.make()
    need = CredentialNeed(CredentialKind.DRIVING_LICENCE, "Driving licence")
    put(index, an_opportunity(1, essential=(3,), version=2, credentials=(need,)), an_opportunity(7, essential=(9,)))
    index.serve_next(coming, board)
    put(index, an_opportunity(2, version=2, state=OpportunityState.CLOSED))
    assert index.board(TODAY) is not board
    before = page(index, TODAY)
    assert index.next_due(EVENING) is None  # it is there
    assert index.board(TOMORROW) is board
    fresh = an_index_with([*index_opportunities(index)])
    assert page(index, TOMORROW) == page(fresh, TOMORROW)
    assert before == page(fresh, TODAY)


def index_opportunities(index: Index) -> list[Opportunity]:
    return [entry.opportunity for entry in index.opportunities()]


def test_a_read_model_makes_the_board_of_tomorrow_by_itself() -> None:
    index = an_index_with(offers(2))

    async def evening() -> None:
        model = ReadModel(cast("Ports", SimpleNamespace(clock=lambda: EVENING)))
        model.adopt(index)
        preparing = asyncio.create_task(model._prepare_boards())
        while index.next_due(EVENING) is not None or index.coming:  # noqa: ASYNC110  it tells nobody
            await asyncio.sleep(0.05)
        preparing.cancel()

    asyncio.run(asyncio.wait_for(evening(), 30))
    today = index.board(TODAY)
    assert index.board(TOMORROW).table.as_of == TOMORROW.toordinal()
    assert "table" in vars(index.board(TOMORROW))
    assert today is not index.board(TOMORROW)


def test_another_board_is_made_for_today_when_there_is_little_room_left() -> None:
    index = an_index_with(offers(2))
    noon = datetime.combine(TODAY, time(12))
    version = 1
    while index.next_due(noon) is None:
        version += 1
        put(index, an_opportunity(1, version=version))
    serving = index.board(TODAY)
    assert index.next_due(noon) == TODAY
    coming = index.begin_next(TODAY)
    index.serve_next(coming, coming.make())
    assert index.board(TODAY) is not serving
    assert index.board(TODAY).table.count == len(index.board(TODAY).offered)
    assert index.next_due(noon) is None


@pytest.mark.parametrize("moved", [True, False])
def test_a_board_of_places_that_have_changed_since_is_not_served(*, moved: bool) -> None:
    index = an_index_with(offers(3))
    coming = index.begin_next(TODAY)
    board = coming.make()
    if moved:
        index.move(index.surroundings)
    index.serve_next(coming, board)
    assert (index.board(TODAY) is board) is not moved


def test_more_than_a_board_takes_in_at_once_makes_what_was_made_ahead_worthless() -> None:
    index = an_index_with(offers(3))
    coming = index.begin_next(TOMORROW)
    board = coming.make()
    put(index, *offers(600, version=2))
    index.serve_next(coming, board)
    assert index.board(TOMORROW) is not board
    assert len(index.board(TOMORROW).offered) == 600
