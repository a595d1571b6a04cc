"""Removing what is older than its rule, of what this service keeps, and what the event log does not drop by itself."""

from datetime import datetime, timedelta
from typing import Final, cast

from careweave.events.port import EventLog
from careweave.events.topics import KEPT
from careweave.graph import requests
from careweave.graph.port import Query
from careweave.policy import Action, Caller, authorise
from careweave.retention import Rule
from careweave.v1.common_pb2 import AppliedRetention, ApplyRetentionRequest, ApplyRetentionResponse
from careweave.v1.profiles_pb2 import Consent, Person
from careweave_profiles import store, versions
from careweave_profiles.dates import time_of
from careweave_profiles.feeds.code_store import EXPIRE as EXPIRE_CODES
from careweave_profiles.ports import Ports
from careweave_profiles.saving import Change, save

_AT_ONCE: Final = 250
COUNT_REQUESTS: Final = Query(
    "count_old_requests", "MATCH (r:RequestRecord) WHERE r.expire_time <= $now RETURN count(*) AS times"
)
COUNT_CODES: Final = Query(
    "count_old_codes", "MATCH (c:EmploymentCode) WHERE c.expire_time <= $now RETURN count(*) AS times"
)
OLD_CONSENTS: Final = Query(
    "old_consents",
    "MATCH (c:Consent) WHERE c.withdraw_time <= $now OR c.expire_time <= $now "
    "RETURN c.name AS name, c.person AS person ORDER BY person, name",
)
DROP_CONSENTS: Final = Query(
    "drop_consents", "UNWIND $names AS wanted MATCH (c:Consent {name: wanted}) DETACH DELETE c"
)


async def apply_retention(
    ports: Ports, events: EventLog, caller: Caller, request: ApplyRetentionRequest
) -> ApplyRetentionResponse:
    """Remove what is older than its rule, or say how much is.

    Raises:
        Forbidden: `caller` may not.
        Unavailable: graph or event log do not answer; what was removed before stays removed.
    """
    authorise(caller, Action.APPLY_RETENTION)
    return await apply_rules(ports, events, dry=request.validate_only)


async def apply_rules(ports: Ports, events: EventLog, *, dry: bool = False) -> ApplyRetentionResponse:
    """Do as `apply_retention`, for the service itself."""
    now = ports.clock()
    removed = {
        "requests": await _requests(ports, now, dry=dry),
        "employment-codes": await _codes(ports, now, dry=dry),
        "consents": await _consents(ports, now, dry=dry),
        "profile-versions": await _versions(ports, now, dry=dry),
    }
    for rule in ports.rules:
        if rule.topic and rule.days is not None:
            removed[rule.kind] = await _events(events, rule, now, dry=dry)
    if not dry and any(removed[rule.kind] for rule in ports.rules if rule.topic and rule.kind in removed):
        await events.scrub()  # once, since it takes as long as all that is kept is large
    return ApplyRetentionResponse(
        applied=[
            AppliedRetention(kind=kind, title=ports.rule(kind).holds, removed=count) for kind, count in removed.items()
        ]
    )


async def _requests(ports: Ports, now: datetime, *, dry: bool) -> int:
    return await _expire(ports, COUNT_REQUESTS, requests.EXPIRE, now, dry=dry)


async def _codes(ports: Ports, now: datetime, *, dry: bool) -> int:
    return await _expire(ports, COUNT_CODES, EXPIRE_CODES, now, dry=dry)


async def _versions(ports: Ports, now: datetime, *, dry: bool) -> int:
    days = ports.rule("profile-versions").days
    if days is None:
        return 0
    return await _expire(ports, versions.COUNT_OLD, versions.DROP_OLD, now - timedelta(days=days), dry=dry)


async def _expire(ports: Ports, count: Query, expire: Query, now: datetime, *, dry: bool) -> int:
    old = cast("int", (await ports.graph.run(count, now=now))[0]["times"])
    if old and not dry:
        async with ports.graph.unit_of_work() as unit:
            await unit.run(expire, now=now)
    return old


async def _consents(ports: Ports, now: datetime, *, dry: bool) -> int:
    """Take consents that ended long ago out of profiles, each change with its event."""
    days = ports.rule("consents").days
    assert days is not None  # noqa: S101  the rule has a period
    before = now - timedelta(days=days)
    rows = await ports.graph.run(OLD_CONSENTS, now=before)
    people = list(dict.fromkeys(str(row["person"]) for row in rows))
    for start in range(0, 0 if dry else len(people), _AT_ONCE):
        async with ports.graph.unit_of_work() as unit:
            kept = await store.people(unit, people[start : start + _AT_ONCE])
            changes = [Change(person, _without_old(person, before)) for person in kept]
            await save(unit, ports, changes, now)
            gone = [each.name for person in kept for each in person.consents if _ended(each, before)]
            await unit.run(DROP_CONSENTS, names=gone)
    return len(rows)


def _without_old(person: Person, before: datetime) -> Person:
    after = Person()
    after.CopyFrom(person)
    del after.consents[:]
    after.consents.extend(each for each in person.consents if not _ended(each, before))
    return after


def _ended(consent: Consent, before: datetime) -> bool:
    return any(
        consent.HasField(end) and time_of(getattr(consent, end)) <= before for end in ("withdraw_time", "expire_time")
    )


async def _events(events: EventLog, rule: Rule, now: datetime, *, dry: bool) -> int:
    assert rule.topic is not None  # noqa: S101  the caller has looked
    assert rule.days is not None  # noqa: S101  the same
    before = now - timedelta(days=rule.days)
    if KEPT[rule.topic].compacted:
        return 0 if dry else await events.compact(rule.topic, before)
    return await events.drop_before(rule.topic, before, dry_run=dry)
