"""`careweave bench`."""

import click

from careweave_cli.quality.command import quality


@click.group
def bench() -> None:
    r"""Measure matching quality on judged sets, in process, without a server or a prior load.

    \b
    Example:
      careweave bench quality titles data/eval/job-titles
    """


bench.add_command(quality)
