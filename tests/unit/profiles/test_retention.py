"""What is older than its rule goes, nothing else does, and doing it again changes nothing."""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import cast

import pytest
from careweave_profiles import consents, retention
from careweave_profiles.feeds.codes import issue_code

from careweave import keeping
from careweave.config import Settings
from careweave.errors import Unavailable
from careweave.events.port import Event, EventLog, Topic
from careweave.events.topics import KEPT
from careweave.graph.port import Query
from careweave.retention import CODE_DAYS, CONSENT_DAYS, rule_of, rules
from careweave.rpc.caller import OPERATOR
from careweave.v1.common_pb2 import ApplyRetentionRequest
from careweave.v1.events_pb2 import ProfileChanged
from careweave.v1.hr_pb2 import IssueEmploymentCodeRequest
from careweave.v1.profiles_pb2 import (
    CONSENT_PURPOSE_ALERTS,
    PROFILE_PART_CONSENT,
    Consent,
    GiveConsentRequest,
    WithdrawConsentRequest,
)
from tests.contract.reading import everything
from tests.unit.profiles.feeding import OAKS, OAKS_FEED, Feeding, called, update
from tests.unit.profiles.world import ANNA, START, World

CONSENTS = Query("consents", "MATCH (c:Consent) RETURN c.name AS name")
DAY = timedelta(days=1)


async def apply(world: World, log: EventLog, *, dry: bool = False) -> dict[str, int]:
    """Apply the rules and return what was removed, or would be, by kind."""
    request = ApplyRetentionRequest(validate_only=dry)
    reply = await retention.apply_retention(world.ports, log, OPERATOR, request)
    return {each.kind: each.removed for each in reply.applied if each.removed}


def an_event(topic: Topic, key: str, age: timedelta, payload: bytes | None = b"x") -> Event:
    return Event(topic, f"{topic} {key} {age}", "careweave.v1.Test", "/test", key, 1, START - age, payload)


async def test_consents_that_ended_long_ago_go_and_those_that_hold_stay(world: World, log: EventLog) -> None:
    await world.create()
    given = [
        await consents.give_consent(
            world.ports,
            ANNA,
            GiveConsentRequest(parent="people/anna", consent=Consent(purpose=CONSENT_PURPOSE_ALERTS)),
        )
        for _ in range(3)
    ]
    await consents.withdraw_consent(world.ports, ANNA, WithdrawConsentRequest(name=given[0].name))
    world.now += (CONSENT_DAYS - 1) * DAY
    assert "consents" not in await apply(world, log)
    await consents.withdraw_consent(world.ports, ANNA, WithdrawConsentRequest(name=given[1].name))
    world.now += 2 * DAY
    assert (await apply(world, log, dry=True))["consents"] == 1
    assert len((await world.get()).consents) == 3
    assert (await apply(world, log))["consents"] == 1
    assert [each.name for each in (await world.get()).consents] == [given[1].name, given[2].name]
    assert {row["name"] for row in await world.graph.run(CONSENTS)} == {given[1].name, given[2].name}
    version = (await world.get()).version
    assert (await world.changes())[version] == ProfileChanged(
        person="people/anna", version=version, parts=[PROFILE_PART_CONSENT]
    )
    assert "consents" not in await apply(world, log)
    assert (await world.get()).version == version


async def test_remembered_requests_go_after_a_day(world: World, log: EventLog) -> None:
    await world.create(request_id="0b9e7e3c-6c1f-4f43-9d53-0d6a1c7a5f10")
    assert "requests" not in await apply(world, log)
    world.now += DAY
    assert (await apply(world, log, dry=True))["requests"] == 1
    assert (await apply(world, log))["requests"] == 1
    assert "requests" not in await apply(world, log)


async def test_codes_go_after_their_time(feeding: Feeding, log: EventLog) -> None:
    await feeding.send(update(identity=called("Fictional One")))
    await issue_code(feeding.feeds, OAKS_FEED, IssueEmploymentCodeRequest(source_system=OAKS, external_id="A-1"))
    assert "employment-codes" not in await apply(feeding.world, log)
    feeding.world.now += CODE_DAYS * DAY
    assert (await apply(feeding.world, log))["employment-codes"] == 1
    assert await feeding.everything("EmploymentCode") == []


