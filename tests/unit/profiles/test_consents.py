from datetime import timedelta

import pytest
from careweave_profiles import consents
from careweave_profiles.receipts import receipt_of
from google.protobuf.timestamp_pb2 import Timestamp

from careweave.errors import InvalidArgument, NotFound
from careweave.graph.port import Query
from careweave.v1.events_pb2 import ProfileChanged
from careweave.v1.profiles_pb2 import (
    CONSENT_PURPOSE_BE_FOUND,
    CONSENT_PURPOSE_CONTACT,
    PROFILE_FIELD_DISPLAY_NAME,
    PROFILE_FIELD_EMAIL,
    PROFILE_FIELD_SKILLS,
    PROFILE_PART_CONSENT,
    Consent,
    GiveConsentRequest,
    WithdrawConsentRequest,
)
from tests.unit.profiles.world import ANNA, START, World

AUDIENCE = Query(
    "audience",
    "MATCH (p:Person)-[:GIVES]->(c:Consent) MATCH (c)-[:SHARES_WITH]->(o:Organisation) "
    "RETURN o.name AS organisation ORDER BY organisation",
)


async def give(world: World, consent: Consent, parent: str = "people/anna") -> Consent:
    return await consents.give_consent(world.ports, ANNA, GiveConsentRequest(parent=parent, consent=consent))


async def withdraw(world: World, name: str) -> Consent:
    return await consents.withdraw_consent(world.ports, ANNA, WithdrawConsentRequest(name=name))


async def audience(world: World) -> list[object]:
    return [row["organisation"] for row in await world.graph.run(AUDIENCE)]


async def test_a_consent_is_kept_with_its_purpose_audience_fields_and_time(world: World) -> None:
    await world.create()
    until = Timestamp()
    until.FromDatetime(START + timedelta(days=30))
    given = await give(
        world,
        Consent(
            purpose=CONSENT_PURPOSE_BE_FOUND,
            organisations=["organisations/vale", "organisations/oaks", "organisations/vale"],
            fields=[PROFILE_FIELD_SKILLS, PROFILE_FIELD_DISPLAY_NAME, PROFILE_FIELD_SKILLS],
            expire_time=until,
        ),
    )
    assert given.name.startswith("people/anna/consents/")
    assert list(given.organisations) == ["organisations/vale", "organisations/oaks"]
    assert list(given.fields) == [PROFILE_FIELD_DISPLAY_NAME, PROFILE_FIELD_SKILLS]
    assert (given.expire_time, given.HasField("withdraw_time")) == (until, False)
    assert list((await world.get()).consents) == [given]
    assert await audience(world) == ["organisations/oaks", "organisations/vale"]
    assert (await world.changes())[2] == ProfileChanged(person="people/anna", version=2, parts=[PROFILE_PART_CONSENT])


async def test_a_consent_that_names_no_organisation_is_open_to_all(world: World) -> None:
    await world.create()
    assert list((await give(world, Consent(purpose=CONSENT_PURPOSE_BE_FOUND))).organisations) == []


async def test_a_withdrawn_consent_stays_in_the_sight_of_the_person_and_shares_with_nobody(world: World) -> None:
    await world.create()
    first = await give(world, Consent(purpose=CONSENT_PURPOSE_BE_FOUND, organisations=["organisations/oaks"]))
    second = await give(world, Consent(purpose=CONSENT_PURPOSE_CONTACT, organisations=["organisations/vale"]))
    withdrawn = await withdraw(world, first.name)
    assert withdrawn.HasField("withdraw_time")
    assert list((await world.get()).consents) == [withdrawn, second]
    assert await audience(world) == ["organisations/vale"]
    assert (await world.changes())[4] == ProfileChanged(person="people/anna", version=4, parts=[PROFILE_PART_CONSENT])


async def test_a_second_withdrawal_changes_nothing(world: World) -> None:
    await world.create()
    given = await give(world, Consent(purpose=CONSENT_PURPOSE_BE_FOUND))
    assert await withdraw(world, given.name) == await withdraw(world, given.name)
    assert list(await world.changes()) == [1, 2, 3]


async def test_a_consent_cannot_end_before_it_begins_nor_name_who_does_not_exist(world: World) -> None:
    await world.create()
    for consent, field in (
        (
            Consent(purpose=CONSENT_PURPOSE_CONTACT, expire_time=Timestamp(seconds=int(START.timestamp()))),
            "consent.expire_time",
        ),
        (Consent(purpose=CONSENT_PURPOSE_CONTACT, expire_time=Timestamp(seconds=1 << 60)), "consent.expire_time"),
        (Consent(purpose=CONSENT_PURPOSE_CONTACT, organisations=["organisations/none"]), "consent.organisations[0]"),
    ):
        with pytest.raises(InvalidArgument) as error:
            await give(world, consent)
        assert error.value.violations[0].field == field


async def test_only_what_exists_is_withdrawn(world: World) -> None:
    with pytest.raises(NotFound):
        await withdraw(world, "people/anna/consents/none")
    await world.create()
    with pytest.raises(NotFound):
        await withdraw(world, "people/anna/consents/none")


async def test_a_receipt_says_what_was_agreed_to_and_stays_the_same_when_it_is_withdrawn(world: World) -> None:
    await world.create()
    consent = Consent(
        purpose=CONSENT_PURPOSE_BE_FOUND, organisations=["organisations/oaks"], fields=[PROFILE_FIELD_SKILLS]
    )
    given = await give(world, consent)
    assert given.receipt.statement.startswith("organisations/oaks may find you")
    assert "skills" in given.receipt.statement
    withdrawn = await withdraw(world, given.name)
    assert withdrawn.receipt == given.receipt == receipt_of(withdrawn)
    wider = Consent()
    wider.CopyFrom(withdrawn)
    wider.fields.append(PROFILE_FIELD_EMAIL)
    assert receipt_of(wider).digest != given.receipt.digest
