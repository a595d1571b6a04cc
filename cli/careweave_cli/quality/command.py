"""`careweave bench quality`."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import click
from rich.table import Table

from careweave.embedding.port import Embedder
from careweave_cli.session import Session, pass_session
from careweave_cli.show.console import OUT
from careweave_cli.show.progress import Report, reporting

_MEASURES: Final = ("map", "mrr", "ndcg@10", "recall@10", "rp@5")
_Figures = Mapping[str, object]

REFERENCES: Final[Mapping[str, Mapping[str, _Figures]]] = {
    "titles": {
        "edit distance": {"map": 0.23},
        "BM25": {"map": 0.28},
        "character TF-IDF": {"map": 0.34},
        "all-MiniLM-L6-v2": {"map": 0.496},
    },
    "next-occupation": {
        "IDF cosine over essential skills": {"ndcg@10": 0.326},
        "all-MiniLM-L6-v2, descriptions": {"ndcg@10": 0.301},
        "IDF-weighted mean of skill vectors": {"ndcg@10": 0.355},
        "plain sum of five signals": {"ndcg@10": 0.391},
        "plain sum of five signals, care slice": {"ndcg@10": 0.464},
    },
    "extraction": {"all-MiniLM-L6-v2, whole sentences (another set)": {"rp@5": 0.37}},
}
"""Figures of obvious methods, measured on the packaged sets; see docs/quality.md."""


@click.group
def quality() -> None:
    r"""Measure title likeness, next occupations and skill extraction by the matcher's own functions.

    The first run embeds what it compares, which takes some minutes; later runs find it on disk.

    \b
    Examples:
      careweave bench quality titles data/eval/job-titles
      careweave bench quality next-occupation data/eval/next-occupation/dev.tsv.gz
      careweave bench quality extraction data/eval/skill-extraction/care.csv --json
    """


_as_json: Final = click.option("--json", "json_wanted", is_flag=True, help="Print one JSON object instead of a table.")


@quality.command
@click.argument("folder", type=click.Path(path_type=Path))
@_as_json
@pass_session
def titles(session: Session, *, folder: Path, json_wanted: bool) -> None:
    r"""Rank titles by likeness for each query of FOLDER: queries.tsv, corpus_documents.tsv, annotations.tsv.

    \b
    Example:
      careweave bench quality titles data/eval/job-titles
    """
    from careweave_cli.quality.titles import run_titles

    _measure(session, "titles", lambda embedder, report: run_titles(folder, embedder, report), json_wanted=json_wanted)


@quality.command("next-occupation")
@click.argument("file", type=click.Path(path_type=Path))
@_as_json
@pass_session
def next_occupation(session: Session, *, file: Path, json_wanted: bool) -> None:
    r"""Rank occupations by likeness for each query of FILE (TSV, plain or gzipped).

    \b
    Example:
      careweave bench quality next-occupation data/eval/next-occupation/dev.tsv.gz
    """
    from careweave_cli.quality.next_occupation import run_next_occupation

    _measure(
        session,
        "next-occupation",
        lambda embedder, report: run_next_occupation(file, embedder, report),
        json_wanted=json_wanted,
    )


@quality.command
@click.argument("file", type=click.Path(path_type=Path))
@_as_json
@pass_session
def extraction(session: Session, *, file: Path, json_wanted: bool) -> None:
    r"""Extract skills from each sentence of FILE (CSV: sentence,label; one row for each ESCO skill).

    \b
    Example:
      careweave bench quality extraction data/eval/skill-extraction/care.csv
    """
    from careweave_cli.quality.extraction import run_extraction

    _measure(
        session, "extraction", lambda embedder, report: run_extraction(file, embedder, report), json_wanted=json_wanted
    )


@quality.command
@_as_json
@pass_session
def ablation(session: Session, *, json_wanted: bool) -> None:
    r"""Measure the packaged sets again without each ingredient of likeness and extraction in turn.

    \b
    Example:
      careweave bench quality ablation
    """
    from careweave.wiring import open_embedder
    from careweave_cli.quality.ablation import extraction_ablation, occupation_ablation, title_ablation

    with reporting() as report:
        embedder = open_embedder(session.settings)
        figures = {
            "next-occupation, ndcg@10": occupation_ablation(embedder, report),
            "titles": title_ablation(embedder, report),
            "extraction": extraction_ablation(embedder, report),
        }
    _show_variants(figures, json_wanted=json_wanted)


@quality.command("held-out")
@_as_json
@pass_session
def held_out(session: Session, *, json_wanted: bool) -> None:
    r"""Measure search and extraction on ESCO labels that are held out of the index.

    \b
    Example:
      careweave bench quality held-out
    """
    from careweave.wiring import open_embedder
    from careweave_cli.quality.held_out import run_held_out

    with reporting() as report:
        figures = run_held_out(open_embedder(session.settings), report)
    _show_variants(figures, json_wanted=json_wanted)


def _show_variants(figures: Mapping[str, Mapping[str, Mapping[str, float]]], *, json_wanted: bool) -> None:
    if json_wanted:
        click.echo(json.dumps(figures))
        return
    for what, variants in figures.items():
        OUT.print(_variants_table(what, variants))


def _variants_table(what: str, variants: Mapping[str, Mapping[str, float]]) -> Table:
    columns = [column for column in next(iter(variants.values())) if column != "queries"]
    table = Table("", *columns, title=f"Quality: {what}", title_justify="left")
    for column in table.columns[1:]:
        column.justify = "right"
    for name, row in variants.items():
        table.add_row(name, *(f"{row[column]:.3f}" for column in columns))
    return table


def _measure(session: Session, what: str, run: Callable[[Embedder, Report], _Figures], *, json_wanted: bool) -> None:
    from careweave.wiring import open_embedder

    with reporting() as report:
        figures = run(open_embedder(session.settings), report)
    if json_wanted:
        click.echo(json.dumps(figures))
    else:
        OUT.print(_table(what, figures))


def _table(what: str, figures: _Figures) -> Table:
    shown = [measure for measure in _MEASURES if measure in figures]
    table = Table("", "queries", *shown, title=f"Quality: {what}", title_justify="left")
    for column in table.columns[1:]:
        column.justify = "right"
    slices = figures.get("slices", {})
    assert isinstance(slices, Mapping)  # noqa: S101 (run_next_occupation says so)
    for name, row in {"Careweave": figures, **{f"Careweave, {name}": each for name, each in slices.items()}}.items():
        table.add_row(name, str(row["queries"]), *(_rounded(row, measure) for measure in shown))
    table.add_section()
    for name, row in REFERENCES[what].items():
        table.add_row(name, "", *(_rounded(row, measure) for measure in shown), style="dim")
    return table


def _rounded(row: _Figures, measure: str) -> str:
    value = row.get(measure)
    return f"{value:.3f}" if isinstance(value, float) else ""
