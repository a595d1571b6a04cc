"""Next occupations: for each occupation, all others in order of likeness, against graded relatedness."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

import numpy as np
from careweave_matching.relatedness import read_relatedness
from careweave_skills.sources.esco import Esco

from careweave.embedding.port import Embedder, Vectors
from careweave.grams import Scores
from careweave_cli.quality.comparison import OURS, Comparison, Rows
from careweave_cli.quality.measures import of_ranking
from careweave_cli.quality.occupation_baselines import baselines
from careweave_cli.quality.packaged import occupation_space, occupation_texts, packaged_esco
from careweave_cli.quality.tables import named_rows, refuse
from careweave_cli.show.progress import Report

_COLUMNS: Final = ("query_uri", "candidate_uri", "grade", "query_onet", "candidate_onet")
CARE_GROUPS: Final = ("22", "32", "53", "263", "341", "1341", "1342", "1343", "1344")
"""First digits of the ISCO-08 groups of the health and care slice."""
_GREATEST_GRADE: Final = 3


@dataclass(slots=True)
class Judged:
    """A judged set.

    grades: query → candidate → grade, 1 to 3. codes: occupation → its O*NET codes. query_codes: query → its code in
    the first row that names it.
    """

    grades: dict[str, dict[str, int]] = field(default_factory=dict)
    codes: dict[str, set[str]] = field(default_factory=dict)
    query_codes: dict[str, str] = field(default_factory=dict)


class Alike(Protocol):
    """Whatever says how alike occupations are."""

    def likeness(self, ones: Sequence[str], others: Sequence[str]) -> Vectors:
        """Return (len(ones), len(others)): the likeness of occupations by name."""
        ...


class Pool:
    """The queries that count and the candidates of a judged set, each candidate to be ranked for each query.

    queries, candidates: URIs in order. grades: (queries, candidates), 0 where not related. allowed: the same shape;
    a query has no candidate that shares an O*NET code with it, itself included. names: resource name of each
    occupation that the packaged ESCO has, by URI.
    """

    def __init__(self, judged: Judged, esco: Esco) -> None:
        """Take the queries of `judged` that have a related candidate left."""
        self.names = {occupation.uri: occupation.name for occupation in esco.occupations}
        self._groups = {occupation.uri: occupation.isco_group for occupation in esco.occupations}
        self.candidates = sorted(judged.codes)
        shares_code = np.array(
            [
                [not judged.codes[query].isdisjoint(judged.codes[uri]) for uri in self.candidates]
                for query in judged.grades
            ]
        )
        given = np.array([[judged.grades[query].get(uri, 0) for uri in self.candidates] for query in judged.grades])
        grades = np.where(shares_code, 0, given)
        counted = (grades > 0).sum(axis=1) > 0
        self.grades, self.allowed = grades[counted], ~shares_code[counted]
        self.queries = [query for query, counts in zip(judged.grades, counted, strict=True) if counts]
        self.codes = [judged.query_codes[query] for query in self.queries]
        self.candidate_codes = [judged.codes[uri] for uri in self.candidates]

    def slices(self) -> dict[str, list[bool]]:
        """Return which queries are of care, belong to the half that weights are fitted on, and to the other."""
        fitted = [is_for_fitting(code) for code in self.codes]
        care = [self._groups.get(query, "").startswith(CARE_GROUPS) for query in self.queries]
        return {
            "care": care,
            "fitted": fitted,
            "held back": [not each for each in fitted],
            "care, held back": [one and not other for one, other in zip(care, fitted, strict=True)],
        }

    def likeness(self, alike: Alike) -> Scores:
        """Return (queries, candidates); occupations that the packaged ESCO does not have are least alike."""
        found = np.full((len(self.queries), len(self.candidates)), -np.inf, np.float32)
        rows = [place for place, uri in enumerate(self.queries) if uri in self.names]
        columns = [place for place, uri in enumerate(self.candidates) if uri in self.names]
        ones = [self.names[self.queries[place]] for place in rows]
        others = [self.names[self.candidates[place]] for place in columns]
        found[np.ix_(rows, columns)] = alike.likeness(ones, others)
        return found

    def rows(self, likeness: Scores) -> Rows:
        """Return the measures of each query. likeness: (queries, candidates); equal ones in order of URI."""
        found = []
        for scores, grades, allowed in zip(likeness, self.grades, self.allowed, strict=True):
            order = np.argsort(-scores, kind="stable")
            ranked = grades[order[allowed[order]]].tolist()
            found.append(of_ranking(ranked, [grade for grade in ranked if grade]))
        return found


def compare_next_occupations(path: Path, embedder: Embedder, plain: Embedder, report: Report) -> Comparison:
    """Return `ndcg@10`, `map`, `mrr` and `recall@10` of occupation likeness on a judged set, beside plain methods.

    path: a table of tab-separated columns query_uri, candidate_uri, grade, query_onet, candidate_onet, with header,
    plain or gzipped. Candidates are all occupations in either column but those that share an O*NET code with the
    query. plain: all-MiniLM-L6-v2 as it comes. Slices: of health and care (`care`, and what of it is held back); the
    half of the packaged set that our weights were chosen on (`fitted`) and the other (`held back`): of another set,
    codes that fall in these halves.

    Raises:
        InvalidArgument: the file is missing or is not of this form.
    """
    esco = packaged_esco()
    pool = Pool(read_judged(path), esco)
    texts = occupation_texts(esco)
    alike: dict[str, Alike] = {
        OURS: occupation_space(embedder, report),
        "Careweave, packaged table": read_relatedness(),
        **baselines(texts, plain, report),
    }
    likeness = {name: pool.likeness(each) for name, each in alike.items()}
    likeness["random"] = np.random.default_rng(0).random(pool.grades.shape, np.float32)
    rows = {name: pool.rows(each) for name, each in likeness.items()}
    return Comparison("next occupation", "ndcg@10", rows, clusters=pool.codes, slices=pool.slices())


def is_for_fitting(query_onet: str) -> bool:
    """Tell whether queries of this O*NET code belong to the half that weights may be fitted on.

    The rule: the SHA-256 digest of "careweave:" and the code, read as a number, is even. (The parity of the bare
    code's digest is of no use: the packaged set has only codes for which it is even.)
    """
    return hashlib.sha256(f"careweave:{query_onet}".encode()).digest()[-1] % 2 == 0


def read_judged(path: Path) -> Judged:
    """Return the judged set in `path`.

    Raises:
        InvalidArgument: the file is missing or is not of the form that `compare_next_occupations` says.
    """
    judged = Judged()
    for number, (query, candidate, grade, query_onet, candidate_onet) in named_rows(path, _COLUMNS, "\t"):
        if not (grade.isdigit() and 1 <= int(grade) <= _GREATEST_GRADE):
            refuse(f"{path.name}, row {number}: the grade is {grade!r}, not 1, 2 or 3")
        judged.codes.setdefault(query, set()).add(query_onet)
        judged.codes.setdefault(candidate, set()).add(candidate_onet)
        judged.query_codes.setdefault(query, query_onet)
        grades = judged.grades.setdefault(query, {})
        grades[candidate] = max(int(grade), grades.get(candidate, 0))
    return judged if judged.grades else refuse(f"{path} holds no pair")
