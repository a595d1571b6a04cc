"""People are erased, and then every service, event and file is searched for them.

`CAREWEAVE_TEST_ERASE_PEOPLE` says how many; unless it is set, a few, on the embedded engines (`make erase-proof`: 100,
on both stacks, with servers of their own). A table says after each step where traces are, of what, until when, and by
which retention rule: after the erasure; after the stores were compacted and logs pruned; and once the periods are over.
"""

import asyncio
import os
import shutil
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import kafka
import pytest
from careweave_cli.devstack.jars import user_cache
from careweave_cli.devstack.kafka_server import kafka_in, start_kafka
from careweave_cli.devstack.neo4j_server import Neo4jServer, start_neo4j
from careweave_cli.devstack.recipe import read_recipe, write_recipe
from careweave_cli.person.findings import Finding, finding, longest_rule, rule_for_file
from careweave_cli.person.needles import Needle, Search
from careweave_cli.person.proving import in_events, in_files, in_services
from careweave_cli.show.erasures import findings_table
from careweave_profiles import retention
from careweave_profiles.ports import Ports
from kafka.admin import ConfigResource, ConfigResourceType
from rich.console import Console

from careweave.client import OPERATOR, connect
from careweave.config import PREFIX, Settings, environment_of
from careweave.events.port import Event, Topic
from careweave.events.topics import KEPT, Sizes
from careweave.retention import Rule, rules
from careweave.rpc.channels import Channels
from careweave.v1 import profiles_pb2 as pf
from careweave.v1.common_pb2 import ApplyRetentionRequest
from careweave.v1.events_pb2 import ProfileChanged
from careweave.wiring import (
    compact_graph,
    copy_graph,
    local_stores,
    open_adapters,
    open_events,
    open_graph,
    prepare_topics,
    random_id,
    utc_now,
)
from tests.contract.test_congruence import content
from tests.small_taxonomies import write_small_taxonomies
from tests.stacks import EMBEDDED, SERVERS
from tests.system.erasable import Made, furnish, live, made_up_words, make_people, send_by_topic, until_known
from tests.system.ports import free_address

PEOPLE = int(os.environ.get("CAREWEAVE_TEST_ERASE_PEOPLE", "0"))
STACKS = (EMBEDDED, SERVERS) if PEOPLE else (EMBEDDED,)
FEW = 6
STAYING = 3
SECONDS = 300.0
KAFKA_SETTINGS = {
    "log.cleaner.backoff.ms": "500",
    "log.retention.check.interval.ms": "500",
    "log.initial.task.delay.ms": "500",
}
_AT_ONCE = {"segment.ms": "200", "file.delete.delay.ms": "100"}
DROPPED = {"cleanup.policy": "delete", "retention.ms": "200", **_AT_ONCE}
COMPACTED = {
    "cleanup.policy": "compact",
    "delete.retention.ms": "200",
    "max.compaction.lag.ms": "200",
    "min.cleanable.dirty.ratio": "0.001",
    **_AT_ONCE,
}
"""Periods as short as if they were over."""
NEO4J_SETTINGS = {
    "db.tx_log.rotation.retention_policy": "keep_none",
    "db.tx_log.rotation.size": "128K",
}
"""What operators set, or a time in place of keep_none; here the least there is."""


@dataclass
class Installation:
    """A stack that can be stopped, looked into, and started again.

    servers: ends those that were started.
    folders: where servers keep what they hold, and write their logs.
    """

    settings: Settings
    place: Path
    servers: ExitStack
    neo4j: Neo4jServer | None = None
    folders: list[Path] = field(default_factory=list)

    @property
    def log(self) -> Path:
        """Return the file that the services log to."""
        return self.place / "services.log"


@asynccontextmanager
async def installed(stack: str, place: Path) -> AsyncIterator[Installation]:
    """Yield an installation of its own on `stack`; its servers end with the block."""
    settings = Settings(
        graph=f"ladybug:{place / 'graph'}",
        events=f"sqlite:{place / 'events.db'}",
        cache=place / "cache",
        equality=f"sqlite:{place / 'equality.db'}",
        listen=free_address(),
        index_staleness_seconds=SECONDS,
        calls_per_second=1e6,
        trial="yes",
    )
    with ExitStack() as servers:
        if stack == EMBEDDED:
            yield Installation(settings, place, servers)
            return
        neo4j = servers.enter_context(start_neo4j(place / "neo4j", user_cache(), settings=NEO4J_SETTINGS))
        brokers = servers.enter_context(start_kafka(_hasty_kafka(place / "kafka"), user_cache()))
        settings = replace(
            settings,
            graph=neo4j.url,
            graph_password_file=str(neo4j.password_file),
            events=f"{brokers.url}/{random_id()}",
        )
        await prepare_topics(settings, sizes(settings), dry_run=False)
        yield Installation(settings, place, servers, neo4j, [place / "neo4j", place / "kafka"])


