"""Updates from an HR system: answered one by one, applied once, in the source's order."""

from datetime import UTC, datetime

import pytest
from careweave_profiles.feeds.applying import apply_updates
from careweave_profiles.feeds.positions import Mark, acknowledged

from careweave.errors import Unavailable
from careweave.policy import Caller, Role
from careweave.rpc.caller import OPERATOR
from careweave.v1 import hr_pb2
from careweave.v1.common_pb2 import PROFICIENCY_NOVICE, PROFICIENCY_PROFICIENT, Date
from careweave.v1.profiles_pb2 import SOURCE_EMPLOYER, SOURCE_QUALIFICATION, SOURCE_SELF
from tests.unit.profiles.feeding import (
    OAKS,
    OAKS_FEED,
    VALE_FEED,
    Feeding,
    able,
    called,
    certified,
    employed,
    skills_of,
    titles_of,
    update,
)


async def test_a_new_record_becomes_a_person_with_a_random_id_and_one_event(feeding: Feeding) -> None:
    sent = update("staff-4711", identity=called("Anna"), employments=employed(), skills=able("lifting"))
    assert await feeding.outcomes(sent) == ["applied"]
    person = await feeding.only_person()
    assert "4711" not in str(person)
    assert (person.display_name, titles_of(person), person.version) == ("Anna", ["Carer"], 1)
    assert skills_of(person) == {"lifting": (0, SOURCE_EMPLOYER)}
    assert list(await feeding.world.changes(person.name)) == [1]


async def test_what_comes_twice_is_a_duplicate_and_what_comes_late_is_stale(feeding: Feeding) -> None:
    first, second = update(version=1, employments=employed("Carer")), update(version=2, employments=employed("Senior"))
    assert await feeding.outcomes(second, second, first) == ["applied", "duplicate", "stale"]
    assert await feeding.outcomes(first, second) == ["stale", "duplicate"]
    person = await feeding.only_person()
    assert (titles_of(person), person.version) == (["Senior"], 1)


async def test_two_feeds_of_one_source_add_up_section_by_section(feeding: Feeding) -> None:
    """A training feed that knows nothing of employment does not touch it, whichever of the two comes later."""
    staff, training = update(version=5, employments=employed()), update(version=3, credentials=certified("First aid"))
    assert await feeding.outcomes(staff) == ["applied"]
    assert await feeding.outcomes(training) == ["applied"]
    person = await feeding.only_person()
    assert (titles_of(person), [each.title for each in person.credentials]) == (["Carer"], ["First aid"])


async def test_changes_of_one_record_within_a_batch_are_versions_of_their_own(feeding: Feeding) -> None:
    sent = [update(version=each, employments=employed(f"Role {each}")) for each in (1, 2, 3)]
    assert await feeding.outcomes(*sent) == ["applied"] * 3
    person = await feeding.only_person()
    assert (titles_of(person), person.version) == (["Role 3"], 3)
    assert list(await feeding.world.changes(person.name)) == [1, 2, 3]


async def test_a_bad_update_is_rejected_with_its_fields_and_its_neighbours_are_applied(feeding: Feeding) -> None:
    bad = update("A-2", employments=employed(organisation="organisations/oaks"))
    bad.employments.employments[0].end_date.CopyFrom(Date(year=2020, month=2, day=30))
    good = [update(each, employments=employed()) for each in ("A-1", "A-3")]
    answers = await feeding.send(good[0], bad, good[1])
    assert [str(each.outcome) for each in answers] == ["applied", "rejected", "applied"]
    assert "update.employments.employments[0].end_date" in str(answers[1].error)
    assert len(await feeding.people()) == 2


async def test_what_does_not_exist_is_named_and_nothing_of_the_update_is_kept(feeding: Feeding) -> None:
    wrong = update(employments=employed(organisation="organisations/nowhere"))
    (answer,) = await feeding.send(wrong, caller=OPERATOR)
    assert "there is no organisations/nowhere" in str(answer.error)
    assert await feeding.people() == []


async def test_a_feed_speaks_for_its_own_source_and_employer_alone(feeding: Feeding) -> None:
    (foreign,) = await feeding.send(update(employments=employed()), caller=VALE_FEED)
    assert foreign.error is not None
    assert foreign.error.reason == "NOT_ALLOWED"
    (elsewhere,) = await feeding.send(update(employments=employed(organisation="organisations/vale")))
    assert "speaks for organisations/oaks alone" in str(elsewhere.error)
    assert (await feeding.outcomes(update(employments=employed()), caller=Caller("", Role.PLANNER))) == ["rejected"]


