"""Where the packaged data lies: in a checkout and in an installed package alike."""

from pathlib import Path

from careweave.errors import NotFound

_PACKAGE = Path(__file__).parent
_CANDIDATES = (_PACKAGE / "data", _PACKAGE.parent / "data")
"""As `pyproject.toml` packs it into a wheel; as it lies in a checkout."""


def folder(name: str) -> Path:
    """Return the folder of packaged data called `name`, for example `uk-care` or `eval/job-titles`.

    Raises:
        NotFound: no such folder is packaged.
    """
    for candidate in _CANDIDATES:
        if (found := candidate / name).is_dir():
            return found
    raise NotFound(
        f"There is no packaged dataset {name!r}; data/README.md lists those there are.",
        reason="DATASET_NOT_FOUND",
        metadata={"dataset": name},
    )
