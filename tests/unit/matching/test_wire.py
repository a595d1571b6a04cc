from datetime import UTC, datetime

from careweave_matching import terms, wire
from careweave_matching.decisions import Ranking, items_of, payload
from careweave_matching.model import Versions
from hypothesis import given
from hypothesis import strategies as st

from careweave.v1 import common_pb2, events_pb2, matching_pb2
from tests.unit.matching.world import TODAY


@given(st.integers(-(2**31), 2**31 - 1), st.floats(allow_nan=False), st.text(max_size=300))
def test_fields_are_written_as_the_protobuf_runtime_writes_them(minutes: int, score: float, title: str) -> None:
    expected = matching_pb2.Match(score=score, title=title, travel_minutes=minutes)
    written = wire.double(3, score) + wire.text(4, title) + wire.integer(10, minutes)
    assert written == expected.SerializeToString(deterministic=True)


def test_a_recorded_ranking_is_written_as_the_protobuf_runtime_writes_it() -> None:
    at = datetime(2027, 1, 4, 12, 30, 0, 250, tzinfo=UTC)
    versions = Versions("m@1", "t", "w", 7, 0)
    ranking = Ranking(
        "decisions/d-3", 3, "people/p", TODAY, at, versions, items_of([("opportunities/o", 2, 0.5, 0.0)]), 9
    )
    expected = events_pb2.RankingMade(
        decision="decisions/d-3",
        sequence=3,
        process="q",
        subject="people/p",
        as_of_date=common_pb2.Date(year=2027, month=1, day=4),
        versions=common_pb2.Versions(model="m@1", taxonomy="t", weights="w", profile=7),
        items=[events_pb2.RankedItem(resource="opportunities/o", version=2, score=0.5)],
        total_size=9,
    )
    expected.decide_time.FromDatetime(at)
    assert payload(ranking, "q") == expected.SerializeToString(deterministic=True)


def test_words_have_the_numbers_of_the_protos() -> None:
    pairs = [
        (terms.OpportunityKind, common_pb2.OpportunityKind),
        (terms.OpportunityState, matching_pb2.OpportunityState),
        (terms.TravelMode, common_pb2.TravelMode),
        (terms.CredentialKind, common_pb2.CredentialKind),
        (terms.DbsLevel, common_pb2.DbsLevel),
        (terms.GateKind, matching_pb2.GateKind),
        (terms.GateResult, matching_pb2.GateResult),
        (terms.SkillFit, matching_pb2.SkillFit),
        (terms.Stage, matching_pb2.ApplicationStage),
    ]
    for words, numbers in pairs:
        descriptor = numbers.DESCRIPTOR
        prefix = descriptor.values_by_number[0].name.removesuffix("UNSPECIFIED")
        given_numbers = {value.name.removeprefix(prefix): value.number for value in descriptor.values}
        stated = {word.name: word.value for word in words}
        assert {"UNSPECIFIED": 0} | stated == given_numbers
