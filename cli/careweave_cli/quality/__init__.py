"""Matching quality on judged sets, by the functions that the services themselves call."""

from careweave_cli.quality.extraction import run_extraction
from careweave_cli.quality.next_occupation import run_next_occupation
from careweave_cli.quality.titles import run_titles

__all__ = ["run_extraction", "run_next_occupation", "run_titles"]
