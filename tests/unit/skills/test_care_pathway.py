import pytest
from careweave_skills.sources.care_pathway import CarePathway, read_care_pathway

from careweave.datasets import folder


@pytest.fixture(scope="module")
def pathway() -> CarePathway:
    return read_care_pathway(folder("uk-care"))


def test_all_of_the_pathway_is_read(pathway: CarePathway) -> None:
    assert len(pathway.courses) == 234
    assert [role.label for role in pathway.roles] == [
        "New to care",
        "Care or support worker",
        "Supervisor or leader",
        "Practice leader",
        "Enhanced care worker",
        "Deputy manager",
        "Registered manager",
    ]
    wordings = {skill for role in pathway.roles for skill in role.skills}
    assert wordings == {skill.name for skill in pathway.skills}


def test_eight_of_ten_odd_category_spellings_are_resolved_and_two_dropped_by_name(pathway: CarePathway) -> None:
    unresolved = {note.value for note in pathway.dropped if "category" in note.reason and "skill" in note.reason}
    assert unresolved == {
        "Learning opportunities section for all roles",
        "Learning opportunities section for roleb",
    }
    resolved = {note.value for note in pathway.corrected}
    assert "Equality diversity inclusion and human rights" in resolved
    assert "Fire safety (health and safety)" in resolved
    # Two of the ten are halves of one category, torn at its comma.
    assert len(resolved) == 7 - 1


def test_a_course_develops_the_skills_of_its_own_role_where_categories_are_shared(pathway: CarePathway) -> None:
    diploma = next(course for course in pathway.courses if course.code == "603/2521/5")
    entry = next(role for role in pathway.roles if role.code == "rolea")
    assert diploma.develops
    assert set(diploma.develops) <= set(entry.skills)


def test_learning_time_is_read_in_minutes(pathway: CarePathway) -> None:
    minutes = {course.learning_time: course.learning_minutes for course in pathway.courses}
    assert minutes["60 mins"] == 60
    assert minutes["4 hours"] == 240
    assert minutes["45 mins + 30 mins = 75 mins"] == 75
    assert minutes[""] == 0


def test_names_of_skills_and_courses_are_resource_names(pathway: CarePathway) -> None:
    names = [skill.name for skill in pathway.skills] + [course.name for course in pathway.courses]
    assert len(set(names)) == len(names)
    assert all(len(name.partition("/")[2]) <= 128 and name.isascii() for name in names)
