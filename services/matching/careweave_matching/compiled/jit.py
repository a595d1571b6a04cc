"""How the functions of this package are compiled."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

_F = TypeVar("_F", bound=Callable[..., Any])


def compiled(function: _F) -> _F:
    """Return `function` compiled at its first call.

    Floating point stays strict: sums keep the order in which they are written, so results do not depend on the
    processor. Indices are not checked against bounds.
    """
    return cast("_F", njit(cache=True, error_model="numpy")(function))


def inlined(function: _F) -> _F:
    """Return `function`, compiled in the same way into each function that calls it.

    Groups of arrays then stay where they are: handed over, each would be taken apart and counted at every call.
    """
    return cast("_F", njit(cache=True, error_model="numpy", forceinline=True)(function))
