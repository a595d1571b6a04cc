"""Words for enum values, dates and numbers."""

from datetime import date
from typing import Protocol

from google.protobuf.descriptor import EnumDescriptor

from careweave.v1.common_pb2 import Date


class Enum(Protocol):
    """An enum of the generated code."""

    @property
    def DESCRIPTOR(self) -> EnumDescriptor:  # noqa: N802  protobuf's name
        """What the proto declares."""
        ...


def word(enum: Enum, value: int) -> str:
    """Return the value of an enum as people say it: OPPORTUNITY_KIND_JOB is "job"; empty for unspecified."""
    if not value:
        return ""
    names = enum.DESCRIPTOR.values_by_number
    if value not in names:
        return str(value)
    prefix = names[0].name.removesuffix("UNSPECIFIED")
    return str(names[value].name).removeprefix(prefix).replace("_", " ").lower()


def day(given: Date) -> str:
    """Return a date as "3 March 2027"; empty if it is not set."""
    if not given.year:
        return ""
    there = date(given.year, given.month, given.day)
    return f"{there.day} {there:%B %Y}"


def per_cent(share: float) -> str:
    """Return a share of 0 to 1 as whole per cent."""
    return f"{share * 100:.0f} %"


def plural(count: int, noun: str) -> str:
    """Return "1 gap", "2 gaps", "13,896 skills"."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
