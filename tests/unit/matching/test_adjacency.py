import numpy as np
from careweave_matching import adjacency
from careweave_matching.adjacency import cosine_strength, link_strengths, near_pairs
from careweave_matching.gaps import Gaps
from careweave_matching.scoring import MILLION
from careweave_matching.taxonomy import LEAST_WEIGHT, UNSEEN_WEIGHT, Closer, telling_weights


def test_the_strongest_of_several_links_counts() -> None:
    found = link_strengths([(0, 1, 1.0)], [(0, 1, "optional")], [(0, 1)])
    assert found[0][1] == found[1][0] == round(adjacency.SAME_AS * MILLION)


def test_a_doubtful_same_as_carries_over_less() -> None:
    assert link_strengths([(0, 1, 0.8)], [], [])[0][1] == round(adjacency.SAME_AS * 0.8 * MILLION)


def test_a_large_family_makes_no_siblings() -> None:
    found = link_strengths([], [], [(child, 99) for child in range(adjacency.LARGEST_FAMILY + 1)])
    assert set(found[0]) == {99}


def test_no_skill_stands_in_for_itself() -> None:
    assert link_strengths([(3, 3, 1.0)], [], []).get(3, {}) == {}


def test_likeness_counts_from_the_threshold_on() -> None:
    assert cosine_strength(adjacency.LEAST_COSINE - 1e-9) == 0
    assert cosine_strength(adjacency.LEAST_COSINE) == 285_714
    assert cosine_strength(1.0) == 800_000


def test_a_pair_has_the_same_strength_whatever_it_is_compared_with() -> None:
    drawn = np.random.default_rng(1).standard_normal((40, 12)).astype(np.float32)
    vectors = drawn / np.linalg.norm(drawn, axis=1, keepdims=True)
    together = {(row, column): strength for row, column, strength in near_pairs(vectors, vectors)}
    for row in range(40):
        for column in range(40):
            alone = near_pairs(vectors[[row]], vectors[[column]])
            assert [strength for *_, strength in alone] == (
                [together[row, column]] if (row, column) in together else []
            )


def test_rarer_skills_are_more_telling() -> None:
    rare, common, everywhere, unseen = telling_weights([1, 100, 3007, 0], 3007).tolist()
    assert rare > common > everywhere == LEAST_WEIGHT
    assert unseen == UNSEEN_WEIGHT


def test_one_closer_of_each_sort_comes_before_a_second_of_any() -> None:
    known = [Closer(f"courses/c{n}", f"C{n}", 1.0) for n in range(3)] + [Closer("standards/S1", "S1", 0.6)]
    assert [closer.resource for closer in Gaps({0: tuple(known)}, []).closers(0)] == [
        "courses/c0",
        "courses/c1",
        "standards/S1",
    ]
    assert Gaps({}, []).closers(0) == ()
