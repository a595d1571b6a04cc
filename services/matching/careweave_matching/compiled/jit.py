"""How the functions of this package are compiled, and when what was compiled before is still right."""

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, TypeVar

from numba import njit

_F = TypeVar("_F", bound=Callable[..., Any])
_HERE: Final = Path(__file__).parent
SOURCES: Final = (
    *sorted(_HERE.glob("*.py")),
    *(_HERE.parent / f"{name}.py" for name in ("credentials", "reasons", "scoring", "terms")),
)
"""All that compiled code is made of: functions are inlined across files, and constants of the definition are in it."""
_DIGEST: Final = sha256(b"\0".join(source.read_bytes() for source in SOURCES)).hexdigest()


def compiled(function: _F) -> _F:
    """Return `function` compiled at its first call.

    Floating point stays strict: sums keep the order in which they are written, so results do not depend on the
    processor. Indices are not checked against bounds.
    """
    return _kept_while_right(njit(cache=True, error_model="numpy")(function))


def unlocked(function: _F) -> _F:
    """Return `function` compiled in the same way, to run beside other threads: it holds no lock of the interpreter."""
    return _kept_while_right(njit(cache=True, error_model="numpy", nogil=True)(function))


def inlined(function: _F) -> _F:
    """Return `function`, compiled in the same way into each function that calls it.

    Groups of arrays then stay where they are: handed over, each would be taken apart and counted at every call.
    """
    return _kept_while_right(njit(cache=True, error_model="numpy", forceinline=True)(function))


def _kept_while_right(dispatcher: Any) -> Any:
    """Let what lies on disk be taken only while none of `SOURCES` has changed.

    numba itself looks at the time and size of the one file that a function stands in.
    """
    file = getattr(getattr(dispatcher, "_cache", None), "_cache_file", None)
    if file is not None:
        file._source_stamp = (file._source_stamp, _DIGEST)  # noqa: SLF001  no other way in
    return dispatcher
