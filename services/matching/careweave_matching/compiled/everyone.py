"""The best opportunities for many people at once; the same code, and so the same numbers, as `ranking.rank`."""

from typing import NamedTuple

import numpy as np

from careweave_matching.compiled.credits import Askings, Grants
from careweave_matching.compiled.jit import unlocked
from careweave_matching.compiled.kept import keepable
from careweave_matching.compiled.lending import lent
from careweave_matching.compiled.page import SCORE, SUITABILITY
from careweave_matching.compiled.ranking import Flags, Integers, Numbers, Seeker, Stalls, Vectors, Weighing, best_for


@keepable
class Seekers(NamedTuple):
    """People as arrays, one element or row for each; fields as in `ranking.Seeker`.

    …_starts: where the list of each begins in the flat array of the same name, (n + 1).
    standings: (n, 3, number of needs). journeys: row of each in `minutes` (homes and modes, places + 1).
    hours: row of each in `fits` (different wishes, groups of hours).
    """

    held_starts: Integers
    held: Integers
    vectors: Vectors
    totals: Numbers
    aspiration_starts: Integers
    aspirations: Vectors
    occupations: Integers
    aspired_starts: Integers
    aspired: Integers
    levels: Integers
    attained: Integers
    kinds_named: Integers
    points: Numbers
    kind_floors: Numbers
    roles: Integers
    role_shares: Numbers
    aim_starts: Integers
    aims: Integers
    clear: Numbers
    standings: Integers
    journeys: Integers
    minutes: Integers
    hours: Integers
    fits: Flags
    limits: Integers
    kinds: Integers


@unlocked
def rank_some(
    seekers: Seekers,
    related: Numbers,
    stalls: Stalls,
    weighing: Weighing,
    grants: Grants,
    askings: Askings,
    first: int,
    last: int,
    count: int,
    keys: int,
    wanted: int,
    as_of: int,
) -> tuple[Integers, Numbers, Numbers, Integers]:
    """Return the best rows of the people from number `first` up to `last`, best first, ties by name.

    related: see `Relatedness.ready`. Else as in `ranking.rank`. Returns, for each of them, the rows (m, wanted), -1
    where there are fewer; their scores and suitabilities; and how many were ranked (m).
    """
    everyone, stalls, weighing = lent(seekers), lent(stalls), lent(weighing)
    grants, askings, related = lent(grants), lent(askings), lent(related)
    found = np.full((last - first, wanted), -1, np.int64)
    scores, suits = np.zeros((last - first, wanted)), np.zeros((last - first, wanted))
    ranked = np.zeros(last - first, np.int64)
    packed, direct = np.zeros(keys, np.int64), np.zeros(keys, np.bool_)
    for number in range(first, last):
        packed[:] = 0
        direct[:] = False
        seeker = Seeker(
            everyone.held[everyone.held_starts[number] : everyone.held_starts[number + 1]],
            everyone.vectors[number],
            everyone.totals[number],
            everyone.aspirations[everyone.aspiration_starts[number] : everyone.aspiration_starts[number + 1]],
            everyone.occupations[number],
            everyone.aspired[everyone.aspired_starts[number] : everyone.aspired_starts[number + 1]],
            everyone.levels[number],
            everyone.attained[number],
            everyone.kinds_named[number],
            everyone.points[number],
            everyone.kind_floors[number],
            related,
            everyone.roles[number],
            everyone.role_shares[number],
            everyone.aims[everyone.aim_starts[number] : everyone.aim_starts[number + 1]],
            everyone.clear[everyone.aim_starts[number] : everyone.aim_starts[number + 1]],
            everyone.standings[number],
            everyone.minutes[everyone.journeys[number]],
            everyone.fits[everyone.hours[number]],
            everyone.limits[number],
            everyone.kinds[number],
            False,
            as_of,
        )
        rows, parts, total = best_for(seeker, stalls, weighing, grants, askings, count, wanted, packed, direct)
        for place in range(len(rows)):
            found[number - first, place] = rows[place]
            scores[number - first, place] = parts[place, SCORE]
            suits[number - first, place] = parts[place, SUITABILITY]
        ranked[number - first] = total
    return found, scores, suits, ranked
