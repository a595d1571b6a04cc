"""Job titles: for each query title, all titles in order of likeness."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from careweave_matching.likeness import SHARES, OccupationSpace, Shares, title_likeness

from careweave.abbreviations import in_full
from careweave.embedding.port import Embedder
from careweave.grams import GramIndex, Scores
from careweave_cli.quality.comparison import OURS, Comparison, Rows
from careweave_cli.quality.lexical import Bm25, edit_likeness
from careweave_cli.quality.measures import of_ranking
from careweave_cli.quality.packaged import embedding, title_space
from careweave_cli.quality.tables import plain_rows, refuse
from careweave_cli.show.progress import Report


@dataclass(frozen=True, slots=True)
class JudgedTitles:
    """A judged set.

    queries, titles: id → title. relevant: id of a query with a relevant title → ids of these.
    """

    queries: dict[str, str]
    titles: dict[str, str]
    relevant: dict[str, set[str]]

    def asked(self) -> list[str]:
        """Return the queries that count, in order, abbreviations in full."""
        return [in_full(title) for query, title in self.queries.items() if query in self.relevant]

    def offered(self) -> list[str]:
        """Return all titles, in order, abbreviations in full."""
        return [in_full(title) for title in self.titles.values()]

    def rows(self, likeness: Scores) -> Rows:
        """Return the measures of each query that counts. likeness: (queries, titles); equal ones keep their order."""
        ids = list(self.titles)
        found = []
        for query, scores in zip((each for each in self.queries if each in self.relevant), likeness, strict=True):
            relevant = self.relevant[query]
            ranked = np.argsort(-scores, kind="stable")
            found.append(of_ranking([int(ids[place] in relevant) for place in ranked], [1] * len(relevant)))
        return found


def compare_titles(folder: Path, embedder: Embedder, plain: Embedder, report: Report) -> Comparison:
    """Return `map`, `mrr`, `ndcg@10` and `recall@10` of title likeness on a judged set, beside plain methods.

    folder: holds `queries.tsv` and `corpus_documents.tsv` (id, title) and `annotations.tsv` (query, 0, title, 1 where
    relevant), without headers. Queries without a relevant title do not count. plain: all-MiniLM-L6-v2 as it comes.

    Raises:
        InvalidArgument: a file is missing or is not of this form.
    """
    judged = read_titles(folder)
    asked, offered = judged.asked(), judged.offered()
    ours = own_likeness(judged, title_space(embedder, report), embedder, report)
    methods = {
        OURS: ours,
        "model alone": _cosines(embedder, asked, offered, report),
        "all-MiniLM-L6-v2": _cosines(plain, asked, offered, report),
        "character TF-IDF": GramIndex(offered).matrix(asked),
        "BM25": Bm25(offered).matrix(asked),
        "edit distance": np.stack([edit_likeness(title, offered) for title in asked]),
        "random": np.random.default_rng(0).random(ours.shape, np.float32),
    }
    if embedder.model == plain.model:
        del methods["model alone"]
    rows = {name: judged.rows(likeness) for name, likeness in methods.items()}
    return Comparison("job titles", "map", rows, clusters=range(len(asked)))


def own_likeness(
    judged: JudgedTitles, space: OccupationSpace, embedder: Embedder, report: Report, shares: Shares = SHARES
) -> Scores:
    """Return (queries that count, titles): the matcher's likeness."""
    embed = embedding(embedder, report, "Embedding the titles")
    return title_likeness(judged.asked(), judged.offered(), space, embed, shares)


def _cosines(embedder: Embedder, asked: list[str], offered: list[str], report: Report) -> Scores:
    vectors = embedding(embedder, report, "Embedding the titles")([*asked, *offered])
    found: Scores = vectors[: len(asked)] @ vectors[len(asked) :].T
    return found


def read_titles(folder: Path) -> JudgedTitles:
    """Return the judged set in `folder`.

    Raises:
        InvalidArgument: a file is missing or is not of the form that `compare_titles` says.
    """
    queries = dict(_titles(folder / "queries.tsv"))
    titles = dict(_titles(folder / "corpus_documents.tsv"))
    return JudgedTitles(queries, titles, _relevant(folder / "annotations.tsv", queries, titles))


def _titles(path: Path) -> list[tuple[str, str]]:
    found = [(key, title) for _, (key, title) in plain_rows(path, 2)]
    return found or refuse(f"{path} holds no title")


def _relevant(path: Path, queries: dict[str, str], corpus: dict[str, str]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for number, (query, _, title, relevance) in plain_rows(path, 4):
        if query not in queries or title not in corpus:
            refuse(f"{path.name}, row {number}: {query if query not in queries else title} is in no list of titles")
        if not relevance.strip().isdigit():
            refuse(f"{path.name}, row {number}: {relevance!r} is no relevance")
        if int(relevance):
            found.setdefault(query, set()).add(title)
    return found or refuse(f"{path} names no relevant title")
