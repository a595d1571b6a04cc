from collections.abc import Sequence

import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from hypothesis import given
from hypothesis import strategies as st

from careweave import masks
from careweave.errors import InvalidArgument
from careweave.v1.common_pb2 import Date
from careweave.v1.profiles_pb2 import Employment, Person, Preferences

PATHS = (
    "display_name",
    "email",
    "place",
    "employments",
    "preferences",
    "preferences.aspiration",
    "preferences.kinds",
    "preferences.travel_mode",
)
SERVERS_OWN = ("name", "version", "consents", "create_time")

texts = st.sampled_from(["", "one", "two"])
preferences = st.builds(
    Preferences, aspiration=texts, kinds=st.lists(st.integers(1, 4), max_size=3), travel_mode=st.integers(0, 4)
)
people = st.builds(
    Person,
    name=texts,
    display_name=texts,
    email=texts,
    place=texts,
    version=st.integers(0, 3),
    employments=st.lists(
        st.builds(Employment, job_title=texts, start_date=st.none() | st.just(Date(year=2020))), max_size=2
    ),
    preferences=st.none() | preferences,
)


def value_at(person: Person, path: str) -> object:
    first, _, rest = path.partition(".")
    return getattr(getattr(person, first), rest) if rest else getattr(person, first)


def covered(path: str, paths: Sequence[str]) -> bool:
    return any(path == each or path.startswith(f"{each}.") for each in paths)


@given(current=people, changed=people, paths=st.lists(st.sampled_from(PATHS), min_size=1, unique=True))
def test_fields_in_the_mask_come_from_the_caller_and_all_others_stay(
    current: Person, changed: Person, paths: list[str]
) -> None:
    merged = masks.merge(current, changed, FieldMask(paths=paths))
    for path in PATHS:
        if covered(path, paths):
            assert value_at(merged, path) == value_at(changed, path)
        elif path != "preferences":
            assert value_at(merged, path) == value_at(current, path)
    for field in SERVERS_OWN:
        assert getattr(merged, field) == getattr(current, field)


@given(current=people, changed=people)
def test_a_star_takes_everything_but_what_the_server_owns(current: Person, changed: Person) -> None:
    merged = masks.merge(current, changed, FieldMask(paths=["*"]))
    for field in SERVERS_OWN:
        assert getattr(merged, field) == getattr(current, field)
        merged.ClearField(field)  # type: ignore[arg-type]
        changed.ClearField(field)  # type: ignore[arg-type]
    assert merged == changed


@given(current=people, changed=people)
def test_an_empty_mask_takes_what_is_set(current: Person, changed: Person) -> None:
    merged = masks.merge(current, changed, FieldMask())
    for path in PATHS:
        if path != "preferences":
            assert value_at(merged, path) == (value_at(changed, path) or value_at(current, path))


@given(current=people, changed=people, paths=st.lists(st.sampled_from(PATHS), max_size=4))
def test_merging_again_changes_nothing_and_leaves_its_arguments_alone(
    current: Person, changed: Person, paths: list[str]
) -> None:
    before = current.SerializeToString(deterministic=True), changed.SerializeToString(deterministic=True)
    merged = masks.merge(current, changed, FieldMask(paths=paths))
    assert masks.merge(merged, changed, FieldMask(paths=paths)) == merged
    assert before == (current.SerializeToString(deterministic=True), changed.SerializeToString(deterministic=True))


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("nickname", "names no field"),
        ("preferences.shoe_size", "names no field"),
        ("employments.job_title", "leads into a list"),
        ("email.domain", "leads into a list or a plain value"),
        ("*", "must stand alone"),
        ("", "names no field"),
    ],
)
def test_a_path_that_cannot_be_followed_is_refused_with_the_reason(path: str, why: str) -> None:
    with pytest.raises(InvalidArgument, match=why) as error:
        masks.merge(Person(), Person(), FieldMask(paths=["email", path]))
    assert error.value.violations[0].field == "update_mask.paths[1]"


def test_a_mask_of_very_many_paths_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="at most"):
        masks.merge(Person(), Person(), FieldMask(paths=["email"] * 201))
