"""Marks of applications: the newest stage of each, and the bytes that carry it."""

from careweave_matching import wire
from careweave_matching.applied import Applied, Progress, marked
from careweave_matching.terms import Stage
from hypothesis import given, settings
from hypothesis import strategies as st

from careweave.v1 import matching_pb2 as pb

ROLE, OTHER = "opportunities/role", "opportunities/other"


def test_the_newest_stage_counts_in_whatever_order_they_come() -> None:
    applied = Applied()
    for stage, steps in ((Stage.VIEWED, 2), (Stage.INTERESTED, 1), (Stage.DECLINED, 3), (Stage.VIEWED, 2)):
        applied.take(Progress("people/p", ROLE, stage, steps))
    assert applied.of("people/p") == {ROLE: Stage.DECLINED}


def test_who_was_erased_has_applied_for_nothing_and_nobody_else_is_forgotten() -> None:
    applied = Applied()
    for who in ("people/p", "people/q"):
        for role in (ROLE, OTHER):
            applied.take(Progress(who, role, Stage.INTERESTED, 1))
    applied.forget("people/p")
    applied.forget("people/nobody")
    assert applied.of("people/p") == {}
    assert set(applied.of("people/q")) == {ROLE, OTHER}


MATCHES = st.builds(
    pb.Match, opportunity=st.text(max_size=400), score=st.floats(0, 1), reasons=st.lists(st.text(max_size=90))
)


@settings(deadline=None)
@given(st.lists(st.tuples(MATCHES, st.sampled_from([0, *Stage])), max_size=6))
def test_a_marked_page_is_what_the_protobuf_runtime_would_make(pairs: list[tuple[pb.Match, int]]) -> None:
    page = pb.FindOpportunitiesResponse(matches=[match for match, _ in pairs]).SerializeToString()
    assert list(wire.elements(page)) == [match.SerializeToString() for match, _ in pairs]
    for match, stage in pairs:
        match.application_stage = stage  # type: ignore[assignment]  # the numbers are the proto's
    wanted = pb.FindOpportunitiesResponse(matches=[match for match, _ in pairs]).SerializeToString()
    assert marked(page, [stage for _, stage in pairs]) == wanted
