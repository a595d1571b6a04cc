import pytest
from careweave_profiles import registers
from careweave_profiles.hubs import HUBS
from careweave_profiles.organisations import ORGANISATIONS
from careweave_profiles.places import PLACES
from google.protobuf.field_mask_pb2 import FieldMask

from careweave.errors import Conflict, InvalidArgument, NotFound
from careweave.graph.port import Query
from careweave.rpc.caller import OPERATOR
from careweave.v1.common_pb2 import Coordinates
from careweave.v1.profiles_pb2 import (
    PLACE_LEVEL_NEIGHBOURHOOD,
    RURALITY_TOWN_AND_FRINGE,
    SECTOR_HOSPICE,
    SECTOR_UNSPECIFIED,
    Hub,
    Organisation,
    Place,
)
from tests.unit.profiles.world import World


async def put(world: World, entry: registers.M, *paths: str, allow_missing: bool = True) -> registers.M:
    kind = {Organisation: ORGANISATIONS, Place: PLACES, Hub: HUBS}[type(entry)]
    mask = FieldMask(paths=paths)
    return await registers.update(world.ports, OPERATOR, kind, entry, mask, allow_missing=allow_missing)  # type: ignore[arg-type]


WHOLE = (
    Organisation(
        name="organisations/rest",
        title="Rest Hospice",
        sector=SECTOR_HOSPICE,
        place="places/CW8",
        headcount=40,
        levy_payer=True,
        fictional=True,
    ),
    Place(
        name="places/CW9",
        title="Northwich east",
        level=PLACE_LEVEL_NEIGHBOURHOOD,
        centre=Coordinates(latitude=53.2, longitude=-2.5),
        rurality=RURALITY_TOWN_AND_FRINGE,
        rurality_source="synthetic",
        within="places/CW8",
    ),
    Hub(
        name="hubs/one",
        title="Learning hub",
        virtual=True,
        place="places/CW7",
        organisation="organisations/oaks",
        description="Skills lab",
        fictional=True,
    ),
)


@pytest.mark.parametrize("entry", WHOLE, ids=lambda entry: type(entry).__name__)
async def test_an_entry_is_kept_whole(world: World, entry: registers.M) -> None:
    kept = await put(world, entry)
    kind = {Organisation: ORGANISATIONS, Place: PLACES, Hub: HUBS}[type(entry)]
    assert await registers.get(world.ports, OPERATOR, kind, entry.name) == kept  # type: ignore[arg-type]
    assert kept.etag
    kept.ClearField("etag")
    assert kept == entry


async def test_a_mask_changes_what_it_names(world: World) -> None:
    created = await put(world, WHOLE[0])
    after = await put(world, Organisation(name=created.name, headcount=50), "headcount", allow_missing=False)
    assert (after.headcount, after.title, after.etag != created.etag) == (50, "Rest Hospice", True)
    assert await put(world, after, "*") == after, "nothing changed, so the etag holds"


async def test_a_stale_etag_is_refused(world: World) -> None:
    created = await put(world, WHOLE[0])
    await put(world, Organisation(name=created.name, headcount=50), "headcount")
    with pytest.raises(Conflict):
        await put(world, Organisation(name=created.name, headcount=60, etag=created.etag), "headcount")


async def test_what_is_missing_is_created_only_where_that_is_allowed(world: World) -> None:
    with pytest.raises(NotFound):
        await put(world, WHOLE[0], allow_missing=False)
    with pytest.raises(NotFound):
        await registers.get(world.ports, OPERATOR, HUBS, "hubs/none")


@pytest.mark.parametrize(
    ("entry", "field"),
    [
        (Organisation(name="organisations/a", title="A", place="places/none"), "organisation.place"),
        (Organisation(name="organisations/a"), "organisation.title"),
        (Organisation(name="places/CW7", title="A"), "organisation.name"),
        (Organisation(name="organisations/a b", title="A"), "organisation.name"),
        (Organisation(name="organisations/a", title="A\x00"), "organisation.title"),
        (Place(name="places/CW5", title="A", within="places/none"), "place.within"),
        (Place(name="places/CW7", within="places/CW7"), "place.within"),
        (Hub(name="hubs/a", title="A", parent="hubs/none"), "hub.parent"),
        (Hub(name="hubs/a", title="A", organisation="organisations/none"), "hub.organisation"),
    ],
)
async def test_a_wrong_entry_is_refused_by_field(world: World, entry: registers.M, field: str) -> None:
    with pytest.raises(InvalidArgument) as error:
        await put(world, entry)
    assert error.value.violations[0].field == field


async def test_a_place_never_lies_within_itself_through_others(world: World) -> None:
    await put(world, Place(name="places/CW8", within="places/CW7"))
    await put(world, Place(name="places/CW9", title="East", within="places/CW8"))
    with pytest.raises(InvalidArgument) as error:
        await put(world, Place(name="places/CW7", within="places/CW9"))
    assert error.value.violations[0].field == "place.within"


async def test_relationships_follow_the_fields(world: World) -> None:
    where = Query(
        "where", "MATCH (o:Organisation {name: 'organisations/rest'})-[:LOCATED_IN]->(p:Place) RETURN p.name AS place"
    )
    await put(world, WHOLE[0])
    await put(world, Organisation(name="organisations/rest", place="places/CW7"), "place")
    assert await world.graph.run(where) == [{"place": "places/CW7"}]
    await put(world, Organisation(name="organisations/rest"), "place")
    assert await world.graph.run(where) == []


async def test_lists_are_in_order_of_name_and_may_be_narrowed(world: World) -> None:
    await put(world, WHOLE[0])
    first, place = await registers.list_entries(world.ports, OPERATOR, ORGANISATIONS, "", 2, sector=SECTOR_UNSPECIFIED)
    rest, end = await registers.list_entries(world.ports, OPERATOR, ORGANISATIONS, place, 2, sector=SECTOR_UNSPECIFIED)
    assert [entry.name for entry in first + rest] == ["organisations/oaks", "organisations/rest", "organisations/vale"]
    assert end == ""
    hospices, _ = await registers.list_entries(world.ports, OPERATOR, ORGANISATIONS, "", 9, sector=SECTOR_HOSPICE)
    assert [entry.name for entry in hospices] == ["organisations/rest"]
