"""`careweave bench quality`."""

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final

import click

from careweave.embedding.port import Embedder
from careweave_cli.quality.comparison import Comparison
from careweave_cli.session import Session, pass_session
from careweave_cli.show.console import OUT
from careweave_cli.show.progress import Report, reporting

_Compare = Callable[[Embedder, Embedder, Report], Comparison]


@click.group(invoke_without_command=True)
@click.option("--json", "json_wanted", is_flag=True, help="Print one JSON object instead of tables.")
@pass_session
@click.pass_context
def quality(context: click.Context, session: Session, *, json_wanted: bool) -> None:
    r"""Measure title likeness, next occupations and skill extraction by the matcher's own functions.

    Without a subcommand it measures all packaged sets. Every method stands beside plain ones that are run on the spot
    (random, BM25, character TF-IDF, edit distance, IDF cosine over skills, plain MiniLM and sums of these), each with
    its 95 % bootstrap interval and that of how far Careweave lies above it, paired by query. Slices stand apart: health
    and care, and the halves of a set that weights were fitted on and not.

    The first run embeds what it compares, which takes some minutes; later runs find it on disk.

    \b
    Examples:
      careweave bench quality
      careweave bench quality --json > quality.json
      careweave bench quality titles data/eval/job-titles
      careweave bench quality next-occupation data/eval/next-occupation/dev.tsv.gz
      careweave bench quality extraction data/eval/skill-extraction/care.csv --json
    """
    if context.invoked_subcommand is None:
        from careweave_cli.quality.sets import packaged_sets

        _measure(session, packaged_sets(), json_wanted=json_wanted, several=True)


_as_json: Final = click.option("--json", "json_wanted", is_flag=True, help="Print one JSON object instead of tables.")


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
    from careweave_cli.quality.sets import of_titles

    _measure(session, [of_titles(folder)], json_wanted=json_wanted)


@quality.command("next-occupation")
@click.argument("file", type=click.Path(path_type=Path))
@_as_json
@pass_session
def next_occupation(session: Session, *, file: Path, json_wanted: bool) -> None:
    r"""Rank occupations by likeness for each query of FILE (TSV, plain or gzipped).

    Queries that share an O*NET code are drawn together for the intervals, since they say the same thing.

    \b
    Example:
      careweave bench quality next-occupation data/eval/next-occupation/dev.tsv.gz
    """
    from careweave_cli.quality.sets import of_next_occupations

    _measure(session, [of_next_occupations(file)], json_wanted=json_wanted)


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
    from careweave_cli.quality.sets import of_extraction

    _measure(session, [of_extraction(file)], json_wanted=json_wanted)


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
    from careweave_cli.quality.packaged import Remembering

    with reporting() as report:
        embedder = Remembering(open_embedder(session.settings))
        figures = {
            "next-occupation, ndcg@10": occupation_ablation(embedder, report),
            "titles": title_ablation(embedder, report),
            **extraction_ablation(embedder, report),
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


def _measure(session: Session, sets: Iterable[_Compare], *, json_wanted: bool, several: bool = False) -> None:
    from careweave.wiring import open_embedder
    from careweave_cli.quality.comparison import as_json
    from careweave_cli.quality.packaged import Remembering, open_plain_embedder
    from careweave_cli.quality.show import comparison_tables

    with reporting() as report:
        embedder = Remembering(open_embedder(session.settings))
        plain = Remembering(open_plain_embedder(session.settings))
        plain = embedder if plain.model == embedder.model else plain
        compared = [compare(embedder, plain, report) for compare in sets]
    if json_wanted:
        objects = {each.name: as_json(each) for each in compared}
        click.echo(json.dumps(objects if several else next(iter(objects.values()))))
        return
    for each in compared:
        for table in comparison_tables(each):
            OUT.print(table)


def _show_variants(figures: Mapping[str, Mapping[str, Mapping[str, float]]], *, json_wanted: bool) -> None:
    from careweave_cli.quality.show import variants_table

    if json_wanted:
        click.echo(json.dumps(figures))
        return
    for what, variants in figures.items():
        OUT.print(variants_table(what, variants))
