"""The same scenario on the embedded stack and on Neo4j with Kafka: every answer is the same, order included."""

from dataclasses import replace
from pathlib import Path

from careweave.config import Settings
from careweave.events.topics import Sizes
from careweave.wiring import prepare_topics, random_id
from tests.contract.engines import emptied_neo4j, running_kafka
from tests.small_taxonomies import write_small_taxonomies
from tests.system.scenario import answers_of


async def test_both_stacks_give_the_same_answers(tmp_path: Path) -> None:
    taxonomies = write_small_taxonomies(tmp_path / "taxonomies")
    embedded = Settings(
        graph=f"ladybug:{tmp_path / 'graph'}",
        events=f"sqlite:{tmp_path / 'events.db'}",
        cache=tmp_path / "cache",
        listen="127.0.0.1:0",
    )
    neo4j = emptied_neo4j()
    servers = replace(
        embedded,
        graph=neo4j.url,
        graph_password_file=str(neo4j.password_file),
        events=f"{running_kafka().url}/{random_id()}",
    )
    await prepare_topics(servers, Sizes(partitions=3), dry_run=False)
    one, other = await answers_of(embedded, taxonomies), await answers_of(servers, taxonomies)
    assert list(one.given) == list(other.given)
    assert {asked for asked, answer in one.given.items() if answer != other.given[asked]} == set()
    assert len(one.given) > 200
