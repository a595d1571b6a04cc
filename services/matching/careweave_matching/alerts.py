"""Whom an opportunity is worth telling of unasked, and for what reason.

A person is told who wants to be (`Preferences.alerts`) and has consented to it for the organisation that offers, of
what fits: of a kind they look for, no gate failing, and a score of at least `LEAST_SCORE` in their own list. The
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

from careweave_matching import bulk
from careweave_matching.crowd import rank_people
from careweave_matching.eligibility import gates
from careweave_matching.entries import OpportunityEntry, PersonEntry
from careweave_matching.index import Board, Index
from careweave_matching.pair import Match, judge
from careweave_matching.ranking import fits
from careweave_matching.terms import ConsentPurpose, GateResult
from careweave_matching.travel import effective_mode, journey_minutes

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
    board, crowd = index.board(now.date()), index.crowd(now.date())
    asking = [row for row, person in enumerate(crowd.entries) if _asks(person, entry, now)]
    rows, suits = rank_people(
        crowd,
        np.array(asking, np.int64),
        entry,
        reach=board.frame.reach,
        weights=index.weights,
        relatedness=index.taxonomy.relatedness,
        wanted=len(asking),
    )
    # Whom nothing could please enough to reach the score need not be judged.
    shares = np.array([index.weights.preference_share(crowd.entries[row].points) for row in rows.tolist()])
    promising = rows[(1.0 - shares) * suits + shares >= LEAST_SCORE]
    people = [crowd.entries[row] for row in promising.tolist()]
    return await _worth_telling(((person, entry) for person in people if _is_eligible(person, entry, board)), board)


async def alerts_for(index: Index, person: PersonEntry, now: datetime) -> list[Alert]:
    """Return what is worth telling `person` of among the best of their list, the best first."""
    board = index.board(now.date())
    kinds = person.person.wishes.kinds
    wish = bulk.Wish(MOST_AT_ONCE, sum(1 << kind for kind in kinds) if kinds else bulk.ALL_KINDS)
    screened = board.screener.screen(person, index.place(person))
    best = bulk.best_rows(person, board.table, screened, board.frame.reach, wish).best
    entries = [board.table.entries[row] for row in best.rows.tolist()]
    return await _worth_telling(((person, entry) for entry in entries if _asks(person, entry, now)), board)


def _asks(person: PersonEntry, entry: OpportunityEntry, now: datetime) -> bool:
    """Say whether the person wants to be told of such an opportunity and has consented to it."""
    wishes, opportunity = person.person.wishes, entry.opportunity
    if not wishes.alerts or (wishes.kinds and opportunity.kind not in wishes.kinds):
        return False
    return person.person.consent_for(opportunity.organisation, ConsentPurpose.ALERTS, now) is not None


def _is_eligible(person: PersonEntry, entry: OpportunityEntry, board: Board) -> bool:
    miles = board.frame.geography.miles(person.person.place, entry.opportunity.place)
    minutes = journey_minutes(miles, effective_mode(person.person.wishes.travel_mode)) if miles >= 0 else -1
    found = gates(person.person, entry.opportunity, minutes, board.frame.as_of)
    return all(gate.result != GateResult.FAIL for gate in found)


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
