from datetime import date, timedelta

import pytest
from careweave_matching import credentials as creds
from careweave_matching.eligibility import credential_gate, credential_standing, needs_of
from careweave_matching.model import CredentialNeed, HeldCredential
from careweave_matching.terms import CredentialKind, DbsLevel, GateKind, GateResult, OpportunityKind

from tests.unit.matching.world import TODAY, a_person, an_opportunity

DBS = CredentialNeed(CredentialKind.DBS, "", DbsLevel.ENHANCED, 36)
OTHER = HeldCredential(CredentialKind.QUALIFICATION, "Level 2 Diploma in Care")


def result(need: CredentialNeed, *held: HeldCredential, start: date | None = None) -> GateResult:
    """Return the gate's answer for somebody who holds `held` and something else besides."""
    person = a_person(credentials=creds.best([*held, OTHER]))
    opportunity = an_opportunity(credentials=(need,), start_date=start)
    return credential_gate(need, credential_standing(need, person, TODAY), opportunity, TODAY).result


def dbs(days_ago: int, level: DbsLevel = DbsLevel.ENHANCED, *, update_service: bool = False) -> HeldCredential:
    return HeldCredential(CredentialKind.DBS, "", TODAY - timedelta(days=days_ago), None, level, update_service)


def test_a_recent_dbs_certificate_of_the_level_asked_passes() -> None:
    assert result(DBS, dbs(100)) == GateResult.PASS


def test_a_higher_dbs_level_includes_the_lower() -> None:
    assert result(DBS, dbs(100, DbsLevel.ENHANCED_BARRED_LISTS)) == GateResult.PASS


def test_a_lower_dbs_level_is_mended_by_applying_for_another() -> None:
    assert result(DBS, dbs(100, DbsLevel.BASIC)) == GateResult.FIXABLE


def test_a_dbs_certificate_older_than_the_recheck_rule_is_mended_by_applying_again() -> None:
    assert result(DBS, dbs(1200)) == GateResult.FIXABLE


def test_the_update_service_keeps_an_old_dbs_certificate_current() -> None:
    assert result(DBS, dbs(3000, update_service=True)) == GateResult.PASS


def test_an_employer_without_recheck_rule_takes_any_age() -> None:
    assert result(CredentialNeed(CredentialKind.DBS, "", DbsLevel.ENHANCED, 0), dbs(5000)) == GateResult.PASS


def test_a_dbs_certificate_without_issue_date_is_not_guessed_to_be_recent() -> None:
    undated = HeldCredential(CredentialKind.DBS, "", None, None, DbsLevel.ENHANCED)
    assert result(DBS, undated) == GateResult.UNKNOWN


def test_a_dbs_certificate_of_unknown_level_is_unknown() -> None:
    assert result(DBS, dbs(10, DbsLevel.UNSPECIFIED)) == GateResult.UNKNOWN


def test_no_dbs_certificate_is_mended_before_a_start_that_is_far_enough() -> None:
    assert result(DBS, start=TODAY + timedelta(days=creds.DBS_DAYS)) == GateResult.FIXABLE


def test_no_dbs_certificate_fails_where_the_start_comes_before_one_can() -> None:
    assert result(DBS, start=TODAY + timedelta(days=creds.DBS_DAYS - 1)) == GateResult.FAIL


def test_the_fix_names_day_and_action() -> None:
    person = a_person(credentials=creds.best([OTHER]))
    gate = credential_gate(DBS, credential_standing(DBS, person, TODAY), an_opportunity(credentials=(DBS,)), TODAY)
    assert gate.fix_date == TODAY + timedelta(days=creds.DBS_DAYS)
    assert gate.fix_action == "Apply for an enhanced DBS certificate through the employer."


def test_what_the_employer_provides_is_always_mended() -> None:
    need = CredentialNeed(CredentialKind.QUALIFICATION, "Care Certificate", provided_by_employer=True)
    assert result(need) == GateResult.FIXABLE


NMC = CredentialNeed(CredentialKind.REGISTRATION, "NMC")


def nmc(days: int) -> HeldCredential:
    return HeldCredential(CredentialKind.REGISTRATION, "nmc ", None, TODAY + timedelta(days=days))


def test_a_registration_is_matched_whatever_its_case_and_spaces() -> None:
    assert result(NMC, nmc(10)) == GateResult.PASS


