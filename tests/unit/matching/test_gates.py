from dataclasses import replace
from datetime import timedelta
from typing import Any

from careweave_matching.eligibility import gates, hours_gate, hours_of, open_gate, travel_gate
from careweave_matching.model import Opportunity, Wishes
from careweave_matching.terms import GateKind, GateResult, OpportunityKind, OpportunityState, TravelMode
from careweave_matching.travel import Point, distance_miles, journey_minutes

from tests.unit.matching.world import TODAY, a_person, an_opportunity


def test_an_opportunity_is_open_through_its_closing_day() -> None:
    assert open_gate(an_opportunity(closing_date=TODAY), TODAY).result == GateResult.PASS
    assert open_gate(an_opportunity(closing_date=TODAY - timedelta(days=1)), TODAY).result == GateResult.FAIL
    assert open_gate(an_opportunity(state=OpportunityState.CLOSED), TODAY).result == GateResult.FAIL


def test_a_journey_at_the_limit_passes_and_beyond_it_fails() -> None:
    wishes = Wishes(stated=True, travel_mode=TravelMode.CAR, maximum_minutes=30)
    assert travel_gate("places/A", 30, wishes).result == GateResult.PASS
    assert travel_gate("places/A", 31, wishes).result == GateResult.FAIL


def test_an_unknown_journey_is_unknown_and_anywhere_passes() -> None:
    assert travel_gate("places/A", -1, Wishes()).result == GateResult.UNKNOWN
    assert travel_gate("", -1, Wishes()).result == GateResult.PASS


def test_slower_modes_take_longer() -> None:
    minutes = [journey_minutes(8.0, mode) for mode in (TravelMode.CAR, TravelMode.PUBLIC_TRANSPORT, TravelMode.CYCLE)]
    assert minutes == sorted(minutes)
    assert journey_minutes(8.0, TravelMode.WALK) > minutes[-1]


def test_an_unspecified_mode_reads_as_public_transport() -> None:
    gate = travel_gate("places/A", 20, Wishes(maximum_minutes=60))
    assert "by public transport" in gate.reason


def test_two_addresses_in_one_district_are_a_mile_apart() -> None:
    assert journey_minutes(0.0, TravelMode.WALK) == journey_minutes(1.0, TravelMode.WALK) > 0


def test_chester_to_crewe_is_about_nineteen_miles() -> None:
    assert 18 < distance_miles(Point(53.19, -2.89), Point(53.10, -2.44)) < 21


def hours(wishes: Wishes, **changes: Any) -> GateResult | None:
    gate = hours_gate(hours_of(replace(an_opportunity(), **changes)), wishes)
    return gate.result if gate else None


def test_overlapping_hours_pass_and_others_fail() -> None:
    part_time = Wishes(stated=True, minimum_hours=10, maximum_hours=20)
    assert hours(part_time, minimum_weekly_hours=16.0) == GateResult.PASS
    assert hours(part_time, minimum_weekly_hours=20.0, maximum_weekly_hours=37.5) == GateResult.PASS
    assert hours(part_time, minimum_weekly_hours=30.0) == GateResult.FAIL
    assert hours(part_time, minimum_weekly_hours=4.0, maximum_weekly_hours=8.0) == GateResult.FAIL


def test_unsocial_hours_fail_for_whom_they_are_not_possible() -> None:
    assert hours(Wishes(stated=True), unsocial_hours=True) == GateResult.FAIL
    assert hours(Wishes(stated=True, unsocial_hours=True), unsocial_hours=True) == GateResult.PASS


def test_a_profile_that_states_no_wishes_leaves_hours_unknown() -> None:
    assert hours(Wishes(), unsocial_hours=True) == GateResult.UNKNOWN


def test_paid_work_without_hours_is_unknown_and_unpaid_has_no_gate() -> None:
    stated = Wishes(stated=True)
    assert hours(stated, minimum_weekly_hours=0.0) == GateResult.UNKNOWN
    assert hours(stated, minimum_weekly_hours=0.0, kind=OpportunityKind.COURSE) is None


def test_gates_come_in_order_of_kind_and_none_is_consent() -> None:
    opportunity: Opportunity = an_opportunity(closing_date=TODAY)
    kinds = [gate.kind for gate in gates(a_person(), opportunity, 20, TODAY)]
    assert kinds == sorted(kinds) == [GateKind.OPEN, GateKind.TRAVEL, GateKind.HOURS, GateKind.RIGHT_TO_WORK]
