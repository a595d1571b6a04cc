"""Taking people and opportunities into an index, and the places and organisations that they are the first to name."""

from collections.abc import Sequence

from careweave_matching import aspirations, reading, store
from careweave_matching.aims import parts_of
from careweave_matching.entries import PersonEntry
from careweave_matching.index import Index
from careweave_matching.model import Opportunity, Person
from careweave_matching.ports import Ports


async def fetch_people(ports: Ports, index: Index, names: Sequence[str]) -> Sequence[Person]:
    """Take in the present profiles of `names`, and forget those who are gone; returns all that there are.

    Raises:
        Unavailable: the profiles service does not answer.
    """
    people, missing = await ports.fetch_people(names)
    if _names_unknown_place(index, people):
        await _look_around(ports, index)
    await put_people(ports, index, people)
    for name in missing:
        index.forget_person(name)
    return people


async def put_people(ports: Ports, index: Index, people: Sequence[Person]) -> None:
    """Take `people` in as far as they are held; vectors of what they wrote come from the graph, and go there if new."""
    if index.territory is not None:
        people = [each for each in people if index.keeps(each)]
    kept = await aspirations.read(ports.graph, index.model, people)
    parts = {part for person in people for part in parts_of(person.wishes.aspiration)}
    fresh = await index.read_written(sorted(parts - kept.by_part.keys()))
    await index.put_people(people, ports.clock().date(), {**kept.by_part, **fresh})
    await ports.keep_written(index.model, kept, people, fresh)


async def put_opportunities(ports: Ports, index: Index, opportunities: Sequence[Opportunity]) -> None:
    """Take `opportunities` in, and what they are the first to name."""
    known = index.surroundings
    if any(
        each.organisation not in known.organisations or (each.place and not known.geography.knows(each.place))
        for each in opportunities
    ):
        await _look_around(ports, index)
    await index.put_opportunities(opportunities)


async def set_aside(ports: Ports, index: Index, name: str) -> None:
    """Have an opportunity ready that another shard holds, for single questions; nothing happens if it is at hand."""
    if index.opportunity(name) is None and index.notice(name) is not None:
        found = await store.opportunity(ports.graph, name)
        if found is not None:
            await index.set_aside(found)


async def visiting(ports: Ports, index: Index, person: Person) -> PersonEntry:
    """Return the entry of somebody who lives in another shard, as it would be there; it is not held."""
    kept = await aspirations.read(ports.graph, index.model, [person])
    return await index.visiting(person, ports.clock().date(), kept.by_part)


async def _look_around(ports: Ports, index: Index) -> None:
    surroundings = await reading.read_surroundings(ports.graph)
    await ports.keep_places(surroundings.geography)  # before a ranking can name them
    index.move(surroundings)


def _names_unknown_place(index: Index, people: Sequence[Person]) -> bool:
    return any(each.place and not index.surroundings.geography.knows(each.place) for each in people)