async def test_events_go_by_the_rule_of_their_topic_and_no_sooner(world: World, log: EventLog) -> None:
    kept = {rule.kind: rule for rule in rules(Settings()) if rule.topic and not KEPT[rule.topic].compacted}
    for rule in kept.values():
        assert rule.topic is not None
        assert rule.days is not None
        old, young = (rule.days + 1) * DAY, (rule.days - 1) * DAY
        await log.append([an_event(rule.topic, "k", age) for age in (old, young)])
    would = await apply(world, log, dry=True)
    assert would == dict.fromkeys(kept, 1)
    assert await apply(world, log) == would
    assert await apply(world, log) == {}
    for rule in kept.values():
        assert len(await everything(log, str(rule.topic))) == 1


async def test_of_profiles_the_last_event_of_each_stays_and_tombstones_go(world: World, log: EventLog) -> None:
    days = rule_of("tombstones", Settings()).days or 0
    events = [("a", 90 * DAY, b"x"), ("a", 80 * DAY, b"x"), ("b", 90 * DAY, b"x")]
    events += [("b", (days + 1) * DAY, None), ("c", 80 * DAY, b"x"), ("c", (days - 1) * DAY, None)]  # type: ignore[list-item]
    await log.append([an_event(Topic.PROFILES, *each) for each in events])
    assert await apply(world, log) == {"tombstones": 4}
    await log.append([an_event(Topic.PROFILES, key, timedelta()) for key in "xyzuvw"])  # so that each partition ends
    left = {each.event.key: each.event.payload for each in await everything(log, Topic.PROFILES)}
    assert left == {"a": b"x", "c": None, **dict.fromkeys("xyzuvw", b"x")}


async def test_a_rule_without_days_drops_nothing(world: World, log: EventLog) -> None:
    await log.append([an_event(Topic.DECISIONS, "k", 9000 * DAY)])
    ports = world.ports
    endless = type(ports)(ports.graph, ports.clock, ports.new_id, rules(Settings(events_keep_days=0)))
    reply = await retention.apply_retention(endless, log, OPERATOR, ApplyRetentionRequest())
    assert "decisions-events" not in {each.kind for each in reply.applied}
    assert len(await everything(log, Topic.DECISIONS)) == 1


async def test_rules_are_applied_again_and_again_whatever_went_wrong_the_last_time(
    world: World, log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "FIRST_SECONDS", 0.0)
    monkeypatch.setattr(keeping, "DAY_SECONDS", 0.01)
    failing = Failing(log, failures=2)
    apply_rules = partial(retention.apply_rules, world.ports, cast("EventLog", failing))
    daily = asyncio.create_task(keeping.keep_to_rules(apply_rules))
    for key in ("first", "second"):
        await log.append([an_event(Topic.MATCHES, key, 400 * DAY)])
        async with asyncio.timeout(20):
            while sum((await log.lag([Topic.MATCHES], "nobody")).values()):  # noqa: ASYNC110  another task's progress
                await asyncio.sleep(0.01)
    daily.cancel()
    assert failing.failures == 0


@dataclass
class Failing:
    """The log, which first fails to drop anything some times."""

    inner: EventLog
    failures: int

    async def drop_before(self, topic: str, time: datetime, *, dry_run: bool = False) -> int:
        """Drop, or fail."""
        if self.failures:
            self.failures -= 1
            raise Unavailable("the log does not answer", reason="EVENTS_UNAVAILABLE")
        return await self.inner.drop_before(topic, time, dry_run=dry_run)

    async def compact(self, topic: str, forget_before: datetime | None = None) -> int:
        """Compact."""
        return await self.inner.compact(topic, forget_before)

    async def scrub(self) -> None:
        """Scrub."""
        await self.inner.scrub()
