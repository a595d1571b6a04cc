"""From what a source calls a skill to skills of the taxonomy: by look-up, or by the skills service."""

import asyncio
import re
from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta
from typing import Final, NamedTuple, Protocol

from careweave.errors import InvalidArgument
from careweave.graph.port import Reads
from careweave.v1.hr_pb2 import FeedSkill, ProfileUpdate
from careweave_profiles import store

REMEMBERED: Final = timedelta(minutes=10)
"""How long an answer is used again; a taxonomy that is loaded meanwhile is seen after that."""
MOST_REMEMBERED: Final = 200_000
AT_ONCE: Final = 16
"""Questions to the skills service that are under way together."""
_CODE: Final = re.compile(
    r"(?:https?://data\.europa\.eu/esco/skill/)?([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})",
    re.IGNORECASE,
)


class Wording(NamedTuple):
    """What a source calls a skill.

    kind: field of FeedSkill: skill, code, label or text.
    """

    kind: str
    words: str


class Known(NamedTuple):
    """A skill of the taxonomy: resource name and preferred label."""

    skill: str
    label: str


class SkillWords(Protocol):
    """The skills service, as far as words go."""

    async def labelled(self, label: str) -> list[Known]:
        """Return the skill that has `label`, none if none has it or more than one may be meant.

        Raises:
            Unavailable: the service does not answer.
        """
        ...

    async def spoken_of(self, text: str) -> list[Known]:
        """Return the skills that `text` speaks of, the surest first.

        Raises:
            Unavailable: the service does not answer.
        """
        ...


Resolved = Mapping[Wording, tuple[Known, ...]]
"""What each wording means; an empty tuple is unresolved."""


def wording_of(skill: FeedSkill) -> Wording:
    """Return what `skill` is called."""
    kind = skill.WhichOneof("wording") or "skill"
    return Wording(kind, getattr(skill, kind))


def wordings_of(update: ProfileUpdate) -> list[Wording]:
    """Return what each skill of `update` is called, in order."""
    return [wording_of(skill) for skill in update.skills.skills]


class Resolver:
    """Resolves wordings, and remembers what they came to."""

    def __init__(self, reads: Reads, words: SkillWords, clock: Callable[[], datetime]) -> None:
        """Look names up by `reads`, and ask `words` for the meaning of words."""
        self._reads = reads
        self._words = words
        self._clock = clock
        self._known: dict[Wording, tuple[Known, ...]] = {}
        self._until: datetime | None = None
        self._asking = asyncio.Semaphore(AT_ONCE)

    async def resolve(self, wordings: Collection[Wording]) -> Resolved:
        """Return what each of `wordings` means.

        Raises:
            Unavailable: the graph or the skills service does not answer.
        """
        self._forget_what_is_old()
        new = [each for each in wordings if each not in self._known]
        if new:
            self._known |= await self._looked_up([each for each in new if each.kind in ("skill", "code")])
            asked = [each for each in new if each.kind in ("label", "text")]
            self._known |= zip(asked, await asyncio.gather(*map(self._ask, asked)), strict=True)
        return {each: self._known[each] for each in wordings}

    async def _looked_up(self, wordings: Collection[Wording]) -> dict[Wording, tuple[Known, ...]]:
        names = {each: _name_of(each) for each in wordings}
        labels = await store.skill_labels(self._reads, sorted({name for name in names.values() if name}))
        return {each: (Known(name, labels[name]),) if name in labels else () for each, name in names.items()}

    async def _ask(self, wording: Wording) -> tuple[Known, ...]:
        ask = self._words.labelled if wording.kind == "label" else self._words.spoken_of
        async with self._asking:
            try:
                return tuple(await ask(wording.words))
            except InvalidArgument:  # nothing but white space, for one
                return ()

    def _forget_what_is_old(self) -> None:
        now = self._clock()
        if self._until is None or now >= self._until or len(self._known) > MOST_REMEMBERED:
            self._known.clear()
            self._until = now + REMEMBERED


def _name_of(wording: Wording) -> str:
    if wording.kind == "skill":
        return wording.words
    code = _CODE.fullmatch(wording.words.strip())
    return f"skills/esco-{code[1].lower()}" if code else ""
