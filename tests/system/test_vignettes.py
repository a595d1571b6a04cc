"""Lists of next steps for twelve careers, in the sample place; `careweave bench vignettes` prints how they do.

What no list may hold is asserted in full. How well the lists do is asserted as a floor, a little below what
was measured when the floor was set (docs/sample-place.md), so that a change for the worse shows.
"""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from careweave_cli.composition import SERVICES, in_process
from careweave_cli.demo.opening import DESCRIPTION, TITLE
from careweave_cli.loading import CARE_PATHWAY, ESCO, STANDARDS, import_taxonomies, requested
from careweave_cli.sample import load_sample
from careweave_cli.sample.vignettes.command import totals
from careweave_cli.sample.vignettes.judging import Outcome
from careweave_cli.sample.vignettes.running import run_stories
from careweave_cli.sample.vignettes.stories import read_stories

from careweave.client import OPERATOR, calling
from careweave.config import Settings
from careweave.rpc.channels import Channels
from careweave.v1.matching_pb2 import CloseOpportunityRequest, ListOpportunitiesRequest

FOLDER = Path(__file__).parents[1] / "vignettes"
LEAST_HELD = 29
LEAST_AVOIDED = 44


def quiet(activity: str, done: int, total: int) -> None:
    """Report nothing."""


async def measure(settings: Settings) -> list[Outcome]:
    """Return how the lists do in services of this process, on the sample place as it is after the demo."""
    today = datetime.now(UTC).date()
    async with in_process(settings, SERVICES) as here, Channels(here.settings, OPERATOR, own=here.own) as services:
        await import_taxonomies(services, requested([ESCO, CARE_PATHWAY, STANDARDS]), quiet)
        await load_sample(services, 7, today, quiet)
        await close_what_the_demo_published(services)
        return await run_stories(services, read_stories(FOLDER), today, quiet)


async def close_what_the_demo_published(services: Channels) -> None:
    with calling():
        listed = await services.matching.ListOpportunities(ListOpportunitiesRequest(page_size=1000))
        for each in listed.opportunities:
            if each.title == TITLE and each.description == DESCRIPTION:
                await services.matching.CloseOpportunity(CloseOpportunityRequest(name=each.name))


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory, sample_settings: Callable[[Path], Settings]) -> list[Outcome]:
    """Return the outcomes."""
    return asyncio.run(measure(sample_settings(tmp_path_factory.mktemp("sample"))))


def test_no_list_holds_what_the_person_cannot_take_up(outcomes: list[Outcome]) -> None:
    """Nothing with a failing gate, beyond the travel limit, or waved through for a register they are not on."""
    assert [offence for outcome in outcomes for offence in outcome.offences] == []


def test_every_person_finds_something(outcomes: list[Outcome]) -> None:
    assert min(len(outcome.listed) for outcome in outcomes) >= 20


def test_the_lists_do_at_least_as_well_as_when_the_floor_was_set(outcomes: list[Outcome]) -> None:
    figures = totals(outcomes)
    assert figures["held"] >= LEAST_HELD, figures
    assert figures["avoided"] >= LEAST_AVOIDED, figures
