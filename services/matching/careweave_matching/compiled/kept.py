"""Groups of arrays in the form in which compiled code takes them at little cost.

A named tuple is taken apart at every call, at microseconds a field. A kept group lies in memory as compiled code reads
it and is handed over as one reference, its arrays lent. Within compiled code both are used alike.
"""

import sys
from collections.abc import Callable
from hashlib import sha256
from typing import Any, TypeVar, cast

from numba import types
from numba.experimental import structref

from careweave_matching.compiled.jit import compiled
from careweave_matching.compiled.lending import GROUP, lent

_T = TypeVar("_T", bound=tuple[Any, ...])
_MAKERS: dict[type[Any], Callable[[Any], Any]] = {}


class _Group(types.StructRef):
    """The type of a kept group, as numba sees it."""

    def preprocess_fields(self, fields: Any) -> Any:
        """Take a number as of its type, not as the one value that it was built with."""
        return tuple((name, types.unliteral(kind)) for name, kind in fields)


def keepable(group: type[_T]) -> type[_T]:
    """Let instances of the named tuple `group` be kept; a decorator."""
    fields = cast("Any", group)._fields
    name = f"_Kept{group.__name__}"
    kind = type(f"{name}Type", (_Group,), {"__module__": group.__module__, GROUP: group})
    proxy = type(name, (structref.StructRefProxy,), {"__module__": group.__module__})
    module = sys.modules[group.__module__]
    # Where numba finds both again when it reads compiled code from disk.
    setattr(module, kind.__name__, structref.register(kind))
    setattr(module, name, proxy)
    structref.define_proxy(proxy, kind, list(fields))

    def make(given: Any) -> Any:
        return proxy(*lent(given))

    # Compiled code on disk is found by this name and the types of the fields: without their names in it, what was
    # compiled before one was renamed would be taken.
    make.__qualname__ = f"{name}_{sha256(' '.join(fields).encode()).hexdigest()[:12]}"
    _MAKERS[group] = compiled(make)
    return group


def keep(group: _T) -> _T:
    """Return `group`, of a `keepable` class, in the form for compiled code; other code must not look into it."""
    kept = _MAKERS[type(group)](group)
    kept.lender = group  # which must hold the arrays for as long as they are lent
    return cast("_T", kept)
