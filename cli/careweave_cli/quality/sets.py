"""The judged sets, each as what compares methods on it."""

from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeAlias

from careweave import datasets
from careweave.embedding.port import Embedder
from careweave_cli.quality.comparison import Comparison
from careweave_cli.quality.extraction import compare_extraction
from careweave_cli.quality.next_occupation import compare_next_occupations
from careweave_cli.quality.titles import compare_titles
from careweave_cli.show.progress import Report

Compare: TypeAlias = Callable[[Embedder, Embedder, Report], Comparison]
"""Takes the embedder, the plain model, and what shows progress."""
SENTENCES: Final = ("care", "vacancies", "general", "adverts", "courses")
"""Packaged sets of sentences with their skills."""


def packaged_sets() -> list[Compare]:
    """Return all packaged sets."""
    sentences = datasets.folder("eval/skill-extraction")
    return [
        of_titles(datasets.folder("eval/job-titles")),
        of_next_occupations(datasets.folder("eval/next-occupation") / "dev.tsv.gz"),
        *(of_extraction(sentences / f"{name}.csv") for name in SENTENCES),
    ]


def of_titles(folder: Path) -> Compare:
    """Return what compares methods on the job titles in `folder`."""
    return lambda embedder, plain, report: compare_titles(folder, embedder, plain, report)


def of_next_occupations(path: Path) -> Compare:
    """Return what compares methods on the pairs in `path`."""
    return lambda embedder, plain, report: compare_next_occupations(path, embedder, plain, report)


def of_extraction(path: Path) -> Compare:
    """Return what compares methods on the sentences in `path`."""
    return lambda embedder, plain, report: compare_extraction(path, embedder, plain, report)
