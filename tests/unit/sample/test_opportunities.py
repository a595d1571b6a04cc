from collections import Counter
from datetime import date
from itertools import combinations

from careweave_cli.sample.catalogue import catalogue
from careweave_cli.sample.offers import MIX
from careweave_cli.sample.pay import BANDS
from careweave_cli.sample.place import SamplePlace
from careweave_cli.sample.wording import MOST_SHARED, Texts, shared, shingles
from careweave_skills.sources.standards import read_standards

from careweave.datasets import folder
from careweave.v1 import common_pb2
from careweave.v1.matching_pb2 import Opportunity


def offered(place: SamplePlace) -> list[Opportunity]:
    return [one.opportunity for one in place.opportunities]


def day(message: common_pb2.Date) -> date:
    return date(message.year, message.month, message.day)


def test_no_two_descriptions_share_more_than_half_of_their_five_word_sequences(place: SamplePlace) -> None:
    """So all 400 are clearly different wordings."""
    texts = [shingles(one.description) for one in offered(place)]
    assert max(shared(one, other) for one, other in combinations(texts, 2)) <= MOST_SHARED == 0.5


def test_the_share_of_five_word_sequences_is_of_the_shorter_text() -> None:
    short, long = "one two three four five six", "One, two three four five. Six seven eight nine ten eleven"
    assert shared(shingles(short), shingles(long)) == 1
    assert shared(shingles("a b c d e f"), shingles("b c d e f g")) == 0.5


def test_a_text_is_compared_with_all_earlier_ones_at_once(place: SamplePlace) -> None:
    some = [shingles(one.description) for one in offered(place)[:60]]
    texts = Texts()
    for number, text in enumerate(some):
        assert texts.most_shared(text) == max((shared(text, other) for other in some[:number]), default=0.0)
        texts.add(text)
    assert texts.most_shared(frozenset()) == 0.0


def test_descriptions_are_of_the_length_of_vacancies_and_have_no_gaps(place: SamplePlace) -> None:
    for one in offered(place):
        words = one.description.split()
        assert 40 < len(words) < 450, one.title
        assert not set("{}") & set(one.description)
        assert ".." not in one.description
        assert "  " not in one.description


def test_all_eight_kinds_are_offered_by_nearly_all_organisations(place: SamplePlace) -> None:
    assert set(Counter(one.kind for one in offered(place))) == set(MIX)
    assert len({one.organisation for one in offered(place)}) >= 40


def test_all_is_open_and_begins_after_it_closes(place: SamplePlace, today: date) -> None:
    for one in offered(place):
        assert today < day(one.closing_date) < day(one.start_date)
        assert not one.HasField("end_date") or day(one.start_date) <= day(one.end_date)


def test_all_that_an_opportunity_names_exists(place: SamplePlace) -> None:
    taxonomies = catalogue()
    standards = {one.name: one for one in read_standards(folder("apprenticeships")).standards}
    skills = {*taxonomies.by_name, *(duty.name for one in standards.values() for duty in one.duties)}
    courses = {one.name for one in taxonomies.courses}
    names = {one.name for one in place.places} | {one.name for one in place.organisations}
    names |= {one.name for one in place.hubs}
    for one in offered(place):
        assert one.occupation in set(taxonomies.occupations.values())
        assert {need.skill for need in one.requirements} <= skills
        assert set(one.develops) <= skills
        assert one.organisation in names
        assert {one.place, one.hub} - {""} <= names
        assert not one.standard or one.standard in standards
        assert not one.course or one.course in courses


def test_every_apprenticeship_trains_to_an_approved_standard_and_most_courses_are_packaged_ones(
    place: SamplePlace,
) -> None:
    approved = {
        one.name for one in read_standards(folder("apprenticeships")).standards if one.status == "ApprovedForDelivery"
    }
    apprenticeships = [one for one in offered(place) if one.kind == common_pb2.OPPORTUNITY_KIND_APPRENTICESHIP]
    assert {one.standard for one in apprenticeships} <= approved
    assert len({one.standard for one in apprenticeships}) > 12
    courses = [one for one in offered(place) if one.kind == common_pb2.OPPORTUNITY_KIND_COURSE]
    assert sum(bool(one.course) for one in courses) > 0.8 * len(courses)


def test_each_skill_is_named_once_and_some_are_left_to_be_read_from_the_text(place: SamplePlace) -> None:
    for one in offered(place):
        assert len({need.skill for need in one.requirements}) == len(one.requirements)
        assert len(set(one.develops)) == len(one.develops)
    unstated = sum(not one.requirements for one in offered(place))
    assert 0.02 < unstated / len(place.opportunities) < 0.1


def test_a_registration_is_asked_for_where_the_text_says_so_and_never_of_new_apprentices(place: SamplePlace) -> None:
    for one in offered(place):
        registers = [need for need in one.credentials if need.kind == common_pb2.CREDENTIAL_KIND_REGISTRATION]
        assert len(registers) <= 1
        if one.kind == common_pb2.OPPORTUNITY_KIND_JOB and registers:
            assert registers[0].title in one.description
        if one.standard in ("standards/ST0781", "standards/ST0827", "standards/ST0510", "standards/ST0519"):
            assert not registers


def test_pay_is_that_of_the_band_and_only_work_is_paid(place: SamplePlace) -> None:
    bands = {band.name: band for band in BANDS.values()}
    for one in offered(place):
        if one.pay_band:
            assert bands[one.pay_band].least == one.annual_pay_gbp
            assert one.minimum_weekly_hours > 0
        else:
            assert one.kind in (4, 5, 6, 7, 8)
            assert one.annual_pay_gbp == 0


def test_some_can_be_done_from_anywhere_and_some_are_rural(place: SamplePlace) -> None:
    rural = {one.name for one in place.places if one.rurality_source and one.rurality == 3}
    assert sum(not one.place for one in offered(place)) > 15
    assert sum(one.place in rural for one in offered(place)) > 40
