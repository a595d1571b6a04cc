"""Finding concepts by words and meaning together."""

from pathlib import Path

import numpy as np
import pytest
from careweave_skills.lexical import Concept, PhraseBook
from careweave_skills.search import ConceptIndex
from careweave_skills.taxonomy import Scheme

from careweave.abbreviations import in_full
from careweave.config import Settings
from careweave.embedding.port import Embedder
from careweave.grams import GramIndex
from careweave.wiring import open_embedder
from careweave.wording import distinct_wordings, tokens_of, words

CONCEPTS = [
    Concept("skills/a-medication", "administer prescribed medication", ("give medicines as prescribed",)),
    Concept("skills/b-wounds", "carry out wound care", ("dress wounds",)),
    Concept("skills/c-assistants", "supervise healthcare assistants", ()),
    Concept("skills/d-python", "Python (computer programming)", ()),
    Concept("skills/e-pathway", "dress wounds", (), Scheme.CARE_WORKFORCE_PATHWAY),
]


@pytest.fixture(scope="module")
def embedder(tmp_path_factory: pytest.TempPathFactory) -> Embedder:
    return open_embedder(Settings(cache=Path(tmp_path_factory.mktemp("cache"))))


@pytest.fixture(scope="module")
def index(embedder: Embedder) -> ConceptIndex:
    whole = ConceptIndex(CONCEPTS, embedder.dimension)
    whole.learn(whole.wanted(), embedder.embed(whole.wanted()))
    return whole


def test_preferred_labels_are_wanted_first() -> None:
    wanted = ConceptIndex(CONCEPTS, 8).wanted()
    assert wanted[: len(CONCEPTS)] == [concept.label for concept in CONCEPTS]
    assert wanted[len(CONCEPTS) :] == ["give medicines as prescribed"]


def test_without_any_vector_search_goes_by_words(embedder: Embedder) -> None:
    index = ConceptIndex(CONCEPTS, embedder.dimension)
    assert index.coverage == 0
    hits = index.search("wound care", embedder.embed(["wound care"])[0], 10)
    assert hits[0].name == "skills/b-wounds"
    assert hits[0].matched_label == "carry out wound care"


def test_coverage_grows_as_preferred_labels_are_learnt(embedder: Embedder) -> None:
    index = ConceptIndex(CONCEPTS, embedder.dimension)
    index.learn(["carry out wound care"], embedder.embed(["carry out wound care"]))
    assert index.coverage == pytest.approx(1 / 5)
    assert "carry out wound care" not in index.wanted()


def test_labels_of_no_concept_are_passed_over(embedder: Embedder) -> None:
    index = ConceptIndex(CONCEPTS, embedder.dimension)
    index.learn(["juggling"], embedder.embed(["juggling"]))
    assert index.coverage == 0


def test_meaning_finds_what_shares_no_word(index: ConceptIndex, embedder: Embedder) -> None:
    query = "handing out tablets to patients"
    hits = index.search(query, embedder.embed([query])[0], 1)
    assert hits[0].name == "skills/a-medication"
    assert hits[0].matched_label == ""


def test_a_slip_of_the_pen_still_finds_it(index: ConceptIndex) -> None:
    assert index.search("adminster perscribed medicaton", None, 1)[0].name == "skills/a-medication"


def test_an_abbreviation_counts_as_what_it_stands_for(index: ConceptIndex) -> None:
    assert index.search("supervise HCAs", None, 1)[0].name == "skills/c-assistants"


def test_only_the_asked_scheme_is_searched(index: ConceptIndex) -> None:
    hits = index.search("dress wounds", None, 10, Scheme.CARE_WORKFORCE_PATHWAY)
    assert [hit.name for hit in hits] == ["skills/e-pathway"]


def test_pages_join_without_gap_or_repetition(index: ConceptIndex, embedder: Embedder) -> None:
    vector = embedder.embed(["care"])[0]
    whole = index.search("care", vector, 10)
    assert index.search("care", vector, 2) + index.search("care", vector, 10, offset=2) == whole
    assert [hit.score for hit in whole] == sorted((hit.score for hit in whole), reverse=True)


def test_ties_go_by_name() -> None:
    twins = [Concept("skills/z", "feed patients"), Concept("skills/y", "feed patients")]
    assert [hit.name for hit in ConceptIndex(twins, 4).search("feed patients", None, 5)] == ["skills/y", "skills/z"]


def test_an_empty_index_answers_with_nothing() -> None:
    index = ConceptIndex([], 4)
    assert index.search("anything", np.ones(4, np.float32), 5) == []
    assert index.coverage == 1


@pytest.mark.parametrize("query", ["", "?!", "日本語", "the of and", "\u200b"])
def test_odd_questions_find_nothing_or_something_but_never_fail(index: ConceptIndex, query: str) -> None:
    assert isinstance(index.search(query, None, 5), list)


def test_likeness_in_words_of_a_text_with_itself_is_one() -> None:
    texts = ["wound care", "manage a team", "care of wounds"]
    np.testing.assert_allclose(np.diag(GramIndex(texts).matrix(texts)), 1.0, atol=1e-6)


def test_words_are_folded_singular_and_british() -> None:
    assert words("Organizes Patients’ Diaries") == ["organise", "patient", "diary"]


def test_tokens_say_where_they_stand() -> None:
    text = "İll  patients’ C++"
    assert [text[token.start : token.end] for token in tokens_of(text)] == ["İll", "patients", "C++"]


def test_reshuffled_labels_are_not_worth_a_vector() -> None:
    assert distinct_wordings("kitchen staff", ["staff of a kitchen", "cooks"]) == ("cooks",)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("HCA nights", "healthcare assistant nights"),
        ("rgn", "registered general nurse"),
        ("I send an email to my pa", "I send an email to my pa"),
        ("Experience as an OT.", "Experience as an occupational therapist."),
        ("SALTED", "SALTED"),
    ],
)
def test_abbreviations_are_written_in_full_where_they_are_meant(written: str, meant: str) -> None:
    assert in_full(written) == meant


def test_phrases_are_found_with_fillers_and_plurals_and_without_brackets() -> None:
    text = "You dress the wound, then write Python."
    found = [
        (CONCEPTS[phrase.concept].name, text[phrase.start : phrase.end]) for phrase in PhraseBook(CONCEPTS).find(text)
    ]
    assert found == [
        ("skills/b-wounds", "dress the wound"),
        ("skills/e-pathway", "dress the wound"),
        ("skills/d-python", "Python"),
    ]
