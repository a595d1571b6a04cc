"""Whom an opportunity is worth telling of unasked, and for what reason.

A person is told who wants to be (`Preferences.alerts`) and has consented to it for the organisation that offers, of
what fits: of a kind they look for, not put aside, not applied for, no gate failing, and a score of at least
`LEAST_SCORE` in their own list. The
reason is how they stand to each skill that the opportunity turns on, and which gates do not pass; words and score may
change without it.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final

import numpy as np

from careweave_matching.bulk import Wish, kind_bits
from careweave_matching.crowd import Crowd, rank_people
from careweave_matching.entries import OpportunityEntry, PersonEntry
from careweave_matching.index import Board, Index
from careweave_matching.pair import Match, judge
from careweave_matching.ranking import fits, hidden_rows, listed
from careweave_matching.terms import ConsentPurpose, GateResult

LEAST_SCORE: Final = 0.5
"""Score from which an opportunity is told of unasked; a watch, which somebody sets, tells of more."""
MOST_AT_ONCE: Final = 5
"""After a change of their profile, a person is told of what is new among so many of the best of their list."""


@dataclass(frozen=True, slots=True)
class Alert:
    """What a person may be told of. reason: digest of why."""

    match: Match
    reason: str


async def alerts_about(index: Index, entry: OpportunityEntry, now: datetime) -> list[Alert]:
    """Return everyone whom `entry` is worth telling of, in order of suitability."""
    if not entry.opportunity.is_offered(now.date()):
        return []
    board = index.board(now.date())
    promising = [each for crowd in index.crowds(now.date()) for each in _promising(index, crowd, entry, now)]
    people = [person for person, _ in sorted(promising, key=lambda each: (-each[1], each[0].person.name))]
    return await _worth_telling(((person, entry) for person in people), board)


def _promising(index: Index, crowd: Crowd, entry: OpportunityEntry, now: datetime) -> list[tuple[PersonEntry, float]]:
    """Return who asks to be told, is eligible, and may score high enough, with their suitability."""
    consenting = crowd.here & crowd.opened(entry.opportunity.organisation, ConsentPurpose.ALERTS, now)
    able = np.flatnonzero(consenting & crowd.eligible(entry, index.surroundings.geography)).tolist()
    asking = np.array([row for row in able if _asks(index, crowd.entries[row], entry, now)], np.int64)
    rows, suits = rank_people(
        crowd,
        asking,
        entry,
        reach=index.reach,
        weights=index.weights,
        relatedness=index.taxonomy.relatedness,
        wanted=len(asking),
    )
    # Whom nothing could please enough to reach the score need not be judged.
    shares = np.array([index.weights.preference_share(crowd.entries[row].points) for row in rows.tolist()])
    enough = (1.0 - shares) * suits + shares >= LEAST_SCORE
    return [(crowd.entries[row], suit) for row, suit in zip(rows[enough].tolist(), suits[enough].tolist(), strict=True)]


async def alerts_for(index: Index, person: PersonEntry, now: datetime) -> list[Alert]:
    """Return what is worth telling `person` of among the best of their list, the best first."""
    board = index.board(now.date())
    wish = Wish(MOST_AT_ONCE, kind_bits(person.person.wishes.kinds))
    screened = board.screener.screen(person, index.place(person))
    left_out = person.person.wishes.dismissed | index.applied.of(person.person.name).keys()
    best = listed(person, board, screened, wish, hidden_rows(person, board, wish, left_out)).best
    entries = [board.entries[row] for row in best.rows.tolist()]
    return await _worth_telling(((person, entry) for entry in entries if _asks(index, person, entry, now)), board)


def _asks(index: Index, person: PersonEntry, entry: OpportunityEntry, now: datetime) -> bool:
    """Say whether the person wants to be told of such an opportunity, has consented to it, and does not know of it.

    Who has applied for it knows of it, whatever became of that.
    """
    wishes, opportunity = person.person.wishes, entry.opportunity
    if not wishes.alerts or (wishes.kinds and opportunity.kind not in wishes.kinds):
        return False
    if opportunity.name in index.applied.of(person.person.name):
        return False
    return person.person.consent_for(opportunity.organisation, ConsentPurpose.ALERTS, now) is not None


async def _worth_telling(pairs: Iterable[tuple[PersonEntry, OpportunityEntry]], board: Board) -> list[Alert]:
    """Return what is worth telling, giving way to whoever waits after each: there may be hundreds."""
    found: list[Alert] = []
    for person, entry in pairs:
        match = judge(person, entry, board.frame, own=True)
        if fits(person, match, LEAST_SCORE):
            found.append(Alert(match, reason_of(match)))
        await asyncio.sleep(0)
    return found


def reason_of(match: Match) -> str:
    """Return the digest of why `match` is worth telling of; equal wherever the same versions are judged."""
    turning_on = [each for each in match.skills if each.essential] or match.skills
    skills = sorted(f"{each.skill} {int(each.fit)}" for each in turning_on)
    open_gates = [f"{int(gate.kind)} {int(gate.result)}" for gate in match.gates if gate.result != GateResult.PASS]
    return sha256("\n".join((*skills, "", *open_gates)).encode()).hexdigest()[:32]
