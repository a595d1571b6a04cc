"""Job titles: for each query title, all titles in order of likeness."""

from pathlib import Path

import numpy as np
from careweave_matching.likeness import SHARES, OccupationSpace, Shares, title_likeness

from careweave.abbreviations import in_full
from careweave.embedding.port import Embedder
from careweave_cli.quality.measures import Figures, means, of_ranking
from careweave_cli.quality.packaged import embedding, occupation_texts, packaged_esco
from careweave_cli.quality.tables import plain_rows, refuse
from careweave_cli.show.progress import Report


def run_titles(folder: Path, embedder: Embedder, report: Report, shares: Shares = SHARES) -> Figures:
    """Return `queries`, `map`, `mrr`, `ndcg@10` and `recall@10` of title likeness on a judged set.

    folder: holds `queries.tsv` and `corpus_documents.tsv` (id, title) and `annotations.tsv` (query, 0, title, 1 where
    relevant), without headers. Queries without a relevant title do not count. Equal titles keep the file's order.

    Raises:
        InvalidArgument: a file is missing or is not of this form.
    """
    queries = dict(_titles(folder / "queries.tsv"))
    corpus = dict(_titles(folder / "corpus_documents.tsv"))
    relevant = _relevant(folder / "annotations.tsv", queries, corpus)
    asked = [query for query in queries if query in relevant]
    space = OccupationSpace(
        occupation_texts(packaged_esco()), embedding(embedder, report, "Embedding ESCO occupations")
    )
    likeness = title_likeness(
        [in_full(queries[query]) for query in asked],
        [in_full(title) for title in corpus.values()],
        space,
        embedding(embedder, report, "Embedding the titles"),
        shares,
    )
    titles = list(corpus)
    rows = []
    for query, scores in zip(asked, likeness, strict=True):
        ranked = np.argsort(-scores, kind="stable")
        rows.append(of_ranking([int(titles[place] in relevant[query]) for place in ranked], [1] * len(relevant[query])))
    return means(rows)


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
