"""What people ask for in their own words, and what their certificates say."""

import asyncio
from dataclasses import replace

import numpy as np
import pytest
from careweave_matching.aim_finder import AimFinder
from careweave_matching.aims import gives_what_is_asked, kinds_named, parts_of
from careweave_matching.attainment import level_attained, level_stated, level_trained_to
from careweave_matching.entries import enter_person
from careweave_matching.model import HeldCredential, Wishes
from careweave_matching.relatedness import UNKNOWN, read_relatedness, rounded
from careweave_matching.taxonomy import Occupation
from careweave_matching.terms import CredentialKind, OpportunityKind
from careweave_matching.weights import BY_VERSION, CURRENT, Weights

from tests.unit.matching.world import TODAY, WIDTH, TextVectors, a_person, a_taxonomy, an_opportunity

_KIND = OpportunityKind


@pytest.mark.parametrize(
    ("written", "kinds"),
    [
        ("An apprenticeship in nursing", {_KIND.APPRENTICESHIP}),
        ("I want to nurse, as long as I can earn while I learn.", {_KIND.APPRENTICESHIP}),
        ("To qualify as a social worker with adults through work", {_KIND.APPRENTICESHIP}),
        ("A placement, a course or a mentor", {_KIND.PLACEMENT, _KIND.COURSE, _KIND.MENTORING}),
        ("Shadow somebody, or a project on secondment", {_KIND.SHADOWING, _KIND.PROJECT, _KIND.SECONDMENT}),
        ("Of course I want to work with people for a second time", set()),
        ("More responsibility", set()),
    ],
)
def test_kinds_of_opportunity_are_recognised_by_the_words_that_people_use(
    written: str, kinds: set[OpportunityKind]
) -> None:
    assert kinds_named(written) == sum(1 << kind for kind in kinds)


def test_what_is_written_is_read_whole_and_by_its_parts() -> None:
    written = "I want to nurse one day.\nUntil then a senior post would do, but close to home."
    assert parts_of(written) == [
        "I want to nurse one day. Until then a senior post would do, but close to home.",
        "I want to nurse one day",
        "Until then a senior post would do",
        "but close to home",
    ]


def test_what_is_not_wanted_is_left_out() -> None:
    parts = parts_of("I want to be a link worker. No personal care rounds. I do not drive to work at night.")
    assert parts == ["I want to be a link worker"]
    assert parts_of("Anything but not nights") == ["Anything but not nights"]
    assert parts_of("  ") == []


def test_who_asks_for_a_mentor_or_training_aims_at_nobody_who_gives_it() -> None:
    asking = "More training in the work I am in, and perhaps somebody to mentor me."
    assert gives_what_is_asked("learning mentor", asking)
    assert gives_what_is_asked("corporate training manager", asking)
    assert not gives_what_is_asked("care at home worker", asking)
    assert not gives_what_is_asked("learning mentor", "I want to work in a school.")


def test_a_giver_of_what_is_asked_for_is_an_aim_only_if_named_outright() -> None:
    taxonomy = a_taxonomy()
    taxonomy = replace(taxonomy, occupations={**taxonomy.occupations, "occupations/o2": Occupation("mentor", "", 2)})
    asking = a_person(wishes=Wishes(aspiration="A mentor"))

    def aims(clear: float, weights: Weights) -> dict[int, float]:
        vectors = np.zeros((len(taxonomy.names), WIDTH), np.float32)
        found = ((1, 0.5), (2, clear))
        entry = enter_person(
            asking,
            None,
            vectors[:1],
            aims=found,
            skill_vectors=vectors,
            taxonomy=taxonomy,
            weights=weights,
            as_of=TODAY,
        )
        return dict(entry.aims)

    assert aims(0.9, CURRENT) == {1: 0.5, 2: 0.0}
    assert aims(1.0, CURRENT) == {1: 0.5, 2: 1.0}
    assert aims(0.9, BY_VERSION["hand-2"]) == {1: 0.5, 2: 0.9}


def test_levels_are_read_from_certificates_and_the_highest_counts() -> None:
    titles = ["Level 2 Diploma in Care", "Foundation degree in health", "BSc Nursing", "Care Certificate"]
    assert [level_stated(title) for title in titles] == [2, 5, 6, 0]
    held = [HeldCredential(CredentialKind.QUALIFICATION, title) for title in titles[:2]]
    licence = HeldCredential(CredentialKind.DRIVING_LICENCE, "Level 8")
    assert level_attained([*held, licence]) == 5
    assert level_attained([]) == 0


def test_only_an_apprenticeship_trains_to_a_level_and_its_standard_says_which() -> None:
    standards = {"standards/ST1": 3}
    training = an_opportunity(kind=OpportunityKind.APPRENTICESHIP, standard="standards/ST1", title="Level 7 something")
    assert level_trained_to(training, standards) == 3
    assert level_trained_to(training, {}) == 7
    assert level_trained_to(an_opportunity(standard="standards/ST1"), standards) == 0


def test_an_occupation_is_found_by_its_name() -> None:
    taxonomy, embedder = a_taxonomy(), TextVectors()
    finder = AimFinder(embedder, taxonomy)
    written = embedder.embed(["occupation 1"])
    assert finder.find(written) == ()
    asyncio.run(finder.learn())
    assert (1, 1.0) in finder.find(written)
    assert finder.find(None) == ()


def test_the_packaged_table_knows_neighbours_from_strangers() -> None:
    """Every occupation is most related to itself; relatedness is the same both ways."""
    table = read_relatedness()
    assert len(table.names) == 3007
    rows = range(0, table.nobody, 97)
    for row in rows:
        related = table.of(row)
        assert related[row] == 1.0 == related.max()
        assert related[table.nobody] == UNKNOWN
        assert all(related[other] == table.of(other)[row] for other in rows)
    assert set(table.of(table.row("occupations/unheard-of"))) == {UNKNOWN}


def test_rounding_keeps_directions() -> None:
    vectors = np.array([[0.5, -0.25, 0.0], [1e-3, 2e-3, -1e-3]], np.float32)
    assert rounded(vectors).tolist() == [[127, -64, 0], [64, 127, -64]]
