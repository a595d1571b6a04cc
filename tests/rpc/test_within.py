"""What the first process of a server tells its workers, over a real graph and real issuers."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from careweave.errors import FailedPrecondition, InvalidArgument, NotFound, Unavailable
from careweave.events.wakeup import Wakeup
from careweave.graph.port import Query
from careweave.graph.remote import RemoteGraph
from careweave.identity.keys import usable
from careweave.identity.remote_keys import RemoteIssuers
from careweave.identity.revocations import Revocations
from careweave.identity.signing import OwnIssuer
from careweave.identity.tokens import Tokens
from careweave.policy import Caller, Role
from careweave.rpc.caller import SERVICE
from careweave.rpc.within import FirstProcess, Issuers, Shared, within_server
from careweave.wiring import Adapters, utc_now

ANNA = Caller("people/anna", Role.PERSON)
VALUES: dict[str, object] = {
    "whole": 7,
    "real": 0.1,
    "text": "ü'\"",
    "yes": True,
    "nothing": None,
    "packed": b"\x00\xff",
    "day": date(2027, 1, 4),
    "moment": datetime(2027, 1, 4, 12, 30, tzinfo=UTC),
    "several": ["a", "b"],
}
ECHO = Query("test.echo", "RETURN " + ", ".join(f"${name} AS {name}" for name in VALUES if name != "nothing"))


@dataclass
class Told:
    """The first process, and a worker that asks it."""

    first: FirstProcess
    own: OwnIssuer
    trial: OwnIssuer
    withdrawn: Wakeup
    renewals: Wakeup
    adapters: Adapters


@pytest.fixture
async def told(adapters: Adapters, tmp_path: Path) -> AsyncIterator[Told]:
    withdrawn, renewals = Wakeup(), Wakeup()
    own, trial = (OwnIssuer(url, "careweave", utc_now, withdrawn.notify) for url in ("urn:own", "http://trial"))

    async def pseudonyms(names: Sequence[str]) -> Mapping[str, str]:
        return {name: f"of {name}" for name in names if name != "people/nobody"}

    async def double(body: bytes) -> bytes:
        return body + body

    async def refuse(_: bytes) -> bytes:
        raise NotFound("There is none.", reason="NONE_FOUND")

    issuers = Issuers(own, (own, trial), withdrawn)
    shared = Shared(adapters.graph, issuers, pseudonyms, {"Double": double, "Refuse": refuse}, renewals)
    address = f"unix:{tmp_path / 'within'}"
    server = within_server(shared, address)
    await server.start()
    async with FirstProcess(address) as first:
        yield Told(first, own, trial, withdrawn, renewals, adapters)
    await server.stop(None)


async def test_rows_come_as_the_graph_gives_them_whatever_their_type(told: Told) -> None:
    remote, values = RemoteGraph(told.first.read), {name: value for name, value in VALUES.items() if value is not None}
    rows = await remote.run(ECHO, **values)
    assert rows == await told.adapters.graph.run(ECHO, **values) == [values]
    assert {type(value) for value in rows[0].values()} == {type(value) for value in values.values()}
    nothing = Query("test.nothing", "MATCH (p:Person {name: $name}) RETURN p.name AS name")
    assert await remote.run(nothing, name="people/none") == []


async def test_an_answer_may_be_long(told: Told) -> None:
    long = Query("test.long", "UNWIND $numbers AS number RETURN number, $text AS text")
    rows = await RemoteGraph(told.first.read).run(long, numbers=list(range(1000)), text="x" * 50_000)
    assert [row["number"] for row in rows] == list(range(1000))


async def test_a_worker_writes_nothing(told: Told) -> None:
    remote = RemoteGraph(told.first.read)
    with pytest.raises(InvalidArgument) as caught:
        await remote.run(Query("test.write", "CREATE (p:Person {name: 'people/x'})"))
    assert caught.value.reason == "WRITE_OUTSIDE_UNIT"
    with pytest.raises(FailedPrecondition) as refused:
        remote.unit_of_work()
    assert refused.value.reason == "GRAPH_READ_ONLY"


async def test_a_part_answers_its_workers_and_its_errors_keep_their_reason(told: Told) -> None:
    assert await told.first.ask("Double", b"ab") == b"abab"
    with pytest.raises(NotFound) as caught:
        await told.first.ask("Refuse", b"")
    assert caught.value.reason == "NONE_FOUND"
    assert await told.first.pseudonyms(["people/anna", "people/nobody"]) == {"people/anna": "of people/anna"}


async def test_public_keys_are_told_and_private_ones_never(told: Told) -> None:
    key_sets = await told.first.keys()
    assert key_sets.keys() == {"urn:own", "http://trial"}
    for key_set in key_sets.values():
        assert all("d" not in key for key in key_set["keys"])
        assert usable(key_set)


async def test_a_worker_takes_tokens_of_the_server_until_their_key_is_withdrawn(told: Told) -> None:
    revocations = Revocations()
    revocations._known.set()  # there is no log here to read them from
    tokens = Tokens((), "careweave", revocations, utc_now)
    issuers = RemoteIssuers(told.first.keys, tokens.forget)
    for keys in await issuers.read():
        tokens.add(keys)
    old = told.trial.issue(ANNA).token
    assert (await tokens.bearer(old)).caller == ANNA
    news = told.first.withdrawals()
    await anext(news)
    told.trial.rotate(withdraw=False)
    assert (await tokens.bearer(told.trial.issue(ANNA).token)).caller == ANNA, "a new key is asked for"
    told.trial.rotate(withdraw=True)
    async with asyncio.timeout(20):
        await anext(news)
    await issuers.renew()
    with pytest.raises(Exception, match="not signed by a key"):
        await tokens.bearer(old)
    own = await told.first.token(SERVICE)
    assert (await tokens.bearer(own.token)).caller == SERVICE


async def test_a_wish_for_renewal_reaches_a_worker_that_listens(told: Told) -> None:
    news: Any = told.first.renewals()
    hearing = asyncio.ensure_future(anext(news))
    async with asyncio.timeout(20):
        while not hearing.done():
            told.renewals.notify()
            await asyncio.wait({hearing}, timeout=0.05)


async def test_who_asks_a_process_that_is_gone_learns_so(tmp_path: Path) -> None:
    async with FirstProcess(f"unix:{tmp_path / 'gone'}") as first:
        with pytest.raises(Unavailable):
            await first.keys()