def _hasty_kafka(folder: Path) -> Path:
    """Set a broker up in `folder` that looks every second for what is due, not every few minutes."""
    kafka_in(folder, user_cache())
    home = folder / "broker-1"
    recipe = read_recipe(home)
    write_recipe(home, replace(recipe, settings={**recipe.settings, **KAFKA_SETTINGS}))
    return folder


def sizes(settings: Settings) -> Sizes:
    """Return what topics are made with."""
    return Sizes(3, settings.events_replication, settings.events_keep_days)


@asynccontextmanager
async def serving(made: Installation) -> AsyncIterator[Channels]:
    """Run all services in a process of their own, whose log is kept."""
    others = {name: text for name, text in os.environ.items() if not name.startswith(PREFIX)}
    environment = others | environment_of(replace(made.settings, log_level="DEBUG"))
    with made.log.open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "careweave_cli", "serve", "all", "--json",
            env=environment, stderr=log, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            assert process.stdout is not None
            async with asyncio.timeout(SECONDS):
                assert await process.stdout.readline(), made.log.read_text()[-3000:]
            async with connect(made.settings.listen, OPERATOR) as services:
                yield services
        finally:
            process.terminate()
            await process.wait()


@dataclass(frozen=True)
class Proof:
    """What is looked for, and the tables of what was found."""

    needles: Sequence[Needle]
    rules: Sequence[Rule]
    title: str

    async def of_stores(self, step: str, made: Installation) -> list[Finding]:
        """Search graph, event log and all files while no service runs, print what was found, and return it."""
        now = utc_now()
        found = await self._in_graph(made.settings)
        log = await open_events(made.settings)
        try:
            events = await in_events(log, self.needles, self.rules, now, lambda *_: None)
        finally:
            await log.close()
        stores = local_stores(made.settings)
        found += events
        found += in_files(stores.pop("events", []), self.needles, lambda _, word: longest_rule(events, word=word), now)
        places = [*made.folders, made.log, *(path for paths in stores.values() for path in paths)]
        found += in_files(places, self.needles, lambda file, _: rule_for_file(file, self.rules), now)
        Console(width=200).print(f"\n{self.title}, {step}:", findings_table(_briefly(found, made.place)))
        return found

    async def _in_graph(self, settings: Settings) -> list[Finding]:
        held = (await graph_text(settings)).encode()
        return finding("graph, by query", Search(self.needles).in_bytes(held), lambda _: None, utc_now())


async def graph_text(settings: Settings) -> str:
    """Return all that queries can reach in the graph; serialised profiles as text, too."""
    graph = await open_graph(settings)
    try:
        return repr(await content(graph))
    finally:
        await graph.close()


def _briefly(found: Sequence[Finding], place: Path) -> list[Finding]:
    return [replace(each, place=each.place.removeprefix(f"{place}/")) for each in found]


def unexplained(found: Sequence[Finding]) -> list[Finding]:
    return [each for each in found if each.rule is None]


def kinds(found: Sequence[Finding], *, word: bool) -> set[str]:
    """Return the rules that explain words, or ids."""
    return {each.rule.kind for each in found if each.rule and each.word is word}


@pytest.mark.parametrize("stack", STACKS)
async def test_erased_people_are_nowhere_but_where_a_retention_rule_says_and_then_not_there(
    stack: str, tmp_path: Path
) -> None:
    count = PEOPLE or FEW
    words = made_up_words(5 * (count + STAYING), seed=11)
    async with installed(stack, tmp_path) as made:
        erased, staying = await fill(made, words, count)
        known = rules(made.settings)
        proof = Proof([needle for each in erased for needle in each.needles], known, f"{count} people, {stack}")

        async with serving(made) as services:
            for each in erased:
                reply = await services.profiles.ErasePerson(pf.ErasePersonRequest(name=each.name, force=True))
                assert {"profile", "skills", "hr-records", "applications"} <= {part.kind for part in reply.removed}
            await until_published(made)
            async with asyncio.timeout(SECONDS):  # others forget when they read the tombstone
                while (await in_services(services, proof.needles, utc_now())) != ([], []):  # noqa: ASYNC110
                    await asyncio.sleep(1.0)
        await checkpoint(made)
        found = await proof.of_stores("after the erasure", made)
        assert not unexplained(found)
        assert kinds(found, word=True) <= {"freed-space", "engine-logs", "hr-updates-events", "hr-updates-dlq-events"}
        assert "freed-space" in kinds(found, word=True)  # else `graph compact` is no longer needed

        await compact(made)
        found = await proof.of_stores("after compaction", made)
        assert not unexplained(found)
        assert kinds(found, word=True) == {"hr-updates-events", "hr-updates-dlq-events"}
        assert kinds(found, word=False) >= {"tombstones", "decisions-events", "applications-events"}

        await let_time_pass(made, proof)
        found = await proof.of_stores("after all periods", made)
        assert found == []

        left = await graph_text(made.settings)
        assert all(word in left for each in staying for word in (each.name, *each.words))


