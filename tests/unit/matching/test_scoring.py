import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from careweave_matching import scoring
from careweave_matching.model import HeldSkill, Opportunity, Person, Requirement, Work
from careweave_matching.pair import Match, judge
from careweave_matching.reading import TELLING, is_worth_it
from careweave_matching.terms import OpportunityKind, SkillFit, Trust
from careweave_matching.weights import BY_VERSION, CURRENT
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.matching import pairs
from tests.unit.matching.world import TODAY, a_person, an_index, an_opportunity, skill


def match(person: Person, opportunity: Opportunity, *others: Opportunity) -> Match:
    index = an_index()

    async def fill() -> None:
        await index.put_opportunities([opportunity, *others])
        await index.put_people([person], TODAY)

    asyncio.run(fill())
    entry, who = index.opportunity(opportunity.name), index.person(person.name, TODAY)
    assert entry is not None
    assert who is not None
    return judge(who, entry, index.board(TODAY).frame, own=True)


def with_skills(*held: HeldSkill) -> Person:
    return a_person(skills=held)


@settings(max_examples=100, deadline=None)
@given(pairs.people(), pairs.opportunity_lists(), st.data())
def test_gaining_a_required_skill_never_lowers_suitability(
    person: Person, opportunities: list[Opportunity], data: st.DataObject
) -> None:
    opportunity = opportunities[0]
    held = {each.skill for each in person.skills}
    lacking = [need for need in opportunity.requirements if need.skill not in held]
    if not lacking:
        return
    need = data.draw(st.sampled_from(lacking))
    gained = HeldSkill(need.skill, data.draw(st.integers(0, 5)), data.draw(st.sampled_from(Trust)))
    before = match(person, opportunity).components.suitability
    after = match(replace(person, skills=(*person.skills, gained)), opportunity).components.suitability
    assert after >= before - 1e-6  # vectors are single precision


@settings(max_examples=50, deadline=None)
@given(pairs.people(), pairs.opportunity_lists())
def test_every_component_lies_between_0_and_1(person: Person, opportunities: list[Opportunity]) -> None:
    found = match(person, opportunities[0])
    parts = [getattr(found.components, name) for name in scoring.Components.__dataclass_fields__]
    assert all(0.0 <= part <= 1.0 for part in [*parts, found.score])


def test_evidence_counts_more_than_a_claim_and_a_claim_more_than_inference() -> None:
    earned = [
        match(with_skills(HeldSkill(skill(0), 3, trust)), an_opportunity(essential=(0,))).skills[0].credit
        for trust in Trust
    ]
    assert earned == [CURRENT.evidenced, CURRENT.claimed, CURRENT.inferred]


def test_a_level_below_the_one_asked_earns_less_and_an_unknown_one_is_not_guessed() -> None:
    def at(level: int) -> float:
        asked = an_opportunity(requirements=(Requirement(skill(0), essential=True, level=4),))
        return match(with_skills(HeldSkill(skill(0), level, Trust.EVIDENCED)), asked).skills[0].credit

    assert at(4) == at(5) == 1.0
    assert 1.0 > at(3) > at(2) > at(1) > 0.0
    assert at(0) == CURRENT.unknown_level


def test_an_unknown_level_earns_all_where_no_level_is_asked() -> None:
    assert match(with_skills(HeldSkill(skill(0), 0, Trust.EVIDENCED)), an_opportunity(essential=(0,))).score > 0
    assert scoring.level_credit(0, 0, CURRENT) == 1.0


def test_a_skill_counts_through_its_last_day_and_from_its_first() -> None:
    def fit(**bounds: object) -> SkillFit:
        held = HeldSkill(skill(0), 3, Trust.EVIDENCED, **bounds)  # type: ignore[arg-type]  # dates by name
        return match(with_skills(held), an_opportunity(essential=(0,))).skills[0].fit

    assert fit(last_day=TODAY) == SkillFit.EVIDENCED
    assert fit(last_day=TODAY - timedelta(days=1)) == SkillFit.MISSING
    assert fit(first_day=TODAY) == SkillFit.EVIDENCED
    assert fit(first_day=TODAY + timedelta(days=1)) == SkillFit.MISSING


def test_a_skill_that_lapses_overnight_stops_counting_the_next_day() -> None:
    index = an_index()
    held = HeldSkill(skill(0), 3, Trust.EVIDENCED, last_day=TODAY)

    async def fill() -> None:
        await index.put_opportunities([an_opportunity(essential=(0,))])
        await index.put_people([with_skills(held)], TODAY)

    asyncio.run(fill())
    today, tomorrow = index.person("people/p1", TODAY), index.person("people/p1", TODAY + timedelta(days=1))
    assert today is not None
    assert tomorrow is not None
    assert (len(today.codes), len(tomorrow.codes)) == (1, 0)


