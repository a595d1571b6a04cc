"""Intervals, baselines of words and letters, and learning from graded pairs: on sets small enough to work out."""

from pathlib import Path
from typing import Final

import numpy as np
import pytest
from careweave_cli.quality.comparison import EVERY, OURS, Comparison, as_json, standings
from careweave_cli.quality.intervals import Resampling
from careweave_cli.quality.learning import Restraint, learned, lessons, likeness_by
from careweave_cli.quality.lexical import Bm25, edit_likeness
from careweave_cli.quality.next_occupation import Judged, Pool
from careweave_matching.metric import read_metric, write_metric
from careweave_skills.sources.esco import Esco

_NOTHING: Final = Esco((), (), (), (), (), (), (), (), ())


def test_an_interval_holds_the_mean_and_narrows_with_the_queries() -> None:
    values = np.random.default_rng(3).random(400).tolist()
    many, few = Resampling(range(400)).interval(values), Resampling(range(25)).interval(values[:25])
    assert many.low < many.mean < many.high
    assert many.mean == pytest.approx(np.mean(values))
    assert many.high - many.low < few.high - few.low


def test_an_interval_is_about_two_standard_errors_either_side() -> None:
    values = np.random.default_rng(4).random(400)
    error = values.std() / np.sqrt(400)
    found = Resampling(range(400)).interval(values.tolist())
    assert found.high - found.low == pytest.approx(2 * 1.96 * error, rel=0.05)


def test_queries_of_one_cluster_say_no_more_than_one_of_them() -> None:
    values = np.random.default_rng(5).random(50)
    each = Resampling(range(50)).interval(values.tolist())
    tripled = Resampling([cluster for cluster in range(50) for _ in range(3)]).interval(np.repeat(values, 3).tolist())
    assert tripled.mean == pytest.approx(each.mean)
    assert tripled.high - tripled.low == pytest.approx(each.high - each.low)


def test_the_same_seed_draws_the_same_interval() -> None:
    assert Resampling(range(9)).interval(list(range(9))) == Resampling(range(9)).interval(list(range(9)))


def test_a_difference_is_paired_query_by_query() -> None:
    """Queries differ far more than methods: unpaired, the difference of 0.1 would drown."""
    hard = np.random.default_rng(6).random(60) * 0.8
    methods = {
        OURS: [{"map": value + 0.1} for value in hard.tolist()],
        "plain": [{"map": value} for value in hard.tolist()],
    }
    compared = Comparison(
        "set", "map", methods, range(60), {"first": [place < 20 for place in range(60)], "none": [False] * 60}
    )
    found = standings(compared)
    assert set(found) == {EVERY, "first"}
    less = found[EVERY]["plain"].ours_less
    assert [less.low, less.high] == pytest.approx([0.1, 0.1])
    assert found["first"]["plain"].figures["queries"] == 20
    assert found[EVERY]["plain"].interval.low < hard.mean() < found[EVERY]["plain"].interval.high


def test_json_keeps_our_figures_on_top_and_has_every_method_beside_them() -> None:
    methods = {OURS: [{"map": 1.0, "mrr": 1.0}, {"map": 0.5, "mrr": 1.0}], "plain": [{"map": 0.5, "mrr": 0.5}] * 2}
    found = as_json(Comparison("set", "map", methods, range(2)))
    assert (found["queries"], found["map"], found["mrr"]) == (2, 0.75, 1.0)
    assert found["methods"] == {
        "plain": {
            "queries": 2, "map": 0.5, "mrr": 0.5, "interval": [0.5, 0.5],
            "ours_less": {"mean": 0.25, "interval": [0.0, 0.5]},
        }
    }  # fmt: skip


def test_bm25_of_one_word_was_worked_out_by_hand() -> None:
    index = Bm25(["nurse", "night nurse nurse", "porter"])
    # Two of three texts hold it; lengths 1 and 3 beside a mean of 5/3.
    idf = np.log(1 + 1.5 / 2.5)
    short = 1 * 2.2 / (1 + 1.2 * (0.25 + 0.75 * 0.6))
    long = 2 * 2.2 / (2 + 1.2 * (0.25 + 0.75 * 1.8))
    assert index.scores("the nurse") == pytest.approx([idf * short, idf * long, 0])
    assert index.scores("astronaut").tolist() == [0, 0, 0]


def test_edit_likeness_counts_what_must_change() -> None:
    found = edit_likeness("Kitten", ["sitting", "kitten", "", "kit", "xkitten"])
    assert found == pytest.approx([1 - 3 / 7, 1, 0, 1 / 2, 1 - 1 / 7])


def _pool() -> Pool:
    """Eight occupations in two rings: one of each kind is related to one of the other kind."""
    judged = Judged()
    for place in range(8):
        judged.codes[f"o{place}"] = {f"c{place}"}
    for place in range(8):
        judged.query_codes[f"o{place}"] = f"c{place}"
        judged.grades[f"o{place}"] = {f"o{(place + 4) % 8}": 3}
    return Pool(judged, _NOTHING)


def test_what_is_learned_ranks_the_related_first() -> None:
    pool = _pool()
    random = np.random.default_rng(1)
    meaning, noise = np.tile(random.normal(size=(4, 6)), (2, 1)), 3 * random.normal(size=(8, 6))
    vectors = np.concatenate([meaning, noise], axis=1)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    before = pool.rows(likeness_by(pool, vectors, np.eye(12)))
    given = lessons(pool, vectors, {code for code in pool.codes if code not in {"c3", "c7"}})
    mapping = learned(given, Restraint(0.001, 200))
    after = pool.rows(likeness_by(pool, vectors, mapping))
    assert np.mean([row["mrr"] for row in after]) > np.mean([row["mrr"] for row in before])
    assert after[3]["mrr"] > before[3]["mrr"] or after[3]["mrr"] == 1.0
    np.testing.assert_array_equal(mapping, learned(given, Restraint(0.001, 200)))


def test_no_steps_learn_nothing_and_a_penalty_holds_back() -> None:
    pool = _pool()
    vectors = np.random.default_rng(2).normal(size=(8, 5))
    given = lessons(pool, vectors / np.linalg.norm(vectors, axis=1, keepdims=True), set(pool.codes))
    np.testing.assert_array_equal(learned(given, Restraint(0.0, 0)), np.eye(5))
    loose, tight = (np.abs(learned(given, Restraint(by, 100)) - np.eye(5)).sum() for by in (0.0, 10.0))
    assert tight < loose


def test_codes_left_out_are_no_candidates_either() -> None:
    pool = _pool()
    given = lessons(pool, np.eye(8), {"c0", "c1"}, unseen={"c4"})
    assert len(given.queries) == 1  # the one candidate that is related to the other query is left out
    assert not given.seen[:, 4].any()


def test_a_metric_serves_the_model_that_it_was_learned_with(tmp_path: Path) -> None:
    write_metric(np.eye(4, dtype=np.float32), "model@1", tmp_path)
    kept = read_metric("model@1", tmp_path)
    assert kept is not None
    np.testing.assert_array_equal(kept, np.eye(4))
    assert read_metric("model@2", tmp_path) is None
    assert read_metric("model@1", tmp_path / "absent") is None
