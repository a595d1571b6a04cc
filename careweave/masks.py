"""Partial updates as AIP-134 has them: which fields of a message an update mask replaces.

Fields that the server owns (OUTPUT_ONLY and IDENTIFIER, AIP-203) are never taken from a caller,
whatever the mask says.
"""

from functools import cache
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar

from google.api import field_behavior_pb2
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message

from careweave.errors import FieldViolation, InvalidArgument

if TYPE_CHECKING:  # stubs name both implementations of protobuf
    from google._upb import _message as upb
    from google.protobuf import descriptor as pure

    _AnyDescriptor: TypeAlias = pure.Descriptor | upb.Descriptor
    _AnyField: TypeAlias = pure.FieldDescriptor | upb.FieldDescriptor

EVERYTHING: Final = "*"

_SERVERS_OWN: Final = {field_behavior_pb2.OUTPUT_ONLY, field_behavior_pb2.IDENTIFIER}
_MOST_PATHS: Final = 200

_M = TypeVar("_M", bound=Message)


def merge(current: _M, given: _M, mask: FieldMask, field: str = "update_mask") -> _M:
    """Return a copy of `current` in which the fields that `mask` names have the values of `given`.

    A named field that `given` leaves unset is cleared. A list is replaced as a whole. A path may lead
    through messages (`preferences.travel_mode`), not through lists. `*` names every field; an empty
    mask every field that `given` sets, in messages within it too, so that nothing is cleared.

    Raises:
        InvalidArgument: a path names no field; the violation's field is `field` with its index.
    """
    merged = type(current)()
    merged.CopyFrom(current)
    if not mask.paths:
        _merge_what_is_set(merged, given)
    elif list(mask.paths) == [EVERYTHING]:
        for descriptor in given.DESCRIPTOR.fields:
            _replace(merged, given, descriptor)
    else:
        _check(mask, given, field)
        for path in mask.paths:
            _replace_at(merged, given, path.split("."))
    return merged


def _check(mask: FieldMask, given: Message, field: str) -> None:
    if len(mask.paths) > _MOST_PATHS:
        raise _unusable(FieldViolation(field, f"must have at most {_MOST_PATHS} paths"))
    for index, path in enumerate(mask.paths):
        problem = _problem(path, given)
        if problem:
            raise _unusable(FieldViolation(f"{field}.paths[{index}]", problem))


def _unusable(violation: FieldViolation) -> InvalidArgument:
    return InvalidArgument(
        f"{violation.field}: {violation.description}.", reason="UPDATE_MASK_INVALID", violations=[violation]
    )


def _problem(path: str, given: Message) -> str:
    if path == EVERYTHING:
        return f"{EVERYTHING} names every field and must stand alone"
    within: _AnyDescriptor | None = given.DESCRIPTOR
    for segment in path.split("."):
        if within is None:
            return f"{path!r} leads into a list or a plain value; name the whole field"
        found = within.fields_by_name.get(segment)
        if found is None:
            return f"{path!r} names no field; {within.name} has {', '.join(sorted(within.fields_by_name))}"
        within = None if found.is_repeated else found.message_type
    return ""


def _replace_at(target: Message, given: Message, segments: list[str]) -> None:
    descriptor = target.DESCRIPTOR.fields_by_name[segments[0]]
    if len(segments) == 1:
        _replace(target, given, descriptor)
    elif not _is_servers_own(descriptor) and (target.HasField(descriptor.name) or given.HasField(descriptor.name)):
        _replace_at(getattr(target, descriptor.name), getattr(given, descriptor.name), segments[1:])


def _replace(target: Message, given: Message, descriptor: "_AnyField") -> None:
    if _is_servers_own(descriptor):
        return
    target.ClearField(descriptor.name)
    if descriptor.is_repeated:
        getattr(target, descriptor.name).MergeFrom(getattr(given, descriptor.name))
    elif descriptor.has_presence and not given.HasField(descriptor.name):
        return
    elif descriptor.message_type is not None:
        getattr(target, descriptor.name).CopyFrom(getattr(given, descriptor.name))
    else:
        setattr(target, descriptor.name, getattr(given, descriptor.name))


def _merge_what_is_set(target: Message, given: Message) -> None:
    for descriptor, value in given.ListFields():
        if descriptor.message_type is None or descriptor.is_repeated:
            _replace(target, given, descriptor)
        elif not _is_servers_own(descriptor):
            getattr(target, descriptor.name).SetInParent()
            _merge_what_is_set(getattr(target, descriptor.name), value)


@cache
def _is_servers_own(descriptor: "_AnyField") -> bool:
    return bool(_SERVERS_OWN & set(descriptor.GetOptions().Extensions[field_behavior_pb2.field_behavior]))