def test_a_skill_close_by_earns_part_and_says_where_it_comes_from() -> None:
    row = match(with_skills(HeldSkill(skill(2), 3, Trust.EVIDENCED)), an_opportunity(essential=(3,))).skills[0]
    assert (row.fit, row.from_skill, row.from_label) == (SkillFit.TRANSFERABLE, skill(2), "skill number 2")
    assert 0.0 < row.credit < CURRENT.claimed


def test_the_narrower_skill_earns_more_for_the_broader_than_the_other_way_round() -> None:
    def earned(held: int, asked: int) -> float:
        return match(with_skills(HeldSkill(skill(held), 3)), an_opportunity(essential=(asked,))).skills[0].credit

    assert earned(6, 7) > earned(7, 6) > earned(6, 8) > 0


def test_essential_skills_come_first_then_the_more_telling() -> None:
    needs = (
        Requirement(skill(1), essential=False),
        Requirement(skill(7), essential=True),
        Requirement(skill(6), essential=True),
    )
    rows = match(a_person(), an_opportunity(requirements=needs)).skills
    assert [row.skill for row in rows] == [skill(6), skill(7), skill(1)]


def test_a_missing_skill_names_what_closes_the_gap() -> None:
    teaching = an_opportunity(2, kind=OpportunityKind.COURSE, develops=(skill(9),), requirements=())
    rows = match(a_person(), an_opportunity(essential=(9, 10)), teaching).skills
    closers = {row.skill: [closer.resource for closer in row.closers] for row in rows}
    assert closers == {skill(9): ["courses/c1", "opportunities/n0002"], skill(10): ["standards/ST1"]}


def test_without_stated_aspirations_stretch_and_proximity_carry_preference() -> None:
    found = match(a_person(), an_opportunity()).components
    assert found.aspiration == 0.0
    assert found.preference == (CURRENT.stretch * found.stretch + CURRENT.proximity * found.proximity) / (
        CURRENT.stretch + CURRENT.proximity
    )


def test_aspirations_move_preference_and_never_suitability() -> None:
    role = an_opportunity(occupation="occupations/o3")
    plain = a_person()
    aspiring = a_person(wishes=replace(plain.wishes, aspired_occupations=("occupations/o3",)))
    before, after = match(plain, role).components, match(aspiring, role).components
    assert before.suitability == after.suitability
    assert after.aspiration == 1.0


def test_nobody_else_sees_preference() -> None:
    index = an_index()

    async def fill() -> None:
        await index.put_opportunities([an_opportunity()])
        await index.put_people([a_person()], TODAY)

    asyncio.run(fill())
    entry, who = index.opportunity("opportunities/n0001"), index.person("people/p1", TODAY)
    assert entry is not None
    assert who is not None
    seen = judge(who, entry, index.board(TODAY).frame, own=False)
    parts = seen.components
    assert (parts.aspiration, parts.stretch, parts.proximity, parts.preference) == (0.0, 0.0, 0.0, 0.0)
    assert seen.score == parts.suitability


def test_the_job_a_person_has_already_stretches_less_than_the_same_work_elsewhere() -> None:
    able = with_skills(HeldSkill(skill(0)), HeldSkill(skill(2)))
    same = match(able, an_opportunity(occupation="occupations/o1")).components
    other = match(able, an_opportunity(occupation="occupations/o2")).components
    assert same.stretch < other.stretch


def test_a_step_down_in_skill_level_stretches_less_and_an_unknown_level_is_none() -> None:
    able = a_person(work=Work("organisations/o2", "occupations/o3"), skills=(HeldSkill(skill(0)), HeldSkill(skill(2))))
    down, unknown, level = (
        match(able, an_opportunity(kind=OpportunityKind.SECONDMENT, occupation=f"occupations/o{n}")).components.stretch
        for n in (2, 0, 3)
    )
    assert down < unknown
    assert down < level


def test_a_role_that_asks_for_one_skill_makes_nobody_fit_by_it() -> None:
    held = tuple(HeldSkill(skill(n), 3, Trust.EVIDENCED) for n in range(6))
    one, many = (match(a_person(skills=held), an_opportunity(essential=range(count))).components for count in (1, 6))
    assert one.essential_coverage == many.essential_coverage == 1.0
    assert one.suitability < many.suitability


def test_work_related_to_ones_own_suits_more_and_an_unknown_relation_changes_nothing() -> None:
    assert scoring.with_role(0.4, 0.9, 0.5) > 0.4 > scoring.with_role(0.4, 0.1, 0.5)
    assert scoring.with_role(0.4, -1.0, 0.5) == 0.4
    near, far = (match(a_person(), an_opportunity(occupation=f"occupations/o{n}")).components for n in (2, 0))
    assert near.semantic_similarity > far.semantic_similarity
    assert near.suitability > far.suitability


def test_an_aim_is_nearest_where_named_then_where_related_and_a_kind_that_is_named_lifts_it() -> None:
    def aspired(likeness: float, related: float, *, named: bool = False, least: float | None = None) -> float:
        return scoring.aspiration(likeness, related, least, named=named, weights=CURRENT)

    assert aspired(0.0, 0.0, named=True) == 1.0
    assert aspired(0.2, 0.6) == 0.6
    assert aspired(0.2, -1.0) == 0.0
    assert 0.6 < aspired(0.2, 0.6, least=0.0) < 1.0
    assert aspired(0.2, 0.0, least=0.0) == 0.0
    assert aspired(0.2, 0.0, least=0.5) == 0.5


