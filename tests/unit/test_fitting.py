"""Choosing what evidence counts, and fitting confidence, on sentences whose skills are known."""

import csv
from dataclasses import replace

import numpy as np
import pytest
from careweave_cli.quality.extraction import is_for_fitting, read_judged
from careweave_cli.quality.fitting import Read, calibrated, chosen, cross_validated, mean_of, reliability, returned
from careweave_cli.quality.packaged import packaged_skills
from careweave_cli.quality.sets import SENTENCES
from careweave_skills.taxonomy import Scheme
from careweave_skills.weighing import WEIGHTS, Evidence

from careweave import datasets

SKILLS = 40


def _sentences(count: int) -> list[Read]:
    """Return sentences whose one skill is told by words, and by nothing else."""
    random = np.random.default_rng(5)
    found = []
    for number in range(count):
        wanted = int(random.integers(SKILLS))
        preferred, labels = (random.random((1, SKILLS)).astype(np.float32) for _ in range(2))
        words = random.normal(0.4, 0.1, (1, SKILLS)).astype(np.float32)
        words[0, wanted] += 0.2
        nothing = np.zeros(SKILLS, np.float32)
        evidence = Evidence(
            text="",
            places=np.arange(SKILLS),
            preferred=preferred,
            labels=labels,
            plain=np.zeros((1, SKILLS), np.float32),
            words=words,
            care_breadths=nothing,
            breadths=nothing,
            worded=nothing,
            phrases={},
            vectors=np.zeros((1, 1), np.float32),
        )
        found.append(Read(f"sentence {number}", [evidence], frozenset({wanted})))
    return found


def test_weights_go_to_the_evidence_that_tells() -> None:
    read = _sentences(60)
    best = chosen([read], WEIGHTS)
    assert best.words > WEIGHTS.words
    assert best.preferred + best.nearest + best.words == pytest.approx(1.0)
    assert min(best.preferred, best.nearest, best.care, best.asked, best.worded) >= 0
    tested = [each for each in read if not is_for_fitting(each.text)]
    assert mean_of(tested, best) > mean_of(tested, WEIGHTS)
    assert mean_of([], best) == 0.0


def test_by_cross_validation_weights_are_judged_on_sentences_that_they_were_not_fitted_to() -> None:
    telling = _sentences(60)
    (value,) = cross_validated([telling], WEIGHTS)
    half = [each for each in telling if is_for_fitting(each.text)]
    assert mean_of(half, WEIGHTS) < value <= 1
    pure_chance = [replace(each, relevant=frozenset({place % SKILLS})) for place, each in enumerate(telling)]
    assert cross_validated([pure_chance], WEIGHTS)[0] < value / 2


def test_confidence_is_on_average_the_share_that_is_right() -> None:
    read = _sentences(400)
    best = calibrated([read], chosen([read], WEIGHTS))
    tested = [each for each in read if not is_for_fitting(each.text)]
    bins = reliability(tested, best, SKILLS)
    assert sum(count for *_, count in bins) <= SKILLS * len(tested)
    said, right, count = (np.array(column) for column in list(zip(*bins, strict=True))[1:])
    assert (np.abs(said - right) * count).sum() / count.sum() < 0.05


def test_a_higher_threshold_returns_less_and_more_of_it_is_right() -> None:
    read = _sentences(200)
    best = calibrated([read], chosen([read], WEIGHTS))
    low, high = (returned(read, best, least, 12) for least in (0.03, 0.1))
    assert low["skills"] > high["skills"]
    assert low["right"] < high["right"]
    assert low["found"] > high["found"]
    assert low["without"] <= high["without"]


@pytest.mark.parametrize("name", SENTENCES)
def test_a_packaged_set_names_skills_of_one_scheme_and_has_both_halves(name: str) -> None:
    path = datasets.folder("eval/skill-extraction") / f"{name}.csv"
    judged = read_judged(path, packaged_skills())
    assert judged.scheme == (Scheme.CARE_WORKFORCE_PATHWAY if name == "courses" else Scheme.ESCO)
    halves = [is_for_fitting(sentence) for sentence in judged.skills]
    assert 0.3 < sum(halves) / len(halves) < 0.7
    with path.open(encoding="utf-8", newline="") as opened:
        rows = sum(1 for _ in csv.DictReader(opened))
    assert sum(map(len, judged.skills.values())) >= 0.98 * rows
