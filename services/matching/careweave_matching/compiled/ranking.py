"""The best opportunities for one person; the plain forms are `scoring` and `eligibility`."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from careweave_matching.compiled.credits import Askings, Grants, earn, gather, worths_of
from careweave_matching.compiled.jit import compiled, inlined
from careweave_matching.compiled.kept import keepable
from careweave_matching.compiled.lending import lent
from careweave_matching.compiled.page import (
    ASPIRATION,
    ESSENTIAL,
    OPTIONAL,
    PREFERENCE,
    PROXIMITY,
    SCORE,
    SEMANTIC,
    STRETCH,
    SUITABILITY,
)
from careweave_matching.compiled.vectors import LANES, Codes, dot, rough_dot, worded
from careweave_matching.credentials import UNKNOWN_CAUSE_BITS
from careweave_matching.scoring import MILLION

Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.float64]
Vectors = npt.NDArray[np.float32]

_PARTS = SCORE + 1
NO_OCCUPATION = -1
_ROUNDING = 1e-9
"""More than sums in double precision differ by."""
_SINGLE = 1e-4
"""More than a product of unit vectors in single precision differs from the true one by."""
_FEW = 256
"""Up to so many are picked one by one; for more, all scores are sorted."""


@keepable
class Weighing(NamedTuple):
    """The weights that scores turn on; see `weights.Weights`."""

    essential: float
    optional: float
    semantic: float
    preference: float
    preference_stated: float
    aspiration: float
    stretch: float
    proximity: float
    semantic_floor: float
    semantic_ceiling: float
    aspiration_floor: float
    aspiration_ceiling: float
    ideal_novelty: float
    anywhere: float
    same_job_again: float
    step_down: float
    related_aims: float
    aims_floor: float
    kind_named: float
    kind_fits: float
    asked_for: float
    passed_already: float
    same_field: float


@keepable
class Stalls(NamedTuple):
    """What opportunities are scored by; fields as in `table.Table`. One element or row for each, with room for more.

    place_starts: the rows that the table was made with stand in order of place: the opportunities of place p are those
        from `place_starts[p]` up to `place_starts[p + 1]`; those without a known place come last. What came later
        follows in order of arrival.
    places: number of the place; one more than the last where it is not known. hours: number of its group of hours.
    order: grows with the name, and says which of two that score alike comes first.
    full: weight times full credit of the essential, optional and taught skills, 1 where nothing is asked; asked:
        whether something is. reliance: how far essential and optional coverage is relied on, see `scoring.relied_on`.
    codes, steps, errors: `vectors` in short, see `vectors.coded`.
    kinds: one bit for the kind; none for what is not offered any more. occupations: number of the occupation;
        NO_OCCUPATION if it says none. roles: row of it among all related ones. jobs: whether it is a job.
    trains_to: level of qualification, 0 if not known.
    need_starts: where its credentials begin; needs, needed, deadline, provided: of each, see `table.Table`.
    """

    place_starts: Integers
    places: Integers
    hours: Integers
    order: Integers
    full: Numbers
    asked: Flags
    reliance: Numbers
    vectors: Vectors
    codes: Codes
    steps: Numbers
    errors: Numbers
    anywhere: Flags
    kinds: Integers
    levels: Integers
    trains_to: Integers
    roles: Integers
    occupations: Integers
    jobs: Flags
    need_starts: Integers
    needs: Integers
    needed: Integers
    deadline: Integers
    provided: Flags


class Seeker(NamedTuple):
    """The person who is ranked for.

    held: rows of the grants. vector, total, aspirations: see `PersonEntry`; aspirations (0, d) if none is stated.
    occupation, aspired: numbers. level: skill level of the occupation. attained: level of qualification.
    kinds_named: one bit for each kind that the aspiration names. points, kind_floor: see `PersonEntry`.
    related: see `Relatedness.ready`; role, aims: rows of it; role_share, clear: see `PersonEntry`.
    standings; minutes, by place; fits, by group of hours: see `Screened`. limit: of a journey, minutes.
    kinds: one bit for each kind that is wanted. ineligible: whether those that a gate shuts out are ranked, too.
    """

    held: Integers
    vector: Vectors
    total: float
    aspirations: Vectors
    occupation: int
    aspired: Integers
    level: int
    attained: int
    kinds_named: int
    points: float
    kind_floor: float
    related: Numbers
    role: int
    role_share: float
    aims: Integers
    clear: Numbers
    standings: Integers
    minutes: Integers
    fits: Flags
    limit: int
    kinds: int
    ineligible: bool
    as_of: int


@inlined
def _is_wanted(row: int, seeker: Seeker, stalls: Stalls) -> bool:
    if not stalls.kinds[row] & seeker.kinds:
        return False
    return seeker.ineligible or is_eligible(row, seeker, stalls)


@inlined
def is_eligible(row: int, seeker: Seeker, stalls: Stalls) -> bool:
    """Say whether no gate fails; see `eligibility`."""
    if seeker.minutes[stalls.places[row]] > seeker.limit or not seeker.fits[stalls.hours[row]]:
        return False
    for number in range(stalls.need_starts[row], stalls.need_starts[row + 1]):
        need = stalls.needs[number]
        if seeker.standings[0, need] >= stalls.needed[number] or stalls.provided[number]:
            continue
        lead = seeker.standings[1, need]
        in_time = lead >= 0 and seeker.as_of + lead <= stalls.deadline[number]
        if not in_time and not UNKNOWN_CAUSE_BITS >> seeker.standings[2, need] & 1:
            return False
    return True


@inlined
def _stretched(likeness: float, floor: float, ceiling: float) -> float:
    return min(1.0, max(0.0, (likeness - floor) / (ceiling - floor)))


@inlined
def _aspired(row: int, suits: float, best: float, seeker: Seeker, stalls: Stalls, weighing: Weighing) -> float:
    for occupation in seeker.aspired:
        if stalls.occupations[row] == occupation:
            return 1.0
    near = _stretched(best, weighing.aspiration_floor, weighing.aspiration_ceiling)
    near = max(near, _nearness_to_aims(row, seeker, stalls, weighing))
    if stalls.kinds[row] & seeker.kinds_named:
        return max(min(1.0, near * weighing.kind_named), seeker.kind_floor * min(1.0, suits / weighing.kind_fits))
    return near


@inlined
def _nearness_to_aims(row: int, seeker: Seeker, stalls: Stalls, weighing: Weighing) -> float:
    """Return the largest `affinity.nearness_to_aim`; negative if none is known."""
    nearest = -1.0
    for place in range(len(seeker.aims)):
        related = seeker.related[seeker.aims[place], stalls.roles[row]]
        if related >= 0.0:
            near = max(0.0, (related - weighing.aims_floor) / (1.0 - weighing.aims_floor)) * seeker.clear[place]
            nearest = max(nearest, near * weighing.related_aims)
    return nearest


@inlined
def _again(row: int, related: float, seeker: Seeker, stalls: Stalls, weighing: Weighing) -> float:
    again = 1.0
    if stalls.jobs[row] and seeker.occupation != NO_OCCUPATION and stalls.occupations[row] == seeker.occupation:
        again = weighing.same_job_again
    if 0 < stalls.trains_to[row] <= seeker.attained and related >= weighing.same_field:
        again *= weighing.passed_already
    return again


@inlined
def _stretch(row: int, covered: float, taught: float, seeker: Seeker, stalls: Stalls, weighing: Weighing) -> float:
    damped = weighing.step_down if 0 < stalls.levels[row] < seeker.level else 1.0
    if stalls.asked[row, 2]:
        return (1.0 - taught) * covered * damped
    off = abs((1.0 - covered) - weighing.ideal_novelty) / (1.0 - weighing.ideal_novelty)
    return (1.0 - off) * damped


@inlined
def _proximity(row: int, seeker: Seeker, stalls: Stalls, weighing: Weighing) -> float:
    if stalls.anywhere[row]:
        return weighing.anywhere
    minutes = seeker.minutes[stalls.places[row]]
    if minutes < 0:
        return 0.5
    return max(0.0, 1.0 - minutes / max(seeker.limit, 1))


@inlined
def _weigh(
    row: int,
    earned: Integers,
    likeness: float,
    to_aims: float,
    seeker: Seeker,
    stalls: Stalls,
    weighing: Weighing,
    parts: Numbers,
) -> None:
    """Put the parts of the score of `row` into `parts`.

    earned: see `credits.earn`. likeness: product of its vector with the person's; to_aims: the largest with an aim.
    How far a score can change with these two is what `_slack` says: who changes one changes the other.
    """
    essential, optional = earned[0] / stalls.full[row, 0], earned[1] / stalls.full[row, 1]
    semantic = 0.0
    if seeker.total != 0.0:
        mean = (likeness + earned[3] / MILLION) / seeker.total
        semantic = _stretched(mean, weighing.semantic_floor, weighing.semantic_ceiling)
    related = seeker.related[seeker.role, stalls.roles[row]]
    if related >= 0.0:
        semantic += seeker.role_share * (related - semantic)
    covered = stalls.reliance[row, 0] * essential + (1.0 - stalls.reliance[row, 0]) * semantic
    further = stalls.reliance[row, 1] * optional + (1.0 - stalls.reliance[row, 1]) * covered
    suits = weighing.essential * covered + weighing.optional * further + weighing.semantic * semantic
    near = _proximity(row, seeker, stalls, weighing)
    stated = len(seeker.aspirations) > 0
    aspiration = _aspired(row, suits, to_aims, seeker, stalls, weighing) if stated else 0.0
    stretching = _stretch(row, covered, earned[2] / stalls.full[row, 2], seeker, stalls, weighing)
    stretching = max(stretching, weighing.asked_for * (seeker.points * aspiration)) * _again(
        row, related, seeker, stalls, weighing
    )
    said = weighing.aspiration * aspiration + weighing.stretch * stretching + weighing.proximity * near
    unsaid = (weighing.stretch * stretching + weighing.proximity * near) / (weighing.stretch + weighing.proximity)
    prefers = seeker.points * said + (1.0 - seeker.points) * unsaid
    share = (1.0 - seeker.points) * weighing.preference + seeker.points * weighing.preference_stated
    parts[ESSENTIAL] = essential if stalls.asked[row, 0] else semantic
    parts[OPTIONAL] = optional if stalls.asked[row, 1] else covered
    parts[SEMANTIC], parts[SUITABILITY], parts[ASPIRATION] = semantic, suits, aspiration
    parts[STRETCH], parts[PROXIMITY], parts[PREFERENCE] = stretching, near, prefers
    parts[SCORE] = (1.0 - share) * suits + share * prefers


@inlined
def _slack(relied: float, further: float, likeness: float, to_aims: float, seeker: Seeker, weighing: Weighing) -> float:
    """Return the most by which a score changes where its two likenesses change by so much; see `_weigh`.

    relied, further: the least `Stalls.reliance` of the rows that it is for.
    """
    little = 1.0 - relied
    suits = little * (weighing.essential + weighing.optional * (1.0 - further)) + weighing.semantic
    by_kind = suits * seeker.kind_floor / weighing.kind_fits if seeker.kinds_named else 0.0
    semantic = 0.0
    if seeker.total != 0.0:
        semantic = likeness / seeker.total / (weighing.semantic_ceiling - weighing.semantic_floor)
    near = to_aims * max(1.0, weighing.kind_named) / (weighing.aspiration_ceiling - weighing.aspiration_floor)
    aspiration = max(near, by_kind * semantic)
    novelty = little * semantic / (1.0 - weighing.ideal_novelty)
    stretching = max(novelty, weighing.asked_for * seeker.points * aspiration) * weighing.stretch
    said = weighing.aspiration * aspiration + stretching
    unsaid = stretching / (weighing.stretch + weighing.proximity)
    prefers = seeker.points * said + (1.0 - seeker.points) * unsaid
    share = (1.0 - seeker.points) * weighing.preference + seeker.points * weighing.preference_stated
    return (1.0 - share) * suits * semantic + share * prefers + _ROUNDING


@inlined
def _wanted_rows(seeker: Seeker, stalls: Stalls, count: int) -> Integers:
    """Return the rows that are ranked: what can be reached is looked up by place, and nothing else is looked at."""
    starts = stalls.place_starts
    settled = starts[len(starts) - 1]
    room = count - settled
    for place in range(len(starts) - 1):
        if seeker.ineligible or seeker.minutes[place] <= seeker.limit:
            room += starts[place + 1] - starts[place]
    rows = np.empty(room, np.int64)
    wanted = 0
    for place in range(len(starts) - 1):
        if seeker.ineligible or seeker.minutes[place] <= seeker.limit:
            for row in range(starts[place], starts[place + 1]):
                if _is_wanted(row, seeker, stalls):
                    rows[wanted] = row
                    wanted += 1
    for row in range(settled, count):
        if _is_wanted(row, seeker, stalls):
            rows[wanted] = row
            wanted += 1
    return rows[:wanted]


@inlined
def _best_places(scores: Numbers, rows: Integers, order: Integers, wanted: int) -> Integers:
    """Return the places of the `wanted` largest of `scores`, largest first, ties by the `order` of `rows`."""
    if wanted > _FEW:
        turns = np.argsort(order[rows])
        return turns[np.argsort(-scores[turns], kind="mergesort")[:wanted]]
    places = np.empty(min(wanted, len(scores)), np.int64)
    kept = 0
    for place in range(len(scores)):
        if kept == len(places) and (kept == 0 or not _precedes(place, places[kept - 1], scores, rows, order)):
            continue
        at = min(kept, len(places) - 1)
        while at > 0 and _precedes(place, places[at - 1], scores, rows, order):
            places[at] = places[at - 1]
            at -= 1
        places[at] = place
        kept = min(kept + 1, len(places))
    return places


@inlined
def _precedes(one: int, other: int, scores: Numbers, rows: Integers, order: Integers) -> bool:
    if scores[one] != scores[other]:
        return scores[one] > scores[other]
    return order[rows[one]] < order[rows[other]]


@inlined
def _worth_weighing(
    rows: Integers,
    worths: Integers,
    wanted: int,
    seeker: Seeker,
    stalls: Stalls,
    weighing: Weighing,
    askings: Askings,
) -> Integers:
    """Return those of `rows` that can be among the `wanted` best: all are weighed with rough likenesses first."""
    words, step, length, error = worded(seeker.vector)
    aims = np.empty((len(seeker.aspirations), len(seeker.vector)), np.int16)
    aim_steps = np.empty(len(aims))
    aim_error = aim_length = 0.0
    for aim in range(len(aims)):
        each, aim_steps[aim], aim_long, aim_wrong = worded(seeker.aspirations[aim])
        aims[aim] = each
        aim_length, aim_error = max(aim_length, aim_long), max(aim_error, aim_wrong)
    earned, parts = np.empty(4, np.int64), np.empty(_PARTS)
    scores, off, relied, further = np.empty(len(rows)), 0.0, 1.0, 1.0
    for place in range(len(rows)):
        row = rows[place]
        code, unit = stalls.codes[row], stalls.steps[row]
        earn(row, worths, askings, earned)
        likeness, to_aims = rough_dot(code, words) * (step * unit), -2.0
        for aim in range(len(aims)):
            to_aims = max(to_aims, rough_dot(code, aims[aim]) * (aim_steps[aim] * unit))
        _weigh(row, earned, likeness, to_aims, seeker, stalls, weighing, parts)
        scores[place], off = parts[SCORE], max(off, stalls.errors[row])
        relied, further = min(relied, stalls.reliance[row, 0]), min(further, stalls.reliance[row, 1])
    likeness_off = length * (off + _SINGLE) + error * (1.0 + off)
    aim_off = aim_length * (off + _SINGLE) + aim_error * (1.0 + off)
    # Those beyond the bar may be as much too low as those at the bar are too high.
    bar = _largest(scores, wanted) - 2.0 * _slack(relied, further, likeness_off, aim_off, seeker, weighing)
    kept = 0
    worth = np.empty(len(rows), np.int64)
    for place in range(len(rows)):
        if scores[place] >= bar:
            worth[kept] = rows[place]
            kept += 1
    return worth[:kept]


@inlined
def _largest(values: Numbers, wanted: int) -> float:
    """Return the `wanted`-th largest of `values`; less than all where there are fewer."""
    if wanted > len(values):
        return -np.inf
    if wanted > _FEW:
        return np.partition(values, len(values) - wanted)[len(values) - wanted]
    best = np.full(wanted, -np.inf)
    for value in values:
        if value > best[wanted - 1]:
            at = wanted - 1
            while at > 0 and best[at - 1] < value:
                best[at] = best[at - 1]
                at -= 1
            best[at] = value
    return best[wanted - 1]


@inlined
def best_for(
    seeker: Seeker,
    stalls: Stalls,
    weighing: Weighing,
    grants: Grants,
    askings: Askings,
    count: int,
    wanted: int,
    packed: Integers,
    direct: Flags,
) -> tuple[Integers, Numbers, int]:
    """Return the best rows for the seeker, the parts of their scores, and how many were ranked; see `rank`.

    packed, direct: all zero; filled as `credits.gather` says. All groups are lent.
    """
    gather(seeker.held, grants, packed, direct)
    worths = worths_of(seeker.held, grants, packed, direct)
    wanted_rows = _wanted_rows(seeker, stalls, count)
    rows = _worth_weighing(wanted_rows, worths, wanted, seeker, stalls, weighing, askings)
    earned, lanes = np.empty(4, np.int64), np.empty(LANES, np.float32)
    parts = np.empty((len(rows), _PARTS))
    for place in range(len(rows)):
        row, to_aims = rows[place], -2.0
        for aim in range(len(seeker.aspirations)):
            to_aims = max(to_aims, dot(stalls.vectors[row], seeker.aspirations[aim], lanes))
        likeness = dot(stalls.vectors[row], seeker.vector, lanes)
        earn(row, worths, askings, earned)
        _weigh(row, earned, likeness, to_aims, seeker, stalls, weighing, parts[place])
    places = _best_places(parts[:, SCORE], rows, stalls.order, wanted)
    return rows[places], parts[places], len(wanted_rows)


@compiled
def rank(
    stalls: Stalls,
    weighing: Weighing,
    grants: Grants,
    askings: Askings,
    count: int,
    keys: int,
    wanted: int,
    held: Integers,
    vector: Vectors,
    total: float,
    aspirations: Vectors,
    occupation: int,
    aspired: Integers,
    level: int,
    attained: int,
    kinds_named: int,
    points: float,
    kind_floor: float,
    related: Numbers,
    role: int,
    role_share: float,
    aims: Integers,
    clear: Numbers,
    standings: Integers,
    minutes: Integers,
    fits: Flags,
    limit: int,
    kinds: int,
    ineligible: bool,
    as_of: int,
) -> tuple[Integers, Numbers, int, Integers, Flags]:
    """Return the best rows for the seeker, whose fields follow `wanted`; best first, ties by name.

    count: of opportunities, gone ones among them. keys: how many keys there are.

    Returns the rows, at most `wanted`; the parts of their scores (m, 9), see `page.SCORE`; how many were ranked;
    and what the person earns by key, see `credits.gather`.
    """
    stalls, weighing, grants, askings = lent(stalls), lent(weighing), lent(grants), lent(askings)
    seeker = lent(Seeker(
        held, vector, total, aspirations, occupation, aspired, level, attained, kinds_named, points,
        kind_floor, related, role, role_share, aims, clear, standings, minutes, fits, limit, kinds, ineligible, as_of,
    ))  # fmt: skip
    packed, direct = np.zeros(keys, np.int64), np.zeros(keys, np.bool_)
    rows, parts, ranked = best_for(seeker, stalls, weighing, grants, askings, count, wanted, packed, direct)
    return rows, parts, ranked, packed, direct
