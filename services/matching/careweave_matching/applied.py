"""Who has applied for what, and how far that has come: marks on a person's own list, which change no score.

It is learnt from the graph when an index is built and from events afterwards, so that no list asks a store.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple

from careweave_matching import wire
from careweave_matching.terms import Stage

STAGE_FIELD: Final = 16
"""Number of `Match.application_stage`."""
_MATCHES: Final = 1
"""Number of `FindOpportunitiesResponse.matches`."""
_NOTHING: Final[Mapping[str, Stage]] = MappingProxyType({})


class Progress(NamedTuple):
    """An application. steps: how many stages it has been through, the present one included."""

    person: str
    opportunity: str
    stage: Stage
    steps: int


class Applied:
    """The stage of each application, by person and opportunity."""

    def __init__(self) -> None:
        """Begin without any."""
        self._stages: dict[str, dict[str, Stage]] = {}
        self._steps: dict[tuple[str, str], int] = {}

    def take(self, progress: Progress) -> None:
        """Take in what is newer than what is held, whatever the order in which it comes."""
        pair = progress.person, progress.opportunity
        if progress.steps > self._steps.get(pair, 0):
            self._steps[pair] = progress.steps
            self._stages.setdefault(progress.person, {})[progress.opportunity] = progress.stage

    def forget(self, person: str) -> None:
        """Drop everything about somebody who was erased."""
        for opportunity in self._stages.pop(person, {}):
            del self._steps[person, opportunity]

    def of(self, person: str) -> Mapping[str, Stage]:
        """Return the stage of each of the person's applications, by opportunity; of those declined, too."""
        return self._stages.get(person, _NOTHING)


def marked(page: bytes, stages: Sequence[int]) -> bytes:
    """Return `page`, elements of `FindOpportunitiesResponse.matches`, each with its stage; 0 leaves one as it is.

    The bytes are those that the protobuf runtime makes: the field is the last of a match.
    """
    if not any(stages):
        return page
    bodies = zip(wire.elements(page), stages, strict=True)
    return b"".join(wire.message(_MATCHES, body + wire.integer(STAGE_FIELD, stage)) for body, stage in bodies)
