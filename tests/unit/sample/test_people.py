from collections import Counter
from collections.abc import Iterator
from datetime import date

import pytest
from careweave_cli.sample.catalogue import catalogue
from careweave_cli.sample.place import SamplePlace
from careweave_cli.sample.records import roles

from careweave.v1 import common_pb2, profiles_pb2

Person = profiles_pb2.Person


def day(message: common_pb2.Date) -> date:
    return date(message.year, message.month, message.day)


def working(place: SamplePlace) -> list[Person]:
    """Return the people who have an employer now."""
    people = (one.person for one in place.people)
    return [one for one in people if one.employments and not one.employments[0].HasField("end_date")]


def registrations(person: Person) -> Iterator[profiles_pb2.Credential]:
    return (one for one in person.credentials if one.kind == common_pb2.CREDENTIAL_KIND_REGISTRATION)


@pytest.fixture(scope="session")
def register_of_title() -> dict[str, set[str]]:
    """Return the registers that posts of each job title need; empty text for none."""
    found: dict[str, set[str]] = {}
    for role in roles().values():
        for title in role.titles:
            found.setdefault(title.rpartition(": ")[2], set()).add(role.register)
    return found


def test_about_one_in_twelve_has_no_employer(place: SamplePlace) -> None:
    assert 0.06 < 1 - len(working(place)) / len(place.people) < 0.10


def test_home_care_employs_more_of_them_than_any_other_sector(place: SamplePlace) -> None:
    sector = {one.name: one.sector for one in place.organisations}
    sectors = Counter(sector[one.employments[0].organisation] for one in working(place))
    (first, most), (_, second) = sectors.most_common(2)
    assert first == profiles_pb2.SECTOR_HOME_CARE
    assert most > 1.2 * second
    assert len(sectors) == 8


def test_careers_have_up_to_four_employments_newest_first_without_overlap(place: SamplePlace) -> None:
    lengths = Counter(len(one.person.employments) for one in place.people)
    assert set(lengths) == {0, 1, 2, 3, 4}
    for one in place.people:
        for newer, older in zip(one.person.employments, one.person.employments[1:], strict=False):
            assert day(older.end_date) <= day(newer.start_date)


def test_only_those_hold_a_registration_whose_post_needs_or_needed_that_one(
    place: SamplePlace, register_of_title: dict[str, set[str]]
) -> None:
    for one in place.people:
        allowed = {register for job in one.person.employments for register in register_of_title[job.job_title]}
        assert {credential.title for credential in registrations(one.person)} <= allowed - {""}


def test_nearly_everybody_in_a_registered_post_is_on_the_register_today(
    place: SamplePlace, register_of_title: dict[str, set[str]], today: date
) -> None:
    registered = [one for one in working(place) if "" not in register_of_title[one.employments[0].job_title]]
    current = [one for one in registered if any(day(entry.expire_date) >= today for entry in registrations(one))]
    assert len(registered) > 200
    assert 0.95 < len(current) / len(registered) < 1


def test_a_dbs_certificate_has_an_issue_date_and_no_expiry_and_training_lapses(place: SamplePlace, today: date) -> None:
    credentials = [credential for one in place.people for credential in one.person.credentials]
    dbs = [one for one in credentials if one.kind == common_pb2.CREDENTIAL_KIND_DBS]
    assert all(one.HasField("issue_date") and not one.HasField("expire_date") and one.dbs_level for one in dbs)
    training = [one for one in credentials if one.kind == common_pb2.CREDENTIAL_KIND_MANDATORY_TRAINING]
    lapsed = sum(day(one.expire_date) < today for one in training)
    assert 0.05 < lapsed / len(training) < 0.15


def test_skills_follow_the_occupation(place: SamplePlace) -> None:
    """Somebody has far more of the essential skills of their own occupation than of another's."""
    essential = {name: {skill.name for skill in skills} for name, skills in catalogue().essential.items()}
    people = [one for one in working(place) if len(essential.get(one.employments[0].occupation, ())) > 10]
    own, others = 0.0, 0.0
    for index, one in enumerate(people):
        has = {skill.skill for skill in one.skills}
        other = people[(index * 7 + 13) % len(people)].employments[0].occupation
        own += len(has & essential[one.employments[0].occupation]) / len(essential[one.employments[0].occupation])
        others += len(has & essential[other]) / len(essential[other])
    assert own / len(people) > 0.25
    assert own > 1.8 * others


def test_levels_grow_with_years_and_some_are_unknown(place: SamplePlace, today: date) -> None:
    levels: dict[bool, list[int]] = {True: [], False: []}
    unknown = 0
    for one in working(place):
        long = (today - day(one.employments[0].start_date)).days > 5 * 365
        unknown += sum(not skill.proficiency for skill in one.skills)
        levels[long] += [skill.proficiency for skill in one.skills if skill.proficiency]
    assert sum(levels[True]) / len(levels[True]) > sum(levels[False]) / len(levels[False]) + 0.3
    assert 0.2 < unknown / (unknown + len(levels[True]) + len(levels[False])) < 0.35


def test_a_course_alone_gives_at_most_level_two(place: SamplePlace) -> None:
    skills = [skill for one in place.people for skill in one.person.skills]
    taught = [one.proficiency for one in skills if one.source == profiles_pb2.SOURCE_QUALIFICATION]
    assert max(taught) == common_pb2.PROFICIENCY_ADVANCED_BEGINNER


def test_more_people_drive_in_the_country_and_some_there_have_no_car(place: SamplePlace) -> None:
    rural = {one.name for one in place.places if one.rurality == profiles_pb2.RURALITY_RURAL}
    modes = {True: Counter[int](), False: Counter[int]()}
    for one in place.people:
        modes[one.person.place in rural][one.person.preferences.travel_mode] += 1
    share = {key: counts[common_pb2.TRAVEL_MODE_CAR] / counts.total() for key, counts in modes.items()}
    assert share[True] > share[False] + 0.1
    assert modes[True].total() - modes[True][common_pb2.TRAVEL_MODE_CAR] > 20


def test_about_three_in_five_agree_to_be_found(place: SamplePlace) -> None:
    found = sum(
        any(consent.purpose == profiles_pb2.CONSENT_PURPOSE_BE_FOUND for consent in one.consents)
        for one in place.people
    )
    assert 0.55 < found / len(place.people) < 0.65


def test_there_is_a_home_care_worker_in_winsford(place: SamplePlace) -> None:
    carers = catalogue().occupation("care at home worker")
    assert any(one.place == "places/CW7" and one.employments[0].occupation == carers for one in working(place))


def test_all_that_a_profile_names_exists(place: SamplePlace) -> None:
    taxonomies = catalogue()
    occupations, skills = set(taxonomies.occupations.values()), set(taxonomies.by_name)
    places, organisations = {one.name for one in place.places}, {one.name for one in place.organisations}
    for one in place.people:
        assert one.person.place in places
        assert {skill.skill for skill in one.person.skills} <= skills
        assert {job.organisation for job in one.person.employments} <= organisations
        assert {job.occupation for job in one.person.employments} <= occupations
        assert set(one.person.preferences.aspired_occupations) <= occupations
