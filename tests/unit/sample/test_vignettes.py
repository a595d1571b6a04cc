from datetime import date
from pathlib import Path

import pytest
from careweave_cli.sample.catalogue import catalogue
from careweave_cli.sample.place import SamplePlace
from careweave_cli.sample.vignettes.facts import Surroundings, facts_of, holds
from careweave_cli.sample.vignettes.judging import Verdict, judge
from careweave_cli.sample.vignettes.profiles import make_person
from careweave_cli.sample.vignettes.stories import Step, Story, read_stories

from careweave.errors import InvalidArgument, NotFound
from careweave.v1 import common_pb2, matching_pb2, profiles_pb2

FOLDER = Path(__file__).parents[2] / "vignettes"
STORIES = read_stories(FOLDER)


@pytest.fixture(scope="session")
def around(place: SamplePlace) -> Surroundings:
    return Surroundings(
        {one.opportunity.name: one.opportunity for one in place.opportunities},
        {one.name: one for one in place.organisations},
        frozenset(one.name for one in place.places if one.rurality == profiles_pb2.RURALITY_RURAL),
        {name: label for label, name in catalogue().occupations.items()},
    )


def match(opportunity: matching_pb2.Opportunity, minutes: int = 10, *gates: matching_pb2.Gate) -> matching_pb2.Match:
    return matching_pb2.Match(
        opportunity=opportunity.name, title=opportunity.title, travel_minutes=minutes, gates=gates
    )


def test_there_are_twelve_each_with_steps_expected_and_steps_that_would_be_wrong() -> None:
    assert len(STORIES) == 12
    assert all(len(story.expected) >= 3 and len(story.wrong) >= 3 for story in STORIES)


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.key)
def test_a_vignette_uses_labels_and_words_that_exist(story: Story, today: date, around: Surroundings) -> None:
    person = make_person(story, catalogue(), today)
    assert person.fictional
    assert person.place.removeprefix("places/") == story.person["place"]
    labels, standards = set(around.occupation_labels.values()), catalogue().standards
    for clause in (clause for step in (*story.expected, *story.wrong) for clause in step.clauses):
        assert set(clause.get("occupations", ())) <= labels
        assert all(reference in standards for reference in clause.get("standards", ()))
        assert all(phrase == phrase.lower() for phrase in (*clause.get("title", ()), *clause.get("without", ())))


def test_a_clause_holds_if_all_its_keys_do_and_a_step_if_one_clause_does(around: Surroundings) -> None:
    course = next(one for one in around.opportunities.values() if one.course and one.place)
    facts = facts_of(course, around, frozenset())
    assert holds(Step("", "", 1, [{"kinds": ["course"], "title": [facts.title[:10]]}]), facts)
    assert not holds(Step("", "", 1, [{"kinds": ["course"], "without": [facts.title[:10]]}]), facts)
    assert holds(Step("", "", 1, [{"kinds": ["job"]}, {"places": [facts.place]}]), facts)


def test_a_step_is_judged_by_the_first_place_at_which_it_holds(around: Surroundings, today: date) -> None:
    course, job = (next(one for one in around.opportunities.values() if one.kind == kind) for kind in (4, 1))
    courses, jobs = [{"kinds": ["course"]}], [{"kinds": ["job"]}]
    story = Story("x", "", {}, [Step("", "", 1, courses), Step("", "", 2, courses)], [Step("", "", 1, jobs)])
    outcome = judge(story, profiles_pb2.Person(), [match(job), match(course)], around, today)
    assert [one.verdict for one in outcome.expected] == [Verdict.MISSED, Verdict.HELD]
    assert [one.rank for one in outcome.wrong] == [1]
    assert outcome.count(Verdict.BROKEN) == 1


def test_what_nobody_offers_is_told_from_what_the_person_is_not_eligible_for(around: Surroundings, today: date) -> None:
    steps = [Step("", "", 5, [{"standards": ["ST0000"]}]), Step("", "", 5, [{"kinds": ["job"]}])]
    outcome = judge(Story("x", "", {}, steps, []), profiles_pb2.Person(), [], around, today)
    assert [one.verdict for one in outcome.expected] == [Verdict.ABSENT, Verdict.BARRED]


def test_a_list_offends_with_a_failing_gate_a_journey_too_long_or_a_register_waved_through(
    around: Surroundings, today: date
) -> None:
    job = next(one for one in around.opportunities.values() if facts_of(one, around, frozenset()).registers_lacked)
    failing = matching_pb2.Gate(
        kind=matching_pb2.GATE_KIND_HOURS, result=matching_pb2.GATE_RESULT_FAIL, reason="Nights."
    )
    passing = matching_pb2.Gate(kind=matching_pb2.GATE_KIND_REGISTRATION, result=matching_pb2.GATE_RESULT_PASS)
    person = profiles_pb2.Person(preferences=profiles_pb2.Preferences(maximum_travel_minutes=30))
    outcome = judge(Story("x", "", {}, [], []), person, [match(job, 31, failing, passing)], around, today)
    assert len(outcome.offences) == 3
    register = next(one for one in job.credentials if one.kind == common_pb2.CREDENTIAL_KIND_REGISTRATION)
    person.credentials.add(kind=common_pb2.CREDENTIAL_KIND_REGISTRATION, title=register.title)
    assert judge(Story("x", "", {}, [], []), person, [match(job, 30, passing)], around, today).offences == []


def test_a_folder_without_vignettes_and_a_file_that_is_none_are_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        read_stories(tmp_path)
    (tmp_path / "x.toml").write_text(
        'title = "x"\n[person]\n[[expected]]\nstep = "s"\nwhy = ""\nwithin = 1\nany = [{ shoe = 1 }]\n'
    )
    with pytest.raises(InvalidArgument, match="shoe"):
        read_stories(tmp_path)
