"""Text to skills: spans, methods, confidence, and what found nothing."""

import pytest
from careweave_skills.care import MOST_OF_CARE, breadth, in_terms
from careweave_skills.extraction import Extraction, Mention, SkillExtractor
from careweave_skills.lexical import Concept
from careweave_skills.search import ConceptIndex
from careweave_skills.segments import sentences
from careweave_skills.taxonomy import LinkMethod, Scheme
from careweave_skills.wordings import Wording

from careweave.config import Settings
from careweave.embedding.port import Embedder
from careweave.wiring import open_embedder

CONCEPTS = [
    Concept("skills/esco-medication", "administer prescribed medication", ("give medicines as prescribed",)),
    Concept("skills/esco-wounds", "carry out wound care", ("dress wounds",)),
    Concept("skills/esco-plan", "plan meals", ()),
    Concept("skills/esco-records", "keep patient records", ()),
    Concept("skills/cwp-wounds", "carry out wound care", (), Scheme.CARE_WORKFORCE_PATHWAY),
]
TEXT = (
    "👩‍⚕️ About the role\n• Give people their medicines as the doctor prescribed\n"
    "• Carry out wound care; free parking and a gym."
)


@pytest.fixture(scope="module")
def embedder(tmp_path_factory: pytest.TempPathFactory) -> Embedder:
    return open_embedder(Settings(cache=tmp_path_factory.mktemp("cache")))


@pytest.fixture(scope="module")
def extractor(embedder: Embedder) -> SkillExtractor:
    index = ConceptIndex(CONCEPTS, embedder.dimension)
    index.learn(index.wanted(), embedder.embed(index.wanted()))
    return SkillExtractor(index, embedder.embed_transient)


@pytest.fixture(scope="module")
def extraction(extractor: SkillExtractor) -> Extraction:
    return extractor.extract(TEXT)


def test_several_skills_are_found_each_once_with_its_span(extraction: Extraction) -> None:
    spans = {found.name: TEXT[found.start : found.end] for found in extraction.found}
    assert spans == {
        "skills/esco-medication": "Give people their medicines as the doctor prescribed",
        "skills/esco-wounds": "Carry out wound care",
    }


def test_a_label_in_the_text_is_told_from_a_likeness_in_meaning(extraction: Extraction) -> None:
    methods = {found.name: found.method for found in extraction.found}
    assert methods["skills/esco-wounds"] is LinkMethod.LABEL
    assert methods["skills/esco-medication"] is LinkMethod.EMBEDDING


def test_what_found_nothing_is_listed(extraction: Extraction) -> None:
    unmatched = [TEXT[span.start : span.end] for span in extraction.unmatched]
    assert "About the role" in unmatched[0]
    assert unmatched[1:] == ["free parking", "a gym"]


def test_found_and_unmatched_are_disjoint(extraction: Extraction) -> None:
    for span in extraction.unmatched:
        assert not any(found.start < span.end and span.start < found.end for found in extraction.found)


def test_skills_come_in_order_of_confidence(extraction: Extraction) -> None:
    confidences = [found.confidence for found in extraction.found]
    assert confidences == sorted(confidences, reverse=True)
    assert all(0 <= confidence <= 1 for confidence in confidences)


def test_the_minimum_confidence_is_kept(extractor: SkillExtractor) -> None:
    assert all(found.confidence >= 0.8 for found in extractor.extract(TEXT, minimum_confidence=0.8).found)
    assert len(extractor.extract(TEXT, minimum_confidence=0.0).found) == 4


def test_only_the_asked_scheme_is_found(extractor: SkillExtractor) -> None:
    found = extractor.extract("Carry out wound care", Scheme.CARE_WORKFORCE_PATHWAY).found
    assert [each.name for each in found] == ["skills/cwp-wounds"]
    assert found[0].method is LinkMethod.LABEL


def test_without_vectors_labels_are_still_found(embedder: Embedder) -> None:
    bare = SkillExtractor(ConceptIndex(CONCEPTS, embedder.dimension), embedder.embed_transient)
    found = bare.extract("Carry out wound care", minimum_confidence=0.0).found
    assert found[0].name == "skills/esco-wounds"


@pytest.mark.parametrize("text", ["?", "• • •", "🙂", "\n\n", "a", "x" * 20_000, "the, and, or; of"])
def test_texts_without_skills_give_no_confident_ones(extractor: SkillExtractor, text: str) -> None:
    extraction = extractor.extract(text)
    assert extraction.found == ()
    assert all(0 <= span.start < span.end <= len(text) for span in extraction.unmatched)


def test_the_same_text_gives_the_same_answer(extractor: SkillExtractor) -> None:
    assert extractor.extract(TEXT) == extractor.extract(TEXT)


def test_an_index_without_concepts_finds_nothing(embedder: Embedder) -> None:
    empty = SkillExtractor(ConceptIndex([], embedder.dimension), embedder.embed_transient)
    assert empty.extract("Carry out wound care").found == ()


def test_of_two_skills_that_fit_alike_the_one_comes_first_that_care_asks_for(embedder: Embedder) -> None:
    def first(asking: dict[str, int]) -> list[str]:
        labels = {"skills/a": "keep records of users", "skills/b": "keep users' records"}
        concepts = [Concept(name, label, care_occupations=asking.get(name, 0)) for name, label in labels.items()]
        index = ConceptIndex(concepts, embedder.dimension)
        index.learn(index.wanted(), embedder.embed([index.concepts[0].label] * 2))
        found = SkillExtractor(index, embedder.embed_transient).extract("Keep the users' records up to date")
        return [each.name for each in found.found]

    assert first({"skills/a": 20}) == ["skills/a", "skills/b"]
    assert first({"skills/b": 20}) == ["skills/b", "skills/a"]


