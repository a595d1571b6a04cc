"""What the embedder learns from, and what it may not see."""

import csv
from collections.abc import Iterator
from random import Random

import pytest
import torch
from careweave_skills.sources.standards import read_standards

from careweave import datasets
from training.batches import batches
from training.corpus import Corpus, packaged_corpus
from training.objective import contrastive_loss, no_answers
from training.pair import Pair
from training.withheld import is_withheld


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return packaged_corpus(Random(7))


def texts_of(corpus: Corpus) -> Iterator[str]:
    for pair in corpus.pairs:
        yield pair.anchor.strip().lower()
        yield pair.positive.strip().lower()


def test_the_same_seed_gives_the_same_pairs_in_the_same_batches(corpus: Corpus) -> None:
    again = packaged_corpus(Random(7))
    assert again.pairs == corpus.pairs
    assert batches(again.pairs, Random(1)) == batches(corpus.pairs, Random(1))


def test_no_pair_holds_a_judged_sentence_or_a_withheld_label(corpus: Corpus) -> None:
    texts = set(texts_of(corpus))
    for name in ("care.csv", "vacancies.csv", "general.csv", "adverts.csv"):
        with (datasets.folder("eval/skill-extraction") / name).open(encoding="utf-8") as opened:
            assert not texts & {row["sentence"].strip().lower() for row in csv.DictReader(opened)}
    assert len(corpus.withheld.labels) > 1000
    assert not texts & {label.lower() for label, _ in corpus.withheld.labels}
    assert not texts & {text.lower() for text, _ in corpus.withheld.descriptions}


def test_half_of_the_standards_keep_their_job_titles_to_themselves(corpus: Corpus) -> None:
    standards = read_standards(datasets.folder("apprenticeships")).standards
    withheld = [standard for standard in standards if is_withheld(standard)]
    assert 0.4 < len(withheld) / len(standards) < 0.6
    hidden = {title.lower() for standard in withheld for title in standard.job_titles}
    of_standards = {
        text.lower() for pair in corpus.pairs if pair.anchor_concept.startswith("standards/") and pair.kind == "titles"
        for text in (pair.anchor, pair.positive)
    }  # fmt: skip
    assert of_standards
    assert not of_standards & (hidden - {standard.title.lower() for standard in standards})


def test_a_batch_is_of_one_kind_and_holds_no_text_or_concept_twice(corpus: Corpus) -> None:
    planned = batches(corpus.pairs, Random(7))
    assert sum(map(len, planned)) > 0.95 * len(corpus.pairs)
    for batch in planned:
        assert len({pair.kind for pair in batch}) == 1
        assert len({pair.anchor.lower() for pair in batch}) == len(batch)
        assert len({pair.positive.lower() for pair in batch}) == len(batch)


def test_what_belongs_together_is_no_wrong_answer() -> None:
    nurse = Pair("k", "nurse", "give injections", "nurse", "inject")
    cook = Pair("k", "cook", "bake", "cook", "bake")
    medic = Pair("k", "medic", "take blood", "medic", "blood")
    mask = no_answers([nurse, cook, medic], {"nurse": frozenset({"inject", "blood"})})
    assert mask.tolist() == [[False, False, True], [False, False, False], [False, False, False]]


def test_the_loss_falls_as_pairs_come_closer_and_masked_pairs_do_not_count() -> None:
    one = torch.nn.functional.normalize(torch.tensor([[1.0, 0.0], [0.0, 1.0]]), dim=1)
    none = torch.zeros((2, 2), dtype=torch.bool)
    assert contrastive_loss(one, one, none) < contrastive_loss(one, one.flip(0), none)
    alike = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    assert contrastive_loss(alike, alike, none) == pytest.approx(0.6931, abs=1e-4)
    assert contrastive_loss(alike, alike, ~torch.eye(2, dtype=torch.bool)) == pytest.approx(0.0)
