"""`careweave decisions` and `careweave reviews` beside a running server, as a person and a manager use them."""

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from careweave_matching.weights import CURRENT

from careweave.config import Settings
from careweave.v1 import matching_pb2
from tests.rpc.replicas import until
from tests.rpc.test_matching import TRUST, Place, published, somebody, started

MANAGER = ("--role", "manager", "--organisation", TRUST)


@pytest.fixture
async def place(settings: Settings) -> AsyncIterator[Place]:
    async with started(replace(settings, index_staleness_seconds=300.0)) as running_place:
        yield running_place


async def call(place: Place, *words: str) -> str:
    """Run the program and return what it prints, its lines joined."""
    environment = {**os.environ, "CAREWEAVE_LISTEN": place.address, "COLUMNS": "200"}
    running = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "careweave_cli", *words, env=environment, stdout=PIPE, stderr=PIPE
    )
    out, error = await running.communicate()
    assert running.returncode == 0, error.decode()
    return " ".join(out.decode().split())


async def test_a_ranking_leads_to_a_review_and_a_review_to_an_answer(place: Place) -> None:
    who, role = await somebody(place), (await published(place)).name
    person = ("--as", who)
    shown = await call(place, *person, "match", who)
    decision = shown.rpartition("careweave reviews request ")[2].split()[0]
    assert decision.startswith(f"{who}/decisions/")
    assert "decisions list" in await call(place, *person, "explain", who, role)

    async def listed() -> bool:
        return decision in await call(place, *person, "decisions", "list", who, "--json")

    await until(listed)
    assert role in await call(place, *person, "decisions", "show", decision)
    words = (
        *person,
        "reviews",
        "request",
        decision,
        "--about",
        role,
        "--kind",
        "contest",
        "--comment",
        "I led nights.",
    )
    review = json.loads(await call(place, *words, "--json"))["name"]
    asked = await call(place, *MANAGER, "reviews", "list", "--organisation", TRUST, "--state", "received", "--json")
    assert [each["name"] for each in json.loads(asked)["reviews"]] == [review]
    await call(place, *MANAGER, "reviews", "start", review, "--reviewer", "hr-7")
    await call(place, *MANAGER, "reviews", "extend", review, "--reason", "Two wards are asked.")
    verdict = ("--outcome", "changed", "--answer", "We did not know of the nights.", "--changes", "You are invited.")
    await call(place, *MANAGER, "reviews", "answer", review, "--reviewer", "hr-7", *verdict)
    told = await call(place, *person, "reviews", "show", review)
    for said in ("contest · answered", "I led nights.", "Two wards are asked.", "manager hr-7", "You are invited."):
        assert said in told
    second = json.loads(await call(place, *words, "--json"))["name"]
    assert "withdrawn" in await call(place, *person, "reviews", "withdraw", second)
    assert "answered" in await call(place, *person, "reviews", "list", "--person", who)


async def test_what_was_applied_for_is_marked_on_the_command_line_and_left_out_on_request(place: Place) -> None:
    who, role = await somebody(place), (await published(place, title="Night lead")).name
    other = (await published(place, title="Day lead")).name
    interest = matching_pb2.ExpressInterestRequest(person=who, opportunity=role)
    await place.services.matching.ExpressInterest(interest)
    outcome = matching_pb2.RecordOutcomeRequest(
        person=who, opportunity=role, stage=matching_pb2.APPLICATION_STAGE_SHORTLISTED
    )
    await place.services.matching.RecordOutcome(outcome)
    for words in (("match", who), ("match", who, "--brief"), ("explain", who, role)):
        assert "applied for: shortlisted" in await call(place, "--as", who, *words)
    new = json.loads(await call(place, "--as", who, "match", who, "--new", "--json"))
    assert [match["opportunity"] for match in new["matches"]] == [other]


async def test_what_a_ranking_does_not_decide_is_read_on_the_command_line(place: Place) -> None:
    await published(place)
    said = await call(place, "decisions", "safeguards")
    assert "A person decides" in said
    assert f"weights {CURRENT.version}" in said


async def test_a_ranking_is_made_again_and_explained_as_it_was_on_the_command_line(place: Place) -> None:
    who, role = await somebody(place), (await published(place)).name
    person = ("--as", who)
    shown = json.loads(await call(place, *person, "match", who, "--spread", "2", "--json"))

    async def listed() -> bool:
        return shown["decision"] in await call(place, *person, "decisions", "list", who, "--json")

    await until(listed)
    name = f"{who}/{shown['decision']}"
    assert "at most 2 in ten places" in await call(place, *person, "decisions", "show", name)
    again = await call(place, *person, "decisions", "replay", name)
    assert "The order is the same" in again
    told = await call(place, *person, "explain", who, role, "--decision", shown["decision"], "--json")
    assert json.loads(told)["score"] == pytest.approx(shown["matches"][0]["score"], abs=1e-6)


async def test_what_would_lift_an_opportunity_is_told_with_how_to_gain_it(place: Place) -> None:
    who, role = await somebody(place), (await published(place)).name
    person = ("--as", who)
    beyond = json.loads(await call(place, *person, "gains", who, role, "--score", "1", "--json"))
    assert not beyond.get("reached")
    target = str(beyond["after"]["suitability"] - 1e-6)
    told = await call(place, *person, "gains", who, role, "--suitability", target)
    assert "1 skill would do it. Fewer would not do." in told
    assert "Care Planning Course" in told
    assert "reached already" in await call(place, *person, "gains", who, role, "--top", "1")


async def test_what_is_put_aside_on_the_command_line_leaves_the_list_until_it_is_taken_back(place: Place) -> None:
    who, role = await somebody(place), (await published(place)).name
    person = ("--as", who)

    async def listed() -> bool:
        return role in await call(place, *person, "match", who)

    async def left() -> bool:
        return not await listed()

    assert await listed()
    assert "Put aside: 1." in await call(place, *person, "person", "dismiss", who, role)
    await until(left)
    assert role in await call(place, *person, "match", who, "--dismissed")
    assert "Put aside: 0." in await call(place, *person, "person", "dismiss", who, role, "--undo")
    await until(listed)