async def fill(made: Installation, words: Sequence[str], count: int) -> tuple[list[Made], list[Made]]:
    """Make people with something of every kind; returns those to be erased, and those who stay."""
    taxonomies = write_small_taxonomies(made.place / "taxonomies")
    async with serving(made) as services:
        skills, openings = await furnish(services, str(taxonomies))
        people = await make_people(services, words, skills)
        await until_known(services, people)
        await live(services, made.settings.listen, people, skills, openings)
        log = await open_events(made.settings)
        await send_by_topic(log, people[:2], skills)
        async with asyncio.timeout(SECONDS):
            while sum((await log.end([Topic.HR_REJECTED])).offsets.values()) < 2:  # noqa: ASYNC110  a service's
                await asyncio.sleep(0.1)
        await log.close()
    return people[:count], people[count:]


async def until_published(made: Installation) -> None:
    """Return once each erasure is on the log, and matching and its alerts have had time to hear of it."""
    log = await open_events(made.settings)
    last: dict[tuple[str, int], int] = {}
    async with asyncio.timeout(SECONDS):
        while last != (last := dict((await log.end(list(Topic))).offsets)):  # noqa: ASYNC110  services' progress
            await asyncio.sleep(2.0)
    await log.close()


async def checkpoint(made: Installation) -> None:
    """Let the engines fold their logs in: the embedded one did so as it ended, Neo4j does as it ends."""
    if made.neo4j is not None:
        for _ in range(2):  # what the last checkpoint covers is pruned by the next
            await asyncio.to_thread(made.neo4j.stop)
            await asyncio.to_thread(made.neo4j.start)
            await asyncio.to_thread(made.neo4j.wait)


async def compact(made: Installation) -> None:
    """Do what an operator does so that nothing is left in free parts of the stores."""
    if made.neo4j is None:
        await compact_graph(made.settings, lambda *_: None)
        await apply_rules(made, timedelta())
        return
    fresh = made.place / "neo4j-fresh"
    server = await asyncio.to_thread(
        made.servers.enter_context, start_neo4j(fresh, user_cache(), settings=NEO4J_SETTINGS)
    )
    to = replace(made.settings, graph=server.url, graph_password_file=str(server.password_file))
    await copy_graph(made.settings, to, lambda *_: None)
    await asyncio.to_thread(made.neo4j.stop)
    shutil.rmtree(made.folders[0])
    made.neo4j, made.settings, made.folders[0] = server, to, fresh


async def apply_rules(made: Installation, later: timedelta) -> None:
    """Apply the retention rules as of `later`."""
    async with open_adapters(made.settings) as adapters:
        ports = Ports(adapters.graph, lambda: utc_now() + later, adapters.new_id, rules(made.settings))
        await retention.apply_retention(ports, adapters.events, OPERATOR, ApplyRetentionRequest())


async def let_time_pass(made: Installation, proof: Proof) -> None:
    """Let the longest of all periods that end by themselves pass, as far as the stores can tell."""
    if made.neo4j is None:
        await apply_rules(made, timedelta(days=1 + max(rule.days or 0 for rule in proof.rules if rule.topic)))
        return
    brokers = made.settings.events.removeprefix("kafka://")
    admin = kafka.KafkaAdminClient(bootstrap_servers=brokers.partition("/")[0])
    prefix = brokers.partition("/")[2]
    admin.alter_configs(
        [
            ConfigResource(ConfigResourceType.TOPIC, f"{prefix}.{topic}", COMPACTED if kept.compacted else DROPPED)
            for topic, kept in KEPT.items()
        ]
    )
    admin.close()
    log = await open_events(made.settings)
    async with asyncio.timeout(SECONDS):
        while await in_events(log, proof.needles, proof.rules, utc_now(), lambda *_: None):
            # Kafka neither drops from nor compacts the segment that it writes to: another event begins the next.
            await log.append([_filler(topic) for topic in KEPT if topic is not Topic.OPPORTUNITIES for _ in range(12)])
            await asyncio.sleep(2.0)
    await log.close()


def _filler(topic: Topic) -> Event:
    key = f"people/{random_id()}"
    payload = ProfileChanged(person=key, version=1).SerializeToString()
    return Event(topic, random_id(), ProfileChanged.DESCRIPTOR.full_name, "/test", key, 1, utc_now(), payload)
