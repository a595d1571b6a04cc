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
