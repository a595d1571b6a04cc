"""MatchFound: who is told of what, and how often, however many replicas run and whatever befalls them."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from careweave_matching.alerting import Alerting
from careweave_matching.alerts import LEAST_SCORE
from careweave_matching.following import ReadModel
from careweave_matching.service import ports_over
from google.protobuf.field_mask_pb2 import FieldMask

from careweave.client import person
from careweave.config import Settings
from careweave.events.port import Delivered, Event, Positions, Topic
from careweave.graph.port import Query
from careweave.rpc.channels import Channels
from careweave.v1 import events_pb2
from careweave.v1 import matching_pb2 as mt
from careweave.v1 import profiles_pb2 as pf
from careweave.v1.common_pb2 import (
    CREDENTIAL_KIND_REGISTRATION,
    IMPORTANCE_ESSENTIAL,
    TRAVEL_MODE_CAR,
    CredentialRequirement,
    SkillRequirement,
)
from careweave.wiring import Adapters, open_adapters
from tests.rpc.replicas import Replica, opened, serving, until
from tests.rpc.test_matching import CARE, PLANS, STAFF, TRUST, a_person, a_role, seed
from tests.stacks import PARTITIONS, on_both_stacks

pytestmark = on_both_stacks

KEPT = Query(
    "alerts_kept",
    "MATCH (p:Person)-[r:ALERTED]->(o:Opportunity) RETURN p.name AS person, o.name AS opportunity, r.number AS number",
)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
async def seeded(settings: Settings, cache: Path) -> AsyncIterator[Adapters]:
    async with open_adapters(replace(settings, cache=cache, index_staleness_seconds=300.0)) as adapters:
        await seed(adapters)
        yield adapters


@pytest.fixture
async def replicas(seeded: Adapters) -> AsyncIterator[list[Replica]]:
    async with opened(seeded.settings, 3) as logs, serving(seeded.settings, seeded, logs) as started:
        yield started


def wishes(*, alerts: bool = True) -> pf.Preferences:
    return pf.Preferences(
        travel_mode=TRAVEL_MODE_CAR,
        maximum_travel_minutes=90,
        unsocial_hours=True,
        aspiration="lead the care of people at home",
        alerts=alerts,
    )


async def somebody(replica: Replica, *, alerts: bool = True, consents: bool = True, to: str = "") -> str:
    """Create a person whom the sample role fits; they want alerts and consent to them unless said otherwise."""
    profile = a_person(preferences=wishes(alerts=alerts))
    name = (await replica.services.profiles.CreatePerson(pf.CreatePersonRequest(person=profile))).name
    if consents:
        given = pf.Consent(purpose=pf.CONSENT_PURPOSE_ALERTS, organisations=[to] if to else [])
        async with Channels(replica.settings, person(name)) as own:
            await own.profiles.GiveConsent(pf.GiveConsentRequest(parent=name, consent=given))
    return name


async def published(replica: Replica, **changes: object) -> str:
    request = mt.CreateOpportunityRequest(opportunity=a_role(**changes))
    return (await replica.services.matching.CreateOpportunity(request)).name


async def told(adapters: Adapters) -> list[tuple[Event, events_pb2.MatchFound]]:
    """Return all that people were told up to now."""
    end = await adapters.events.end([Topic.MATCHES])
    wanted, seen = sum(end.offsets.values()), []
    if wanted:
        async for delivered in adapters.events.follow([Topic.MATCHES], Positions()):
            event = delivered.event
            seen.append((event, events_pb2.MatchFound.FromString(event.payload or b"")))
            if len(seen) == wanted:
                break
    return seen


async def pairs(adapters: Adapters) -> list[tuple[str, str]]:
    return sorted((found.person, found.opportunity) for _, found in await told(adapters))


async def until_told(adapters: Adapters, *expected: tuple[str, str]) -> None:
    async def there() -> bool:
        return len(await pairs(adapters)) >= len(expected)

    await until(there)
    assert await pairs(adapters) == sorted(expected)


async def until_handled(adapters: Adapters, replica: Replica) -> None:
    """Return once the group has dealt with all that was written before: a further pair was told."""
    before = len(await told(adapters))
    await somebody(replica)  # whatever is on offer fits them as it fits the others

    async def more() -> bool:
        return len(await told(adapters)) > before

    await until(more)


async def test_three_replicas_over_three_partitions_tell_each_pair_once_and_give_equal_answers(
    seeded: Adapters, replicas: list[Replica]
) -> None:
    people: list[str] = []
    while len(people) < 6 or not await all_partitions_used(seeded, Topic.PROFILES):
        people.append(await somebody(replicas[len(people) % 3]))
    roles: list[str] = []
    while len(roles) < 3 or not await all_partitions_used(seeded, Topic.OPPORTUNITIES):
        roles.append(await published(replicas[len(roles) % 3], title=f"Role {len(roles)}"))
    await until_told(seeded, *((who, role) for who in people for role in roles))
    for replica in replicas:
        await until(replica.is_level)
    for who in people:
        answers = [await found_by(replica, who) for replica in replicas]
        assert answers[0] == answers[1] == answers[2]
        assert {match.opportunity for match in answers[0]} == set(roles)
    event, found = (await told(seeded))[0]
    assert (event.version, event.type) == (1, "careweave.v1.MatchFound")
    assert event.key == f"{found.person}/matches/{found.opportunity.partition('/')[2]}"
    assert found.title.startswith("Role ")
    assert found.score >= LEAST_SCORE
    assert any("administer prescribed medication" in reason for reason in found.reasons)
    assert len({event.id for event, _ in await told(seeded)}) == len(people) * len(roles)


async def all_partitions_used(adapters: Adapters, topic: Topic) -> bool:
    """Tell whether each of the three partitions of `topic` holds an event."""
    offsets = (await adapters.events.end([topic])).offsets
    assert len(offsets) == PARTITIONS
    return all(offsets.values())


async def found_by(replica: Replica, who: str) -> list[mt.Match]:
    return list((await replica.services.matching.FindOpportunities(mt.FindOpportunitiesRequest(person=who))).matches)


async def test_only_who_wants_alerts_and_consents_to_them_for_that_organisation_is_told(
    seeded: Adapters, replicas: list[Replica]
) -> None:
    asking = await somebody(replicas[0])
    of_the_trust = await somebody(replicas[0], to=TRUST)
    await somebody(replicas[0], to=CARE)
    await somebody(replicas[0], alerts=False)
    await somebody(replicas[0], consents=False)
    role = await published(replicas[1])
    await until_told(seeded, (asking, role), (of_the_trust, role))
    await published(replicas[1], title="Out of reach", credentials=[
        CredentialRequirement(kind=CREDENTIAL_KIND_REGISTRATION, title="NMC")
    ])  # fmt: skip
    last = await published(replicas[1], title="Within reach")
    await until_told(seeded, *((who, each) for who in (asking, of_the_trust) for each in (role, last)))


async def test_a_gate_that_does_not_pass_is_told_with_what_mends_it(seeded: Adapters, replicas: list[Replica]) -> None:
    who = await somebody(replicas[0])
    need = CredentialRequirement(kind=CREDENTIAL_KIND_REGISTRATION, title="NMC", provided_by_employer=True)
    role = await published(replicas[0], credentials=[need])
    await until_told(seeded, (who, role))
    ((_, found),) = await told(seeded)
    assert [(gate.kind, gate.result) for gate in found.gates] == [(mt.GATE_KIND_REGISTRATION, mt.GATE_RESULT_FIXABLE)]


async def test_a_changed_profile_is_told_of_what_fits_now_and_again_only_if_the_reason_changed(
    seeded: Adapters, replicas: list[Replica]
) -> None:
    role = await published(replicas[0])
    who = await somebody(replicas[1])
    await until_told(seeded, (who, role))
    profiles = replicas[2].services.profiles
    await profiles.UpdatePerson(pf.UpdatePersonRequest(person=pf.Person(name=who, display_name="Another Name")))
    await profiles.AssertSkill(
        pf.AssertSkillRequest(person=who, skill=pf.PersonSkill(skill=PLANS, source=pf.SOURCE_EMPLOYER))
    )
    await until_told(seeded, (who, role), (who, role))
    assert [event.version for event, _ in sorted(await told(seeded), key=lambda each: each[0].version)] == [1, 2]


async def test_nobody_is_told_of_what_they_have_applied_for(seeded: Adapters, replicas: list[Replica]) -> None:
    who, role = await somebody(replicas[0]), await published(replicas[0])
    await until_told(seeded, (who, role))
    async with Channels(replicas[1].settings, person(who)) as own:
        await own.matching.ExpressInterest(mt.ExpressInterestRequest(person=who, opportunity=role))
    needs = [*a_role().requirements, SkillRequirement(skill=STAFF, importance=IMPORTANCE_ESSENTIAL)]
    changed = mt.Opportunity(name=role, requirements=needs)
    await replicas[2].services.matching.UpdateOpportunity(
        mt.UpdateOpportunityRequest(opportunity=changed, update_mask=FieldMask(paths=["requirements"]))
    )
    await until_handled(seeded, replicas[0])
    await replicas[2].services.profiles.AssertSkill(
        pf.AssertSkillRequest(person=who, skill=pf.PersonSkill(skill=PLANS, source=pf.SOURCE_EMPLOYER))
    )
    await until_handled(seeded, replicas[0])
    assert (await pairs(seeded)).count((who, role)) == 1


async def test_an_event_that_comes_again_tells_nobody_again(seeded: Adapters, replicas: list[Replica]) -> None:
    """As after a member was killed between what it told and the commit of its position."""
    who, role = await somebody(replicas[0]), await published(replicas[0])
    await until_told(seeded, (who, role))
    async with Channels(replace(seeded.settings, listen=replicas[0].address)) as channels:
        ports = ports_over(seeded, channels)
        model = ReadModel(ports)
        running = asyncio.create_task(model.run())
        handled: list[Delivered] = []
        alerting = Alerting(ports, model)
        end = await seeded.events.end([Topic.PROFILES, Topic.OPPORTUNITIES])

        async def again(batch: Sequence[Delivered]) -> None:
            for delivered in batch:
                await alerting.handle(delivered)
            handled.extend(batch)

        consuming = asyncio.create_task(seeded.events.consume([Topic.PROFILES, Topic.OPPORTUNITIES], "again", again))

        async def all_handled() -> bool:
            return len(handled) == sum(end.offsets.values())

        await until(all_handled)
        for task in (consuming, running):
            task.cancel()
        await asyncio.gather(consuming, running, return_exceptions=True)
    await until_handled(seeded, replicas[0])
    assert (await pairs(seeded)).count((who, role)) == 1


async def test_replicas_that_come_and_go_tell_each_pair_once(seeded: Adapters) -> None:
    expected: list[tuple[str, str]] = []
    people: list[str] = []
    roles: list[str] = []
    for number in range(3):
        async with serving(seeded.settings, seeded, [seeded.events] * (1 + number % 2)) as started:
            people.append(await somebody(started[-1]))
            roles.append(await published(started[-1], title=f"Role {number}"))
            # Left at once: what is not told yet, whoever comes next tells.
    expected = [(who, role) for who in people for role in roles]
    async with serving(seeded.settings, seeded, [seeded.events]):
        await until_told(seeded, *expected)


async def test_erasure_and_closing_leave_nothing_of_what_was_told(seeded: Adapters, replicas: list[Replica]) -> None:
    leaving, staying = await somebody(replicas[0]), await somebody(replicas[0])
    closing, open_one = await published(replicas[0]), await published(replicas[0], title="Another role")
    everything = [(who, role) for who in (leaving, staying) for role in (closing, open_one)]
    await until_told(seeded, *everything)
    await replicas[1].services.profiles.DeletePerson(pf.DeletePersonRequest(name=leaving))
    assert await kept(seeded) == {(staying, closing), (staying, open_one)}
    await replicas[1].services.matching.CloseOpportunity(mt.CloseOpportunityRequest(name=closing))

    async def forgotten() -> bool:
        return await kept(seeded) == {(staying, open_one)}

    await until(forgotten)
    later = await published(replicas[2], title="A later role")
    await until_told(seeded, *everything, (staying, later))


async def kept(adapters: Adapters) -> set[tuple[str, str]]:
    return {(str(row["person"]), str(row["opportunity"])) for row in await adapters.graph.run(KEPT)}
