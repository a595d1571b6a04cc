"""The main job, end to end, as a newcomer runs it."""

import json

from tests.system.conftest import Demo, run_demo


def test_from_an_empty_folder_one_command_finds_next_roles_and_says_why(demo: Demo) -> None:
    """It loads, ranks five steps from three organisations, and shows a new opportunity on a watch and in the log."""
    first = demo.told
    assert "13,896 skills" in first
    assert "all report SERVING" in first
    assert len(steps(first)) == 5
    for heading in ("Why", "Conditions", "Gaps", "On the watch", "In the event log", "OpportunityPublished", "grpcurl"):
        assert heading in first
    assert int(first.split("come from ")[1].split(maxsplit=1)[0]) >= 3


def test_a_second_time_nothing_is_loaded_again_and_the_answer_is_the_same(demo: Demo) -> None:
    second = run_demo(demo.folder)
    assert "was there already" in second
    assert "13,896 skills" not in second
    assert steps(demo.told) == steps(second)


def test_the_same_for_programs_is_one_object(demo: Demo) -> None:
    told = json.loads(run_demo(demo.folder, "--json"))
    assert [match["title"] in line for match, line in zip(told["matches"], steps(demo.told), strict=True)] == [True] * 5
    assert told["person"]["name"] == told["arrived"]["person"]
    assert len(told["seconds"]) == 6


def steps(told: str) -> list[str]:
    """Return the headlines of the ranked steps."""
    ranked = told.split("5. Ask for their next steps")[1].split("6. Publish", maxsplit=1)[0]
    return [line for line in ranked.splitlines() if line.startswith(tuple(f"   {place}. " for place in range(1, 10)))]
