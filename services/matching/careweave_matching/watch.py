"""Opportunities that fit a person, told as they are published or changed.

Every watch follows the event log by itself, from where the log ended when the watch was set. A slow reader thus
falls behind in the log, which keeps everything, and holds up nobody.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from careweave.events.port import Topic
from careweave.policy import Action, Caller, Resource, authorise
from careweave_matching.following import ReadModel
from careweave_matching.messages import read_published
from careweave_matching.pair import Match, judge
from careweave_matching.ports import Ports
from careweave_matching.ranking import fits, no_such

LEAST_SCORE: Final = 0.35
"""Score from which an opportunity is told of, if the caller names none."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """An opportunity that fits, and when it was published or changed."""

    match: Match
    at: datetime


async def watch(
    ports: Ports, model: ReadModel, caller: Caller, person: str, minimum: float
) -> AsyncIterator[Sighting | None]:
    """Yield None once the watch is set, then each published or changed opportunity that fits `person`.

    minimum: least score; 0 means `LEAST_SCORE`. Ends with an error when the person is erased.

    Raises:
        Forbidden: the caller may not. NotFound: there is no such person. Unavailable: no index, or one that is behind.
    """
    authorise(caller, Action.WATCH_OPPORTUNITIES, Resource(person=person))
    if model.index.person(person, model.today()) is None and not await model.person_appears(person):
        raise no_such("person", person)
    positions = await ports.events.end([Topic.OPPORTUNITIES])
    yield None
    async for delivered in ports.events.follow([Topic.OPPORTUNITIES], positions):
        event = delivered.event
        if event.payload is None:
            continue
        published = read_published(event.type, event.payload)
        await model.take_opportunities([published])
        index, as_of = await model.until_current(), model.today()
        who = index.person(person, as_of)
        if who is None:
            raise no_such("person", person)
        if index.territory is not None and index.territory.roams(who.person):
            await model.set_aside(published.name)
        entry = index.opportunity(published.name)
        if entry is None or entry.opportunity.version != published.version:
            continue  # a later event tells of what it is now
        match = judge(who, entry, index.board(as_of).frame, own=True)
        if fits(who, match, minimum or LEAST_SCORE):
            yield Sighting(match, event.time)
