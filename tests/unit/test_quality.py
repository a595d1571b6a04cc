"""Measures and readers of judged sets, and the commands on small sets with the real model."""

import gzip
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import TypeAlias

import pytest
from careweave_cli.application import careweave
from careweave_cli.quality.held_out import hold_out
from careweave_cli.quality.measures import (
    average_precision,
    means,
    ndcg,
    of_ranking,
    r_precision_at_5,
    recall,
    reciprocal_rank,
)
from careweave_cli.quality.next_occupation import is_for_fitting, read_judged
from careweave_cli.quality.tables import named_rows, plain_rows, read_text
from careweave_skills.lexical import Concept
from click.testing import CliRunner

from careweave.errors import InvalidArgument

_HEADER = "query_uri\tcandidate_uri\tgrade\tquery_onet\tcandidate_onet\n"


def test_measures_of_a_ranking_that_was_worked_out_by_hand() -> None:
    relevance = [True, False, True, False, False, True]
    assert average_precision(relevance, 4) == pytest.approx((1 + 2 / 3 + 3 / 6) / 4)
    assert reciprocal_rank([False, False, True]) == pytest.approx(1 / 3)
    assert recall(relevance, 4) == pytest.approx(3 / 4)
    assert r_precision_at_5(relevance, 3) == pytest.approx(2 / 3)
    assert r_precision_at_5(relevance, 9) == pytest.approx(2 / 5)
    # Grades 1, 0, 3 where 3 and 1 would be best: (1 + 7/2) / (7 + 1/log2(3)).
    assert ndcg([1, 0, 3], [1, 3]) == pytest.approx(4.5 / (7 + 0.6309297535714575))


def test_nothing_found_counts_nothing() -> None:
    assert of_ranking([0, 0], [3]) == {"map": 0, "mrr": 0, "ndcg@10": 0, "recall@10": 0}
    assert reciprocal_rank([]) == 0


def test_only_the_first_ten_count_for_ndcg_and_recall() -> None:
    figures = of_ranking([0] * 10 + [3], [3])
    assert figures["ndcg@10"] == 0
    assert figures["recall@10"] == 0
    assert figures["mrr"] == pytest.approx(1 / 11)


def test_means_count_each_query_once() -> None:
    assert means([{"map": 0.0}, {"map": 1.0}]) == {"queries": 2, "map": 0.5}
    assert means([]) == {"queries": 0}


def test_a_table_reads_alike_plain_and_gzipped(tmp_path: Path) -> None:
    text = _HEADER + "q\tc\t3\t11-1111.00\t22-2222.00\n"
    (tmp_path / "plain.tsv").write_text(text, encoding="utf-8")
    (tmp_path / "packed.gz").write_bytes(gzip.compress(text.encode()))
    assert read_judged(tmp_path / "plain.tsv") == read_judged(tmp_path / "packed.gz")


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (gzip.compress(_HEADER.encode() * 99)[:40], "not a whole gzip"),
        (b"\xff\xfe\x00", "not UTF-8"),
        (b"", "no column query_uri"),
        (b"query_uri\tgrade\n", "no column candidate_uri"),
        (_HEADER.encode(), "holds no pair"),
        (_HEADER.encode() + b"q\tc\t4\ta\tb\n", "row 2: the grade is '4'"),
        (_HEADER.encode() + b"q\tc\t1\n", "row 2: 3 values"),
    ],
)
def test_a_judged_set_that_cannot_be_used_is_refused_with_the_reason(
    tmp_path: Path, content: bytes, complaint: str
) -> None:
    path = tmp_path / "set.tsv"
    path.write_bytes(content)
    with pytest.raises(InvalidArgument, match=complaint):
        read_judged(path)


def test_a_missing_file_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match=r"absent\.tsv cannot be read"):
        read_text(tmp_path / "absent.tsv")


def test_a_row_of_another_width_is_refused_with_its_number(tmp_path: Path) -> None:
    path = tmp_path / "queries.tsv"
    path.write_text("a\tA\n\nb\n", encoding="utf-8")
    with pytest.raises(InvalidArgument, match="row 3: 1 values where 2 belong"):
        list(plain_rows(path, 2))


def test_an_open_quotation_in_a_csv_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "sentences.csv"
    path.write_text('sentence,label\n"Dress wounds,wound care\n', encoding="utf-8")
    with pytest.raises(InvalidArgument, match=r"sentences\.csv"):
        list(named_rows(path, ("sentence", "label"), ","))


def test_queries_of_one_code_stay_in_one_half() -> None:
    codes = [f"{number:02}-{number * 7:04}.00" for number in range(200)]
    fitting = [code for code in codes if is_for_fitting(code)]
    assert fitting == [code for code in codes if is_for_fitting(code)]
    assert 70 < len(fitting) < 130


Run: TypeAlias = Callable[..., tuple[int, str, str]]
"""Runs `careweave bench quality` with arguments: exit status, standard output, standard error."""


@pytest.fixture
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    settings = {"CAREWEAVE_CACHE": str(tmp_path_factory.getbasetemp() / "cache")}

    def invoke(*arguments: str) -> tuple[int, str, str]:
        result = CliRunner().invoke(careweave, ["bench", "quality", *arguments], obj=settings)
        return result.exit_code, result.stdout, result.stderr

    return invoke


def test_a_folder_without_the_files_is_wrong_use(run: Run, tmp_path: Path) -> None:
    status, output, complaint = run("titles", str(tmp_path))
    assert status == 2
    assert output == ""
    assert "queries.tsv" in complaint


def test_a_sentence_file_without_esco_labels_is_wrong_use(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "sentences.csv"
    path.write_text("sentence,label\nJuggle,juggling of chainsaws\n", encoding="utf-8")
    status, _, complaint = run("extraction", str(path), "--json")
    assert status == 2
    assert "preferred label" in complaint


@pytest.mark.parametrize("name", ["quality", "titles", "next-occupation", "extraction", "ablation", "held-out"])
def test_help_shows_an_example(run: Run, name: str) -> None:
    status, output, _ = run(*(() if name == "quality" else (name,)), "--help")
    assert status == 0
    assert "careweave bench quality" in output


def test_a_label_that_is_held_out_is_in_the_sentence_and_not_in_the_index() -> None:
    concepts = [
        Concept(f"skills/{n}", f"label {n}", tuple(f"wording {n} {kind}" for kind in "abcd")) for n in range(1300)
    ]
    held = hold_out(concepts, Random(1))
    left = {concept.name: concept.alternative_labels for concept in held.concepts}
    assert len(held.sentences) == 600
    assert all(label not in left[name] for label, name in held.labels)
    assert {len(skills) for _, skills in held.sentences} == {1, 2, 3}
    texts = [text for text, _ in held.sentences]
    assert texts == [text for text, _ in hold_out(concepts, Random(1)).sentences]
