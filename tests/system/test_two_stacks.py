"""The same scenario on the embedded stack and on Neo4j with Kafka: every answer is the same, order included."""

from pathlib import Path

from tests.small_taxonomies import write_small_taxonomies
from tests.stacks import EMBEDDED, SERVERS, settings_of
from tests.system.scenario import answers_of


async def test_both_stacks_give_the_same_answers(tmp_path: Path) -> None:
    taxonomies = write_small_taxonomies(tmp_path / "taxonomies")
    one, other = [await answers_of(await settings_of(stack, tmp_path), taxonomies) for stack in (EMBEDDED, SERVERS)]
    assert list(one.given) == list(other.given)
    assert {asked for asked, answer in one.given.items() if answer != other.given[asked]} == set()
    assert len(one.given) > 200
