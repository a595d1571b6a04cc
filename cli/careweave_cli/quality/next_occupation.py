"""Next occupations: for each occupation, all others in order of likeness, against graded relatedness."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

import numpy as np
from careweave_matching.likeness import SHARES, OccupationSpace, Shares
from careweave_matching.relatedness import read_relatedness
from careweave_skills.sources.esco import Esco

from careweave.embedding.port import Embedder, Vectors
from careweave_cli.quality.measures import means, of_ranking
from careweave_cli.quality.packaged import embedding, occupation_texts, packaged_esco
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


def run_next_occupation(path: Path, embedder: Embedder, report: Report, shares: Shares = SHARES) -> dict[str, object]:
    """Return `queries`, `ndcg@10`, `map`, `mrr` and `recall@10` of occupation likeness on a judged set.

    path: a table of tab-separated columns query_uri, candidate_uri, grade, query_onet, candidate_onet, with header,
    plain or gzipped. Candidates are all occupations in either column but those that share an O*NET code with the
    query. Occupations that the packaged ESCO does not have rank last. `slices` has the same figures for the care
    slice, for the half that the shares of likeness were chosen on (`fitted`), for the other half (`held back`), and for
    all by the packaged table that ranking looks relatedness up in (`packaged table`).

    Raises:
        InvalidArgument: the file is missing or is not of this form.
    """
    judged = read_judged(path)
    esco = packaged_esco()
    groups = {occupation.uri: occupation.isco_group for occupation in esco.occupations}
    space = OccupationSpace(occupation_texts(esco), embedding(embedder, report, "Embedding ESCO occupations"), shares)
    rows = ranked_rows(judged, space, esco)
    slices = {
        "care": [row for query, row in rows.items() if groups.get(query, "").startswith(CARE_GROUPS)],
        "fitted": [row for query, row in rows.items() if is_for_fitting(judged.query_codes[query])],
        "packaged table": list(ranked_rows(judged, read_relatedness(), esco).values()),
        "held back": [row for query, row in rows.items() if not is_for_fitting(judged.query_codes[query])],
    }
    return {**means(list(rows.values())), "slices": {name: means(slice_) for name, slice_ in slices.items()}}


def is_for_fitting(query_onet: str) -> bool:
    """Tell whether queries of this O*NET code belong to the half that weights may be fitted on.

    The rule: the SHA-256 digest of "careweave:" and the code, read as a number, is even. (The parity of the bare
    code's digest is of no use: the packaged set has only codes for which it is even.)
    """
    return hashlib.sha256(f"careweave:{query_onet}".encode()).digest()[-1] % 2 == 0


class Alike(Protocol):
    """Whatever says how alike occupations are."""

    def likeness(self, ones: Sequence[str], others: Sequence[str]) -> Vectors:
        """Return (len(ones), len(others)): the likeness of occupations by name."""
        ...


def ranked_rows(judged: Judged, space: Alike, esco: Esco) -> dict[str, dict[str, float]]:
    """Return the measures of each query by its URI."""
    names = {occupation.uri: occupation.name for occupation in esco.occupations}
    candidates = sorted(judged.codes)
    known = [place for place, uri in enumerate(candidates) if uri in names]
    rows = {}
    for query, grades in judged.grades.items():
        likeness = np.full(len(candidates), -np.inf)
        if query in names:
            likeness[known] = space.likeness([names[query]], [names[candidates[place]] for place in known])[0]
        codes = judged.codes[query]
        ranked = [
            candidates[place]
            for place in np.argsort(-likeness, kind="stable")
            if candidates[place] != query and not codes & judged.codes[candidates[place]]
        ]
        ideal = [grade for uri, grade in grades.items() if uri != query and not codes & judged.codes[uri]]
        if ideal:
            rows[query] = of_ranking([grades.get(uri, 0) for uri in ranked], ideal)
    return rows


def read_judged(path: Path) -> Judged:
    """Return the judged set in `path`.

    Raises:
        InvalidArgument: the file is missing or is not of the form that `run_next_occupation` says.
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
