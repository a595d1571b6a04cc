"""Arrays lent to compiled code, which then spends nothing on counting who holds them.

Compiled code counts the holders of an array, or of a kept group, whenever it reads one or takes a slice. The counters
are atomic, and took half the time of a ranking. What is lent has no counter: whoever lends must hold the array for as
long as it may be used.
"""

from typing import Any

from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

GROUP = "group"
"""Attribute of the type of a kept group: the named tuple whose fields it has."""


def _form(kind: Any) -> Any:
    """Return the type of what is lent: a kept group is lent as the named tuple of its fields."""
    if isinstance(kind, types.StructRef):
        return types.NamedTuple([field for _, field in kind._fields], getattr(kind, GROUP))
    return kind


def _lent(context: Any, builder: Any, kind: Any, value: Any) -> Any:
    if isinstance(kind, types.Array):
        array = context.make_array(kind)(context, builder, value)
        array.meminfo = cgutils.get_null_value(array.meminfo.type)
        array.parent = cgutils.get_null_value(array.parent.type)
        return array._getvalue()  # noqa: SLF001  numba's own way to the whole of a structure
    if isinstance(kind, types.BaseTuple):
        parts = [builder.extract_value(value, at) for at in range(len(kind))]
        return _together(context, builder, kind, parts)
    if isinstance(kind, types.StructRef):
        data = kind.get_data_type()
        start = context.nrt.meminfo_data(builder, cgutils.create_struct_proxy(kind)(context, builder, value).meminfo)
        start = builder.bitcast(start, context.get_value_type(data).as_pointer())
        fields = cgutils.create_struct_proxy(data)(context, builder, ref=start)
        form = _form(kind)
        return _together(context, builder, form, [getattr(fields, name) for name in form.fields])
    return value


def _together(context: Any, builder: Any, kind: Any, parts: list[Any]) -> Any:
    lent = [_lent(context, builder, each, part) for each, part in zip(kind, parts, strict=True)]
    return context.make_tuple(builder, kind, lent)


@intrinsic
def lent(_: Any, given: Any) -> Any:
    """Return an array, a number, a tuple of these or a kept group, with its arrays lent."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _lent(context, builder, signature.args[0], arguments[0])

    return _form(given)(given), generate