async def test_two_different_updates_of_one_version_end_alike_whichever_comes_first(feeding: Feeding) -> None:
    one, other = update("A", employments=employed("Carer")), update("A", employments=employed("Cook"))
    await feeding.send(one, other)
    for each in (other, one):
        each.external_id = "B"
        await feeding.send(each)
    first, second = await feeding.people()
    assert titles_of(first) == titles_of(second)


async def test_a_source_keeps_to_one_kind_of_order(feeding: Feeding) -> None:
    timed = update(employments=employed())
    timed.source_time.FromDatetime(datetime(2026, 3, 1, tzinfo=UTC))
    (_, answer) = await feeding.send(update(employments=employed()), timed)
    assert answer.error is not None
    assert (answer.error.reason, answer.error.metadata["expected"]) == ("ORDER_CHANGED", "source_version")


async def test_a_time_far_ahead_is_refused_since_all_that_follows_would_be_stale(feeding: Feeding) -> None:
    timed = update(employments=employed())
    timed.source_time.FromDatetime(datetime(2031, 3, 1, tzinfo=UTC))
    (answer,) = await feeding.send(timed)
    assert "update.source_time" in str(answer.error)


async def test_an_update_that_states_nothing_is_refused(feeding: Feeding) -> None:
    (answer,) = await feeding.send(update())
    assert "states nothing" in str(answer.error)


async def test_an_empty_section_takes_back_and_a_missing_one_does_not(feeding: Feeding) -> None:
    await feeding.send(update(version=1, employments=employed(), skills=able("lifting")))
    await feeding.send(update(version=2, skills=hr_pb2.FeedSkills()))
    person = await feeding.only_person()
    assert (titles_of(person), skills_of(person)) == (["Carer"], {})


async def test_codes_labels_and_texts_become_skills_and_what_nobody_knows_is_kept(feeding: Feeding) -> None:
    async with feeding.world.graph.unit_of_work() as unit:
        uuid = "0a1b2c3d-0000-4000-8000-000000000001"
        await unit.merge_nodes("Skill", [{"name": f"skills/esco-{uuid}", "label": "Care"}])
    said = able(
        hr_pb2.FeedSkill(code=f"http://data.europa.eu/esco/skill/{uuid.upper()}"),
        hr_pb2.FeedSkill(label="Lifting"),
        hr_pb2.FeedSkill(text="dressing and listening to residents"),
        hr_pb2.FeedSkill(label="Basket weaving"),
        hr_pb2.FeedSkill(code="K-17"),
        "gone",
    )
    assert await feeding.outcomes(update(skills=said)) == ["applied"]
    assert set(skills_of(await feeding.only_person())) == {f"esco-{uuid}", "lifting", "dressing", "listening"}
    assert await feeding.unresolved() == {
        ("label", "Basket weaving"): 1,
        ("code", "K-17"): 1,
        ("skill", "skills/gone"): 1,
    }


async def test_what_could_not_be_resolved_is_resolved_when_it_is_sent_again(feeding: Feeding) -> None:
    sent = update(skills=able(hr_pb2.FeedSkill(label="Bathing")))
    await feeding.send(sent)
    assert await feeding.outcomes(sent) == ["duplicate"]
    async with feeding.world.graph.unit_of_work() as unit:
        await unit.merge_nodes("Skill", [{"name": "skills/bathing", "label": "Bathing"}])
    feeding.words.known["Bathing"] = "skills/bathing"
    feeding.world.forget_soon()
    assert await feeding.outcomes(sent) == ["applied"]
    assert set(skills_of(await feeding.only_person())) == {"bathing"}
    assert await feeding.unresolved() == {}


async def test_a_skills_service_that_does_not_answer_rejects_nothing(feeding: Feeding) -> None:
    feeding.words.answering = False
    with pytest.raises(Unavailable):
        await feeding.send(update(skills=able(hr_pb2.FeedSkill(label="Lifting"))))
    assert await feeding.people() == []


async def test_a_completed_course_raises_what_it_develops_to_level_2_from_the_day_it_was_completed(
    feeding: Feeding,
) -> None:
    await feeding.send(update(version=1, identity=called("Anna"), skills=able("lifting")))
    await feeding.send(update(version=2, credentials=certified("Moving  and Handling")))
    person = await feeding.only_person()
    raised = (2, SOURCE_QUALIFICATION)
    assert skills_of(person) == {"lifting": raised, "dressing": raised}
    history = [row for row in await feeding.held(person.name) if row["skill"] == "skills/lifting"]
    assert [(row["level"], row["superseded_at"] is None) for row in history] == [(None, False), (2, True)]
    assert str(history[1]["effective_from"]) == "2026-02-03"


