"""Building an index from nothing: the taxonomy, what surrounds it, every opportunity, everyone."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from careweave_matching import reading, store
from careweave_matching.bulk import Wish, best_rows
from careweave_matching.index import Index
from careweave_matching.ports import Ports
from careweave_matching.taking_in import put_people
from careweave_matching.weights import Weights

BATCH: Final = 500
"""Opportunities read at once."""


@dataclass(slots=True)
class Building:
    """An index that is being built; told again and again as it grows.

    cause, activity: in words.
    """

    cause: str
    began: datetime
    activity: str = "waiting for the stores"
    people: int = 0
    opportunities: int = 0


async def build(ports: Ports, weights: Weights, version: str, building: Building, told: Callable[[], None]) -> Index:
    """Return an index of all there is, made with the taxonomy as the graph holds it under the name `version`.

    building: kept up to date, with a call of `told` each time.

    Raises:
        Unavailable: a store or service does not answer.
    """
    building.people = building.opportunities = 0

    def tell(activity: str) -> None:
        building.activity = activity
        told()

    tell("reading the taxonomy")
    taxonomy = await reading.read_taxonomy(ports.graph, version)
    surroundings = await reading.read_surroundings(ports.graph)
    await ports.keep_places(surroundings.geography)
    territory = ports.territory(surroundings.geography)
    index = Index(taxonomy, surroundings, ports.embedder, weights, territory=territory)
    tell("taking in opportunities")
    after = ""
    while names := await store.names_after(ports.graph, after, BATCH):
        await index.put_opportunities(await store.opportunities(ports.graph, names))
        for application in await store.applications_to(ports.graph, names):
            index.applied.take(application.progress)
        after = names[-1]
        building.opportunities += len(names)
        told()
    tell("taking in people")
    async for people in ports.stream_people():
        await put_people(ports, index, people)
        building.people += len(people)
        told()
    return index


def rehearse(index: Index, as_of: date) -> None:
    """Rank once, so that what a first call makes and compiles holds up no call. Blocks; for a thread of its own.

    A place that is still empty is ranked for nobody: compiling takes half a minute, and people may come at any time.
    What the skills of everyone give credit for is reckoned, too: at first calls it would take half their time.
    """
    board = index.board(as_of)
    for each in index.people(as_of):
        board.frame.reach.rows_of(each)
    person = next(index.people(as_of), None) or index.nobody(as_of)
    screened = board.screener.screen(person, index.place(person))
    ranked = best_rows(person, board.table, screened, board.frame.reach, Wish(1))
    for encoder in (board.full, board.basic):
        encoder.page(person, ranked)
        encoder.items(ranked.best)
