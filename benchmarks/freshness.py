"""How soon what is published reaches a watch, and how soon a certificate counts: on the sample place.

    python -m benchmarks.freshness [--json] [--stack servers|embedded] [--times 200]

A process of its own serves everything on Neo4j and Kafka, real ones (or on the embedded engines), with the sample
place loaded. Publishing: an opportunity is created while somebody watches whom it fits; from the reply that says that
it is accepted, and from the moment of asking, until it is on the watch. Beside it, a message of the same size through
kafka-python's own producer and consumer, on the same broker, one at a time. Certificates: an HR update with a
completed course is accepted; from its answer until FindOpportunities, asked again and again, answers from the profile
that has it.
"""

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path

import kafka
from careweave_cli.demo.alert import arrival, watching
from careweave_cli.demo.asking import until_indexed
from careweave_cli.demo.choice import a_home_care_worker
from careweave_cli.demo.opening import an_opening
from careweave_cli.loading import import_taxonomies, requested
from careweave_cli.sample import load_sample

from benchmarks.stack import STACKS, serving, settings_of
from careweave.client import calling
from careweave.rpc.channels import Channels
from careweave.v1 import common_pb2, hr_pb2, matching_pb2, profiles_pb2

SEED = 7
_PAUSE = 0.05
"""Seconds between two measurements, so that each finds everything at rest."""


async def _loaded(services: Channels) -> profiles_pb2.Person:
    """Load taxonomies and sample place, and return the person who watches."""

    def told(activity: str, done: int, total: int) -> None:
        del activity, done, total

    await import_taxonomies(services, requested([]), told)
    await load_sample(services, SEED, datetime.now(UTC).date(), told)
    person = await a_home_care_worker(services)
    await until_indexed(services, person.name)
    return person


async def published_to_watch(services: Channels, person: str, times: int) -> tuple[list[float], list[float]]:
    """Return milliseconds from acceptance, and from asking, until an opportunity is on the watch."""
    opening = await an_opening(services, datetime.now(UTC).date(), [])
    accepted, asked = [], []
    async with watching(services, person) as watch:
        for _ in range(times):
            began = time.perf_counter()
            published = await services.matching.CreateOpportunity(
                matching_pb2.CreateOpportunityRequest(opportunity=opening)
            )
            done = time.perf_counter()
            await arrival(watch, published.name)
            now = time.perf_counter()
            accepted.append(1000 * (now - done))
            asked.append(1000 * (now - began))
            await services.matching.CloseOpportunity(matching_pb2.CloseOpportunityRequest(name=published.name))
            await asyncio.sleep(_PAUSE)
    return accepted, asked


async def certificate_to_answer(services: Channels, times: int) -> list[float]:
    """Return milliseconds from the answer to an HR update until FindOpportunities answers from the profile after it."""
    source = "sourceSystems/measured"
    opening = hr_pb2.FeedOpening(source_system=source, feed="measured")

    async def send(version: int, *titles: str) -> None:
        update = hr_pb2.ProfileUpdate(source_system=source, external_id="1", source_version=version)
        update.identity.display_name, update.identity.fictional = "Fictional Measured", True
        update.credentials.SetInParent()
        for title in titles:
            update.credentials.credentials.add(kind=common_pb2.CREDENTIAL_KIND_MANDATORY_TRAINING, title=title)
        requests = [
            hr_pb2.StreamProfileUpdatesRequest(opening=opening),
            hr_pb2.StreamProfileUpdatesRequest(update=update, position=version),
        ]
        async for reply in services.profiles.StreamProfileUpdates(iter(requests)):
            if reply.WhichOneof("message") == "answer" and reply.answer.outcome != hr_pb2.UPDATE_OUTCOME_APPLIED:
                message = f"the update was not applied: {reply.answer}"
                raise RuntimeError(message)

    await send(1)
    name = await _found(services, "Fictional Measured")
    await until_indexed(services, name)
    request = matching_pb2.FindOpportunitiesRequest(person=name, page_size=1)
    taken = []
    for number in range(times):
        before = await _version(services, request)
        await send(number + 2, *(["Moving and handling"] if number % 2 == 0 else []))
        done = time.perf_counter()
        while await _version(services, request) <= before:
            pass
        taken.append(1000 * (time.perf_counter() - done))
        await asyncio.sleep(_PAUSE)
    return taken


async def _version(services: Channels, request: matching_pb2.FindOpportunitiesRequest) -> int:
    reply = await services.matching.FindOpportunities(request)
    return reply.matches[0].versions.profile


async def _found(services: Channels, display_name: str) -> str:
    token = ""
    while True:
        page = await services.profiles.ListPeople(profiles_pb2.ListPeopleRequest(page_size=1000, page_token=token))
        for person in page.people:
            if person.display_name == display_name:
                return person.name
        token = page.next_page_token


def raw_round_trips(address: str, times: int) -> list[float]:
    """Return milliseconds from sending a message by kafka-python until its consumer has it."""
    topic, payload = "raw-round-trip", bytes(1500)
    admin = kafka.KafkaAdminClient(bootstrap_servers=address)
    admin.create_topics({topic: {"num_partitions": 1, "replication_factor": 1}}, wait_for_metadata=True)
    admin.close()
    producer = kafka.KafkaProducer(bootstrap_servers=address, acks="all")
    consumer = kafka.KafkaConsumer(bootstrap_servers=address)
    consumer.assign([kafka.TopicPartition(topic, 0)])
    consumer.seek_to_beginning()
    taken = []
    for _ in range(times + 1):
        began = time.perf_counter()
        producer.send(topic, payload)
        while not consumer.poll(1000):
            pass
        taken.append(1000 * (time.perf_counter() - began))
        time.sleep(_PAUSE)
    producer.close()
    consumer.close()
    return taken[1:]  # the first one connects


async def measure(stack: str, times: int) -> dict[str, dict[str, float]]:
    """Return p50 and p99 of each, milliseconds."""
    async with AsyncExitStack() as until_done:
        folder = Path(until_done.enter_context(tempfile.TemporaryDirectory()))
        settings = await settings_of(stack, folder, until_done)
        services = (await until_done.enter_async_context(serving(settings))).services
        until_done.enter_context(calling())
        person = await _loaded(services)
        accepted, asked = await published_to_watch(services, person.name, times)
        found = {
            "publish accepted to watch": accepted,
            "publish asked to watch": asked,
            "certificate accepted to answer": await certificate_to_answer(services, times),
        }
        if stack == "servers":
            address = settings.events.removeprefix("kafka://")
            found["raw produce to consume"] = await asyncio.to_thread(raw_round_trips, address, times)
    return {name: _quantiles(taken) for name, taken in found.items()}


def _quantiles(taken: Sequence[float]) -> dict[str, float]:
    cuts = statistics.quantiles(taken, n=100)
    return {"p50": cuts[49], "p99": cuts[98]}


def main() -> None:
    """Measure and tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--stack", choices=STACKS, default="servers")
    parser.add_argument("--times", type=int, default=200)
    given = parser.parse_args()
    found = asyncio.run(measure(given.stack, given.times))
    if given.json:
        print(json.dumps(found))
        return
    for name, figures in found.items():
        print(f"{name:32} p50 {figures['p50']:8.1f} ms   p99 {figures['p99']:8.1f} ms")


if __name__ == "__main__":
    main()