async def test_a_course_never_lowers_and_its_withdrawal_brings_back_what_was(feeding: Feeding) -> None:
    strong = hr_pb2.FeedSkill(skill="skills/lifting", proficiency=PROFICIENCY_PROFICIENT)
    await feeding.send(update(version=1, skills=able(strong, "dressing"), credentials=certified("Moving and handling")))
    assert skills_of(await feeding.only_person()) == {
        "lifting": (4, SOURCE_EMPLOYER),
        "dressing": (2, SOURCE_QUALIFICATION),
    }
    await feeding.send(update(version=2, credentials=hr_pb2.FeedCredentials()))
    assert skills_of(await feeding.only_person()) == {"lifting": (4, SOURCE_EMPLOYER), "dressing": (0, SOURCE_EMPLOYER)}


async def test_what_a_person_said_stands_before_the_feed_and_both_are_in_the_history(feeding: Feeding) -> None:
    await feeding.send(update(version=1, identity=called("A. Smith"), skills=able("dressing")))
    person = await feeding.only_person()
    person.display_name = "Anna"
    del person.skills[:]
    person.skills.add(skill="skills/lifting", proficiency="PROFICIENCY_EXPERT")
    own = await feeding.world.update(person, "display_name", "skills", caller=Caller(person.name, Role.PERSON))
    novice = hr_pb2.FeedSkill(skill="skills/lifting", proficiency=PROFICIENCY_NOVICE)
    await feeding.send(update(version=2, identity=called("SMITH, ANNA"), skills=able(novice, "dressing")))
    person = await feeding.only_person()
    assert person.display_name == "Anna"
    assert skills_of(person) == {"lifting": (5, SOURCE_SELF)}, "dressing was taken out by the person"
    assert person.version == own.version
    history = [row for row in await feeding.held(person.name) if row["skill"] == "skills/lifting"]
    assert [(row["level"], row["origin"]) for row in history] == [(5, SOURCE_SELF), (1, SOURCE_EMPLOYER)]
    assert [row["superseded_at"] is None for row in history] == [True, False]


async def test_a_word_that_a_course_raised_returns_when_the_course_goes(feeding: Feeding) -> None:
    await feeding.send(update(version=1, identity=called("Anna")))
    person = await feeding.only_person()
    person.skills.add(skill="skills/lifting", proficiency="PROFICIENCY_NOVICE")
    await feeding.world.update(person, "skills")
    await feeding.send(update(version=2, credentials=certified("Moving and handling")))
    assert skills_of(await feeding.only_person())["lifting"] == (2, SOURCE_QUALIFICATION)
    await feeding.send(update(version=3, credentials=hr_pb2.FeedCredentials()))
    assert skills_of(await feeding.only_person()) == {"lifting": (1, SOURCE_SELF)}


async def test_the_position_is_kept_with_the_effect_and_does_not_go_back(feeding: Feeding) -> None:
    mark = Mark(OAKS, "staff", 7)
    await apply_updates(feeding.feeds, OAKS_FEED, [update(employments=employed())], mark)
    await apply_updates(feeding.feeds, OAKS_FEED, [update()], Mark(OAKS, "staff", 3))
    assert await acknowledged(feeding.world.graph, mark) == 7
    assert await acknowledged(feeding.world.graph, Mark(OAKS, "training")) == 0


async def test_no_external_id_is_kept(feeding: Feeding) -> None:
    await feeding.send(update("staff-4711", identity=called("Anna"), employments=employed(), skills=able("gone")))
    for label in ("Person", "FeedRecord", "UnresolvedSkill", "Outbox", "FeedPosition"):
        assert "4711" not in str(await feeding.everything(label))


async def test_a_deleted_person_does_not_come_back_with_the_next_update(feeding: Feeding) -> None:
    await feeding.send(update(version=1, identity=called("Anna"), skills=able("gone")))
    person = await feeding.only_person()
    await feeding.world.delete(person.name)
    (answer,) = await feeding.send(update(version=2, identity=called("Anna")))
    assert answer.error is not None
    assert answer.error.reason == "RECORD_ERASED"
    assert await feeding.people() == []
    assert await feeding.unresolved() == {}
    assert "Anna" not in str(await feeding.everything("FeedRecord"))
