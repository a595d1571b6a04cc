"""The packaged wordings: what they may be, and that no judged sentence was copied into them."""

import csv
import re
from collections import Counter
from itertools import pairwise

from careweave_cli.quality.packaged import packaged_esco
from careweave_cli.quality.sets import SENTENCES
from careweave_skills.wordings import packaged_wordings

from careweave import datasets
from careweave.wording import fold

_IN_A_ROW = 3


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9'+#]+", text.lower())


def _runs(text: str) -> set[tuple[str, ...]]:
    words = _words(text)
    return {tuple(words[start : start + _IN_A_ROW]) for start in range(len(words) - _IN_A_ROW + 1)}


def test_no_wording_shares_three_words_in_a_row_with_a_judged_sentence() -> None:
    judged: set[tuple[str, ...]] = set()
    for name in SENTENCES:
        if name != "courses":
            path = datasets.folder("eval/skill-extraction") / f"{name}.csv"
            with path.open(encoding="utf-8", newline="") as opened:
                judged.update(run for row in csv.DictReader(opened) for run in _runs(row["sentence"]))
    assert judged
    assert [each.text for each in packaged_wordings() if _runs(each.text) & judged] == []


def test_each_wording_is_of_an_esco_skill_and_says_more_than_its_labels() -> None:
    labels = {
        skill.label: {fold(each) for each in (skill.label, *skill.alternative_labels)}
        for skill in packaged_esco().skills
    }
    for wording in packaged_wordings():
        assert wording.text.strip()
        assert fold(wording.text) not in labels[wording.label]


def test_wordings_stand_once_each_in_order_of_label() -> None:
    wordings = packaged_wordings()
    assert all(one.label.lower() <= two.label.lower() for one, two in pairwise(wordings))
    assert max(Counter((each.label, each.text) for each in wordings).values()) == 1


def test_some_wordings_name_a_skill_and_others_imply_it() -> None:
    implied = {each.text for each in packaged_wordings() if each.implies}
    assert "full driving licence" in implied
    assert 0.1 < len(implied) / len(packaged_wordings()) < 0.3
