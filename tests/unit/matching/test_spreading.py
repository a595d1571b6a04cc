"""Spreading a list over organisations: the rule holds, the best that it allows comes first, and pages fit together."""

from careweave_matching.spreading import WINDOW, spread
from hypothesis import given
from hypothesis import strategies as st

owner_lists = st.lists(st.sampled_from("abcd"), max_size=40)


def allowed(owners: list[str], shown: list[int], candidate: int, most: int) -> bool:
    recent = [owners[each] for each in shown[max(0, len(shown) - WINDOW + 1) :]]
    return recent.count(owners[candidate]) < most


@given(owner_lists, st.integers(1, WINDOW))
def test_each_place_goes_to_the_best_that_the_rule_allows_and_to_the_best_left_where_it_allows_none(
    owners: list[str], most: int
) -> None:
    order, sure = spread(owners, most, len(owners))
    assert sorted(order) == list(range(len(owners)))
    for place, taken in enumerate(order):
        left = sorted(order[place:])
        fitting = [each for each in left if allowed(owners, order[:place], each, most)]
        assert taken == (fitting[0] if fitting else left[0])
    free = all(allowed(owners, order[:place], taken, most) for place, taken in enumerate(order))
    assert sure == free
    if sure:
        shown = [owners[each] for each in order]
        windows = [shown[at : at + WINDOW] for at in range(len(shown))]
        assert all(window.count(owner) <= most for window in windows for owner in window)


@given(owner_lists, st.integers(1, WINDOW), st.integers(0, 40), st.integers(0, 40))
def test_a_page_can_be_put_in_order_again_from_what_it_shows_and_the_places_before(
    owners: list[str], most: int, offset: int, size: int
) -> None:
    """So a recorded page is enough to make it again: what was not shown changes nothing."""
    order, _ = spread(owners, most, offset + size)
    before, page = order[:offset], sorted(order[offset:])
    preceding = [owners[each] for each in before][-(WINDOW - 1) :]
    again, _ = spread([owners[each] for each in page], most, size, preceding)
    assert [page[each] for each in again] == order[offset:]


@given(owner_lists, st.integers(1, WINDOW), st.integers(1, 20), st.integers(0, 40))
def test_what_is_sure_of_some_candidates_stays_so_with_more(
    owners: list[str], most: int, wanted: int, known: int
) -> None:
    order, sure = spread(owners[:known], most, wanted)
    if sure and len(order) == wanted:
        assert spread(owners, most, wanted) == (order, True)


@given(owner_lists)
def test_where_as_many_are_allowed_as_are_looked_at_the_order_is_the_pure_one(owners: list[str]) -> None:
    assert spread(owners, WINDOW, len(owners)) == (list(range(len(owners))), True)