def test_what_is_asked_for_is_neither_too_far_nor_a_step_down_but_what_one_has_stays_what_it_is() -> None:
    far = scoring.stretch(0.0, None, CURRENT)
    assert scoring.stretch(0.0, None, CURRENT, asked=1.0) > far
    assert scoring.stretch(0.0, None, CURRENT, damped=0.3, asked=1.0) == CURRENT.asked_for
    assert scoring.stretch(0.0, None, CURRENT, again=0.3, asked=1.0) < CURRENT.asked_for


def test_an_apprenticeship_to_a_level_one_has_is_passed_in_ones_own_field_alone() -> None:
    assert scoring.has_passed(2, 3, 0.9, CURRENT)
    assert scoring.has_passed(3, 3, 0.9, CURRENT)
    assert not scoring.has_passed(4, 3, 0.9, CURRENT)
    assert not scoring.has_passed(2, 3, 0.1, CURRENT)
    assert not scoring.has_passed(0, 3, 0.9, CURRENT)


def test_an_apprenticeship_is_no_way_to_learn_what_all_work_asks_for() -> None:
    assert is_worth_it("standards/ST1", TELLING)
    assert not is_worth_it("standards/ST1", TELLING - 1)
    assert is_worth_it("courses/c1", 0)


def test_a_version_that_decisions_name_keeps_its_numbers() -> None:
    assert BY_VERSION["hand-1"].preference_share(1.0) == BY_VERSION["hand-1"].preference == 0.35
    assert BY_VERSION["hand-2"].preference_share(1.0) == 0.60
    assert set(BY_VERSION) == {"hand-1", "hand-2", "hand-3", CURRENT.version}


@pytest.mark.parametrize("version", ["hand-1", "hand-2"])
def test_to_earlier_versions_whatever_is_written_points_and_a_kind_has_no_floor(version: str) -> None:
    weights = BY_VERSION[version]
    assert weights.pointing(0.0, kind=False) == weights.pointing(0.2, kind=True) == 1.0
    assert weights.floor_of_kind(0.0) == 0.0


def test_an_aspiration_points_by_what_it_is_about_and_less_by_a_kind() -> None:
    nowhere, hinted, kind = (CURRENT.pointing(way, kind=named) for way, named in ((0, False), (0.5, False), (0, True)))
    assert nowhere == 0.0 < hinted < kind < CURRENT.pointing(0.5, kind=True) < 1.0
    assert CURRENT.pointing(1.0, kind=False) == CURRENT.pointing(1.0, kind=True) == 1.0
    assert CURRENT.direction(CURRENT.clear_enough) == CURRENT.direction(1.0) == 1.0


def test_words_that_point_nowhere_leave_the_score_as_if_none_were_written() -> None:
    silent = a_person(skills=(HeldSkill(skill(0)), HeldSkill(skill(2))))
    vague = replace(silent, wishes=replace(silent.wishes, aspiration="More of it"))
    clear = replace(silent, wishes=replace(silent.wishes, aspired_occupations=("occupations/o3",)))
    plain, unmoved, moved = (
        match(person, an_opportunity(occupation="occupations/o3")) for person in (silent, vague, clear)
    )
    assert unmoved.score == plain.score
    assert moved.score > plain.score


def test_a_kind_that_is_named_lifts_what_fits_and_the_reason_says_so() -> None:
    held = tuple(HeldSkill(skill(number), 3, Trust.EVIDENCED) for number in (0, 2, 6))
    asking = a_person(skills=held, wishes=replace(a_person().wishes, aspiration="An apprenticeship"))
    there, elsewhere = (
        match(asking, an_opportunity(kind=kind)) for kind in (OpportunityKind.APPRENTICESHIP, OpportunityKind.COURSE)
    )
    assert there.components.suitability == elsewhere.components.suitability
    assert there.components.aspiration == CURRENT.kind_floor
    assert "Of a kind that the person asks for." in there.reasons
    assert "Of a kind that the person asks for." not in elsewhere.reasons
    unfit = match(replace(asking, skills=()), an_opportunity(kind=OpportunityKind.APPRENTICESHIP)).components
    assert (
        unfit.aspiration == scoring.least_by_kind(CURRENT.kind_floor, unfit.suitability, CURRENT) < CURRENT.kind_floor
    )


def test_what_a_score_is_made_up_of_adds_up() -> None:
    for points in (0.0, 0.3, 1.0):
        most = scoring.preference(1.0, 1.0, 1.0, points, CURRENT) * CURRENT.preference_share(points)
        assert sum(CURRENT.makeup(points)) == pytest.approx(most) == pytest.approx(CURRENT.preference_share(points))
