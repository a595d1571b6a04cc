from careweave_profiles import loading, snapshots

from careweave.rpc.caller import OPERATOR
from careweave.v1.profiles_pb2 import (
    BatchCreatePeopleRequest,
    BatchGetPersonSnapshotsRequest,
    CreatePersonRequest,
)
from tests.unit.profiles.world import World, carer


async def load(world: World, size: int) -> list[str]:
    requests = [CreatePersonRequest(person=carer(), person_id=f"p{each:04}") for each in reversed(range(size))]
    await loading.batch_create_people(world.ports, OPERATOR, BatchCreatePeopleRequest(requests=requests))
    return [f"people/p{each:04}" for each in range(size)]


async def test_a_stream_holds_everyone_once_in_order_of_name(world: World) -> None:
    names = await load(world, 2 * snapshots.PAGE)
    pages = [page async for page in snapshots.stream(world.ports, OPERATOR)]
    assert [person.name for page in pages for person in page] == names
    assert [len(page) for page in pages] == [snapshots.PAGE, snapshots.PAGE]
    assert pages[0][0] == await world.get(names[0])


async def test_a_stream_of_nobody_ends_at_once(world: World) -> None:
    assert [page async for page in snapshots.stream(world.ports, OPERATOR)] == []


async def test_a_batch_is_in_the_order_of_the_request_and_names_who_is_missing(world: World) -> None:
    names = await load(world, 5)
    wanted = [names[3], "people/gone", names[1], names[3], "people/nobody"]
    reply = await snapshots.batch_get(world.ports, OPERATOR, BatchGetPersonSnapshotsRequest(names=wanted))
    assert [person.name for person in reply.people] == [names[3], names[1]]
    assert list(reply.missing) == ["people/gone", "people/nobody"]
