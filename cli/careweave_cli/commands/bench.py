"""`careweave bench`."""

import click

from careweave_cli.quality.command import quality
from careweave_cli.sample.vignettes.command import vignettes


@click.group
def bench() -> None:
    r"""Measure matching quality: on judged sets, in process, or on career vignettes in the sample place.

    \b
    Examples:
      careweave bench quality titles data/eval/job-titles
      careweave bench vignettes tests/vignettes
    """


bench.add_command(quality)
bench.add_command(vignettes)