def test_care_asks_for_a_skill_the_more_widely_the_more_of_its_occupations_do() -> None:
    breadths = [breadth(count, MOST_OF_CARE) for count in range(21)]
    assert breadths == sorted(set(breadths))
    assert (breadths[0], breadths[20], breadth(500, MOST_OF_CARE)) == (0.0, 1.0, 1.0)


def test_plain_words_of_care_read_as_those_of_the_taxonomy() -> None:
    assert in_terms("Give Medicines to residents, and keep care records") == (
        "Give medication to service users, and keep records of service users"
    )
    assert in_terms("Study medicine in a residential home") == "Study medicine in a residential home"


def test_a_skill_in_the_taxonomys_words_is_surer_than_without_them(embedder: Embedder) -> None:
    index = ConceptIndex([Concept("skills/m", "administer medication")], embedder.dimension)
    index.learn(index.wanted(), embedder.embed(index.wanted()))
    extractor = SkillExtractor(index, embedder.embed_transient)
    plain, unknown = (
        extractor.extract(f"Give {word}", minimum_confidence=0.0).found for word in ("medicines", "drugs")
    )
    assert plain[0].confidence > unknown[0].confidence
    assert (plain[0].start, plain[0].end) == (0, len("Give medicines"))


def test_sentences_and_clauses_stand_where_they_say() -> None:
    text = "– Plan meals, shop (weekly shop), and keep records.\r\n* Drive e.g. a van! OK?"
    parts = sentences(text)
    assert [text[part.whole.start : part.whole.end] for part in parts] == [
        "Plan meals, shop (weekly shop), and keep records",
        "Drive e.g. a van",
        "OK?",
    ]
    assert [text[clause.start : clause.end] for clause in parts[0].clauses] == [
        "Plan meals",
        "shop",
        "weekly shop",
        "keep records",
    ]


@pytest.mark.parametrize(
    ("text", "readings"),
    [
        ("Give medicines, keep records and help people", ("Give medicines", "keep records", "help people")),
        ("Help with washing, dressing and eating", ("Help with washing", "Help with dressing", "Help with eating")),
        ("Assess, plan and review care", ("Assess care", "plan care", "review care")),
        ("Drive", ()),
        ("Wash, dress", ()),
    ],
)
def test_clauses_of_a_list_read_with_the_words_that_they_share(text: str, readings: tuple[str, ...]) -> None:
    assert sentences(text)[0].readings == readings


WORDED = [
    Concept("skills/drive", "drive vehicles", occupations=50),
    Concept("skills/alone", "work independently", occupations=50),
    Concept("skills/meals", "plan meals", occupations=50),
    Concept("skills/cwp-drive", "drive vehicles", (), Scheme.CARE_WORKFORCE_PATHWAY),
]
WORDINGS = [
    Wording("drive vehicles", "full driving licence", implies=True),
    Wording("work independently", "use your own initiative", implies=False),
    Wording("a skill that is not there", "plan meals", implies=True),
]


def _worded(embedder: Embedder, wordings: list[Wording]) -> SkillExtractor:
    index = ConceptIndex(WORDED, embedder.dimension)
    index.learn(index.wanted(), embedder.embed(index.wanted()))
    extractor = SkillExtractor(index, embedder.embed_transient, wordings)
    extractor.wordings.learn(extractor.wordings.wanted(), embedder.embed(extractor.wordings.wanted()))
    return extractor


@pytest.fixture(scope="module")
def worded(embedder: Embedder) -> SkillExtractor:
    return _worded(embedder, WORDINGS)


def test_a_text_says_whether_it_names_describes_or_implies_a_skill(worded: SkillExtractor) -> None:
    text = "A full driving licence is needed. You can use your own initiative. Plan meals."
    mentions = {found.name: (found.mention, found.wording) for found in worded.extract(text).found}
    assert mentions == {
        "skills/drive": (Mention.IMPLIED, "full driving licence"),
        "skills/alone": (Mention.DESCRIBED, "use your own initiative"),
        "skills/meals": (Mention.NAMED, ""),
    }


def test_what_is_merely_like_a_certificate_implies_nothing(worded: SkillExtractor) -> None:
    found = {each.name: each for each in worded.extract("A clean motorist's licence.", minimum_confidence=0.0).found}
    assert found["skills/drive"].mention is Mention.DESCRIBED
    assert found["skills/drive"].wording == "full driving licence"


def test_a_skill_in_the_words_of_vacancies_is_surer_for_their_wording(
    worded: SkillExtractor, embedder: Embedder
) -> None:
    text = "A full driving licence is needed."
    known, unknown = (
        {found.name: found.confidence for found in each.extract(text, minimum_confidence=0.0).found}
        for each in (worded, _worded(embedder, []))
    )
    assert known["skills/drive"] > unknown["skills/drive"] + 0.1


def test_wordings_are_of_esco_skills_alone(worded: SkillExtractor) -> None:
    found = worded.extract("A full driving licence is needed.", Scheme.CARE_WORKFORCE_PATHWAY, minimum_confidence=0.0)
    assert [(each.mention, each.wording) for each in found.found] == [(Mention.DESCRIBED, "")]


def test_wordings_are_read_by_words_until_their_vectors_are_known(embedder: Embedder) -> None:
    index = ConceptIndex(WORDED, embedder.dimension)
    extractor = SkillExtractor(index, embedder.embed_transient, WORDINGS)
    assert extractor.wordings.wanted() == ["use your own initiative", "full driving licence"]
    found = extractor.extract("full driving licence", minimum_confidence=0.0).found
    assert found[0].name == "skills/drive"
