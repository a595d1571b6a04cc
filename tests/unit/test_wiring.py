"""From settings to adapters."""

import subprocess
import sys
from pathlib import Path

import pytest

from careweave import wiring
from careweave.config import Settings, environment_of, read_settings
from careweave.errors import FailedPrecondition, InvalidArgument


def settings(folder: Path) -> Settings:
    return Settings(
        graph=f"ladybug:{folder / 'graph'}", events=f"sqlite:{folder / 'events.db'}", cache=folder / "cache"
    )


async def test_the_adapters_open_on_an_empty_place_and_again_after_closing(tmp_path: Path) -> None:
    for _ in range(2):
        async with wiring.open_adapters(settings(tmp_path)) as adapters:
            assert adapters.graph.engine == "ladybug"
            assert adapters.clock().tzinfo is not None
            with pytest.raises(FailedPrecondition, match="open in process"):
                await wiring.open_graph(settings(tmp_path))


@pytest.mark.parametrize("setting", ["mongodb://host", "ladybug", "ladybug:", "", ":./var"])
async def test_an_unknown_graph_is_refused_naming_the_variable_and_what_is_known(setting: str) -> None:
    with pytest.raises(InvalidArgument, match=r"CAREWEAVE_GRAPH.*ladybug:FOLDER"):
        await wiring.open_graph(Settings(graph=setting))


async def test_an_unknown_event_log_or_embedder_is_refused_likewise() -> None:
    with pytest.raises(InvalidArgument, match=r"CAREWEAVE_EVENTS.*sqlite:FILE"):
        await wiring.open_events(Settings(events="carrier-pigeon:coop"))
    with pytest.raises(InvalidArgument, match=r"CAREWEAVE_EMBEDDER.*sentence-transformers:NAME"):
        wiring.open_embedder(Settings(embedder="oracle:delphi"))


def test_ids_are_twenty_lower_case_letters_and_digits_and_differ() -> None:
    ids = {wiring.random_id() for _ in range(1000)}
    assert len(ids) == 1000
    assert all(len(each) == 20 and each.isalnum() and each == each.lower() for each in ids)


def test_wiring_loads_neither_torch_nor_a_driver_before_they_are_asked_for() -> None:
    """A client imports it without waiting for seconds."""
    heavy = ("torch", "ladybug", "sqlite3", "pyarrow")
    code = f"import sys, careweave.wiring; print([module for module in {heavy} if module in sys.modules])"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.strip() == "[]"


def test_settings_are_read_again_from_the_environment_made_of_them(tmp_path: Path) -> None:
    given = Settings(graph="neo4j://127.0.0.1:7687", cache=tmp_path, index_staleness_seconds=2.5)
    assert read_settings(environment_of(given)) == given


@pytest.mark.parametrize("text", ["0", "-1", "two"])
def test_a_server_has_one_process_at_least(text: str) -> None:
    with pytest.raises(InvalidArgument, match="CAREWEAVE_PROCESSES"):
        read_settings({"CAREWEAVE_PROCESSES": text})