def test_a_registration_that_lapses_before_the_start_is_mended_in_time_or_not() -> None:
    assert result(NMC, nmc(10), start=TODAY + timedelta(days=42)) == GateResult.FIXABLE
    assert result(NMC, nmc(10), start=TODAY + timedelta(days=41)) == GateResult.FAIL


def test_a_credential_counts_on_its_last_day() -> None:
    assert result(NMC, nmc(0)) == GateResult.PASS
    assert result(NMC, nmc(-1)) == GateResult.FIXABLE


def test_somebody_never_registered_fails() -> None:
    assert result(NMC) == GateResult.FAIL


def test_another_register_does_not_count() -> None:
    assert result(NMC, HeldCredential(CredentialKind.REGISTRATION, "HCPC")) == GateResult.FAIL


def test_any_of_its_kind_counts_where_no_title_is_asked() -> None:
    assert result(CredentialNeed(CredentialKind.REGISTRATION), HeldCredential(CredentialKind.REGISTRATION, "HCPC")) == 1


def test_lapsed_training_is_mended_by_taking_it_again() -> None:
    need = CredentialNeed(CredentialKind.MANDATORY_TRAINING, "Moving and handling")
    held = HeldCredential(CredentialKind.MANDATORY_TRAINING, "Moving and handling", None, TODAY - timedelta(days=1))
    assert result(need, held) == GateResult.FIXABLE
    assert result(need, held, start=TODAY + timedelta(days=3)) == GateResult.FAIL


def test_an_unmentioned_right_to_work_is_unknown() -> None:
    assert result(CredentialNeed(CredentialKind.RIGHT_TO_WORK)) == GateResult.UNKNOWN


def test_a_right_to_work_must_last_as_long_as_a_bounded_role() -> None:
    need = CredentialNeed(CredentialKind.RIGHT_TO_WORK)
    held = HeldCredential(CredentialKind.RIGHT_TO_WORK, "", None, TODAY + timedelta(days=100))
    person = a_person(credentials=creds.best([held]))
    for last, expected in ((100, GateResult.PASS), (101, GateResult.FAIL)):
        role = an_opportunity(end_date=TODAY + timedelta(days=last))
        assert credential_gate(need, credential_standing(need, person, TODAY), role, TODAY).result == expected


def test_a_profile_without_any_credential_says_nothing() -> None:
    person = a_person()
    for need in (NMC, DBS):
        gate = credential_gate(need, credential_standing(need, person, TODAY), an_opportunity(), TODAY)
        assert gate.result == GateResult.UNKNOWN


def test_paid_work_needs_the_right_to_work_even_unsaid() -> None:
    assert [need.kind for need in needs_of(an_opportunity())] == [CredentialKind.RIGHT_TO_WORK]
    assert not needs_of(an_opportunity(kind=OpportunityKind.MENTORING))


@pytest.mark.parametrize("kind", list(CredentialKind))
def test_every_kind_of_credential_has_a_gate_and_words(kind: CredentialKind) -> None:
    need = CredentialNeed(kind, "X" if kind != CredentialKind.DBS else "")
    gate = credential_gate(need, credential_standing(need, a_person(), TODAY), an_opportunity(), TODAY)
    assert gate.kind in GateKind
    assert gate.reason.endswith(".")


def test_the_best_of_several_dbs_certificates_is_the_one_that_counts() -> None:
    assert result(DBS, dbs(10, DbsLevel.BASIC), dbs(500)) == GateResult.PASS


@pytest.mark.parametrize(
    ("days_ago", "expected", "says"),
    [(400, GateResult.FIXABLE, "lapses too early"), (2600, GateResult.FAIL, "return to practice")],
)
def test_a_registration_that_lapsed_years_ago_is_not_simply_renewed(
    days_ago: int, expected: GateResult, says: str
) -> None:
    need = CredentialNeed(CredentialKind.REGISTRATION, "NMC nurse")
    lapsed = HeldCredential(CredentialKind.REGISTRATION, "NMC nurse", None, TODAY - timedelta(days=days_ago))
    person = a_person(credentials=creds.best([lapsed]))
    gate = credential_gate(need, credential_standing(need, person, TODAY), an_opportunity(), TODAY)
    assert gate.result == expected
    assert says in gate.reason
