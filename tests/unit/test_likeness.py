"""Likeness of occupations and titles, with the real model on a handful of occupations."""

from collections.abc import Sequence

import numpy as np
import pytest
from careweave_matching.likeness import OccupationSpace, OccupationText, title_likeness

from careweave.config import Settings
from careweave.embedding.port import Embedder, Vectors
from careweave.wiring import open_embedder

_RAW = [
    ("nurse", "nurse responsible for general care", "2221", ["registered nurse"], ["administer medication", "advise"]),
    ("midwife", "midwife", "2222", ["community midwife"], ["provide postnatal care", "advise"]),
    ("assistant", "healthcare assistant", "5321", ["nursing assistant"], ["support nurses", "feed patients"]),
    ("homecare", "home care worker", "5322", ["domiciliary care worker"], ["feed patients", "provide domestic care"]),
    ("driver", "truck driver", "8332", ["lorry driver"], ["drive vehicles", "plan routes"]),
]


@pytest.fixture(scope="module")
def embedder(tmp_path_factory: pytest.TempPathFactory) -> Embedder:
    return open_embedder(Settings(cache=tmp_path_factory.mktemp("cache")))


@pytest.fixture(scope="module")
def space(embedder: Embedder) -> OccupationSpace:
    return OccupationSpace(_occupations(), embedder.embed)


def _occupations() -> list[OccupationText]:
    return [
        OccupationText(name, label, tuple(names), f"Works as a {label}.", group, tuple(skills), ())
        for name, label, group, names, skills in _RAW
    ]


def test_likeness_is_symmetric_and_one_with_itself(space: OccupationSpace) -> None:
    likeness = space.likeness(space.names, space.names)
    np.testing.assert_allclose(likeness, likeness.T, atol=1e-6)
    np.testing.assert_allclose(np.diag(likeness), 1.0, atol=1e-5)


def test_occupations_of_care_are_liker_each_other_than_a_driver(space: OccupationSpace) -> None:
    likeness = space.likeness(["assistant"], ["homecare", "driver"])[0]
    assert likeness[0] > likeness[1]


def test_an_unknown_occupation_is_a_key_error(space: OccupationSpace) -> None:
    with pytest.raises(KeyError):
        space.vector("astronaut")


def test_a_title_takes_its_place_by_the_occupation_with_the_closest_name(
    space: OccupationSpace, embedder: Embedder
) -> None:
    places = space.place(embedder.embed(["lorry driver"]))
    nearest = int(np.argmax(places @ space.vectors.T))
    assert space.names[nearest] == "driver"
    np.testing.assert_allclose(np.linalg.norm(places, axis=1), 1.0, atol=1e-5)


def test_no_titles_have_no_places(space: OccupationSpace, embedder: Embedder) -> None:
    assert space.place(embedder.embed([])).shape == (0, space.vectors.shape[1])


def test_titles_that_share_no_word_are_alike_through_the_occupations_they_name(
    space: OccupationSpace, embedder: Embedder
) -> None:
    likeness = title_likeness(["domiciliary carer"], ["home support worker", "HGV driver"], space, embedder.embed)[0]
    assert likeness[0] > likeness[1]


def test_each_text_is_embedded_once(embedder: Embedder) -> None:
    asked: list[str] = []

    def embed(texts: Sequence[str]) -> Vectors:
        asked.extend(texts)
        return embedder.embed(texts)

    OccupationSpace(_occupations(), embed)
    assert sorted(asked) == sorted(set(asked))


def test_an_occupation_without_skills_or_description_is_placed_by_its_names(embedder: Embedder) -> None:
    bare = OccupationText("bare", "home care assistant", (), "", "5322", (), ())
    space = OccupationSpace([*_occupations(), bare], embedder.embed)
    likeness = space.likeness(["bare"], ["homecare", "driver"])[0]
    assert np.isfinite(space.vectors).all()
    assert likeness[0] > likeness[1]
