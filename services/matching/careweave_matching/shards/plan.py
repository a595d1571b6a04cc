"""Which process serves which regions: one text, the same for every process of an installation.

    north=north-west-england+north-east-england+scotland@matching-north:50051, rest=*@matching-rest:50051

A shard has a name, what it serves, and an address. It serves regions, postcode areas (in capitals; an area goes before
the region that it lies in), and one of all shards serves `*`: whatever no other does, and people and opportunities
whose place is not known.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from careweave.errors import InvalidArgument
from careweave_matching.shards.districts import District, areas, regions

REST: Final = "*"
_SHARD: Final = re.compile(r"([a-z][a-z0-9-]{0,30})=([^@\s]+)@([^@\s]+:\d{1,5})")


@dataclass(frozen=True, slots=True)
class Shard:
    """One part of an installation. serves: regions, postcode areas, `REST`."""

    name: str
    serves: tuple[str, ...]
    address: str


@dataclass(frozen=True, slots=True)
class Plan:
    """All shards, in the order in which they were named."""

    shards: Sequence[Shard]

    def number(self, name: str) -> int:
        """Return the number of the shard called `name`.

        Raises:
            InvalidArgument: there is none.
        """
        for number, shard in enumerate(self.shards):
            if shard.name == name:
                return number
        named = ", ".join(shard.name for shard in self.shards)
        raise _wrong(f"CAREWEAVE_SHARD={name} is none of the shards in CAREWEAVE_SHARDS: {named}.")

    def serving(self, district: District | None) -> int:
        """Return the number of the shard that serves `district`; None stands for a place that is not known."""
        for part in (district.area, district.region) if district else ():
            for number, shard in enumerate(self.shards):
                if part in shard.serves:
                    return number
        return next(number for number, shard in enumerate(self.shards) if REST in shard.serves)


def read_plan(text: str) -> Plan:
    """Return the plan that `CAREWEAVE_SHARDS` states.

    Raises:
        InvalidArgument: it cannot be read, names what there is not, or leaves open who serves what.
    """
    shards = [_shard(part.strip()) for part in text.split(",") if part.strip()]
    if len({shard.name for shard in shards}) < len(shards):
        raise _wrong("CAREWEAVE_SHARDS names a shard twice; give each a name of its own.")
    counted = Counter(part for shard in shards for part in shard.serves)
    unknown = sorted(counted.keys() - regions() - areas() - {REST})
    if unknown:
        known = ", ".join(sorted(regions()))
        raise _wrong(f"CAREWEAVE_SHARDS: {unknown[0]} is no postcode area and none of the regions {known}.")
    twice = sorted(part for part, count in counted.items() if count > 1)
    if twice:
        raise _wrong(f"CAREWEAVE_SHARDS: {twice[0]} is served twice; let one shard serve it.")
    if not counted[REST]:
        raise _wrong(f"CAREWEAVE_SHARDS: let one shard serve {REST}, which is whatever no other does.")
    return Plan(tuple(shards))


def _shard(text: str) -> Shard:
    found = _SHARD.fullmatch(text)
    if found is None:
        raise _wrong(f"CAREWEAVE_SHARDS: {text!r} should be NAME=REGION+REGION@HOST:PORT.")
    return Shard(found[1], tuple(part for part in found[2].split("+") if part), found[3])


def _wrong(message: str) -> InvalidArgument:
    return InvalidArgument(message, reason="SETTING_INVALID")
