"""How an opportunity would stand for a person who had gained some of the skills that it asks for.

To gain a skill is to have it with evidence, at the level asked. A person is supposed to have gained it, entered as the
index enters anybody, and scored by the code that scores everybody: nothing here knows a formula, but for the bounds,
which a property test holds above what is scored.

The bounds rest on two facts. Coverage is a sum of weights times the best credit for each skill, so what several skills
add to it together is at most the sum of what each adds alone (it is submodular: G. Nemhauser, L. Wolsey and M. Fisher,
"An analysis of approximations for maximizing submodular set functions", 1978). And a skill that is asked for counts as
wholly alike in semantic similarity, so that its mean rises with the weight of what is gained, whichever that is.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from careweave_matching import scoring
from careweave_matching.adjacency import dot_rows
from careweave_matching.affinity import related_to
from careweave_matching.bulk import Wish, kind_bits
from careweave_matching.entries import CODE_BITS, Integers, OpportunityEntry, PersonEntry, code_of
from careweave_matching.index import Board, Index
from careweave_matching.model import HeldSkill
from careweave_matching.pair import best_credits, score_with
from careweave_matching.ranking import hidden_rows, listed
from careweave_matching.scoring import CREDIT_SHIFT, MILLION, Components, Coverage
from careweave_matching.taxonomy import THOUSAND
from careweave_matching.terms import Trust


@dataclass(frozen=True, slots=True)
class Option:
    """A skill to gain. row: which of the skills asked for. held: as the person would have it then."""

    row: int
    held: HeldSkill


@dataclass(frozen=True, slots=True)
class Scored:
    """An opportunity as the person would see it."""

    score: float
    parts: Components


class Lift:
    """What gaining skills gives for one person and one opportunity, as of the day of `board`."""

    def __init__(self, index: Index, board: Board, person: PersonEntry, entry: OpportunityEntry) -> None:
        """Find what there is to gain; see `options`."""
        self.board = board
        self.entry = entry
        self.person = person
        self.index = index
        self._changes = board.table.changes
        self._keys = {*entry.keys.tolist(), *entry.taught_keys.tolist()}
        self._base = self._of_interest(best_credits(person, board.frame.reach).items())
        self._screened = board.screener.screen(person, index.place(person))
        self.options: tuple[Option, ...] = tuple(self._to_gain())
        index.suppose(person, [option.held for option in self.options])  # all are compared with what is asked, once
        self._given = [self._credits_of(option) for option in self.options]

    @property
    def stale(self) -> bool:
        """Whether what is on offer has changed since: a board takes changes in as it is."""
        board = self.index.board(self.board.frame.as_of)
        return board is not self.board or board.table.changes != self._changes

    def _of_interest(self, credits_by_key: Iterable[tuple[int, int]]) -> dict[int, int]:
        return {key: packed for key, packed in credits_by_key if key in self._keys}

    def _to_gain(self) -> Iterable[Option]:
        names, levels = self.board.frame.taxonomy.names, self.levels
        held = {each.skill: each.level for each in self.person.person.skills}
        for row, (skill, key) in enumerate(zip(self.entry.skills, self.entry.keys.tolist(), strict=True)):
            if self._base.get(key, scoring.NOTHING) >> CREDIT_SHIFT < MILLION:
                level = max(levels[row], held.get(names[skill], 0))
                yield Option(row, HeldSkill(names[skill], level, Trust.EVIDENCED))

    @cached_property
    def levels(self) -> list[int]:
        """The level asked of each skill, 0 for any."""
        asked = {need.skill: need.level for need in self.entry.opportunity.requirements}
        return [asked[self.board.frame.taxonomy.names[skill]] for skill in self.entry.skills]

    def _credits_of(self, option: Option) -> dict[int, int]:
        code = code_of(self.entry.skills[option.row], option.held.level, option.held.trust)
        reached = self.board.frame.reach.of(code)
        return self._of_interest(zip(reached.keys.tolist(), reached.packed.tolist(), strict=True))

    def supposed(self, chosen: Sequence[int]) -> PersonEntry:
        """Return the person with the options `chosen`, by number, gained."""
        return self.index.suppose(self.person, [self.options[number].held for number in chosen])

    def scored(self, chosen: Sequence[int]) -> Scored:
        """Return how the opportunity would stand with the options `chosen`, by number."""
        best = dict(self._base)
        for number in chosen:
            for key, packed in self._given[number].items():
                best[key] = max(packed, best.get(key, 0))
        return Scored(*score_with(self.supposed(chosen), self.entry, best, self.board.frame))

    def ahead(self, chosen: Sequence[int], wanted: int) -> int:
        """Return how many of the first `wanted` of the person's own list would stand before the opportunity."""
        person = self.supposed(chosen)
        person.standings = self.person.standings  # what no skill changes
        wish = Wish(wanted, kind_bits(person.person.wishes.kinds))
        dismissed = person.person.wishes.dismissed
        hidden = hidden_rows(person, self.board, wish, dismissed) if dismissed else ()
        best = listed(person, self.board, self._screened, wish, hidden).best
        mine, score = self.entry.opportunity.name, self.scored(chosen).score
        names = [self.board.entries[row].opportunity.name for row in best.rows.tolist()]
        return sum(
            name != mine and (theirs > score or (theirs == score and name < mine))
            for name, theirs in zip(names, best.score.tolist(), strict=True)
        )

    def most_suitability(self, chosen: Sequence[int], start: int, left: int) -> float:
        """Return a suitability that no set exceeds which adds to `chosen` at most `left` options from `start` on."""
        frame, entry, table = self.board.frame, self.entry, self._credit_table
        chosen = list(chosen)
        credits_now = np.max(table[[*chosen, -1]], axis=0)
        added = np.maximum(table[start:-1] - credits_now, 0) * entry.weights
        cut = entry.essential
        covered = [
            Coverage(_most(credits_now[part] @ entry.weights[part], added[:, part].sum(axis=1), left),
                     int(entry.weights[part].sum()) * MILLION)
            for part in (slice(cut), slice(cut, None))
        ]  # fmt: skip
        weight = _most(self._new_weights[chosen].sum(), self._new_weights[start:], left) / THOUSAND
        alike = scoring.semantic_similarity(self._likeness + weight, 0, self.person.total + weight, frame.weights)
        related, _ = related_to(self.person, entry.role, frame.taxonomy.relatedness, frame.weights)
        semantic = scoring.with_role(alike, related, self.person.role_share)
        return float(scoring.suitability(covered[0], covered[1], semantic, frame.weights).suitability)

    def most_score(self, chosen: Sequence[int], start: int, left: int) -> float:
        """Return the same for the score: of preference, what may change is taken to be as good as it can be."""
        weights, points = self.board.frame.weights, self.person.points
        suits, now = self.most_suitability(chosen, start, left), self._now
        named = self.person.kinds_named >> self.entry.opportunity.kind & 1
        aspired = max(now.aspiration, self.person.kind_floor if named else 0.0)
        prefers = scoring.preference(aspired, 1.0, now.proximity, points, weights)
        return scoring.personal_score(suits, prefers, weights.preference_share(points))

    @cached_property
    def _now(self) -> Components:
        return self.scored(()).parts

    @cached_property
    def _credit_table(self) -> Integers:
        """(options + 1, skills asked for): credit in millionths that each option gives, and what there is now."""
        keys = self.entry.keys.tolist()
        rows = [[given.get(key, 0) >> CREDIT_SHIFT for key in keys] for given in (*self._given, self._base)]
        return np.array(rows, np.int64).reshape(len(self.options) + 1, len(keys))

    @cached_property
    def _new_weights(self) -> Integers:
        """(options,): weight in thousandths that each option adds to the person's; 0 for a skill that is held."""
        held = {code >> CODE_BITS for code in self.person.codes}
        weights = zip(self.entry.skills, self.entry.weights.tolist(), strict=True)
        by_row = [0 if skill in held else weight for skill, weight in weights]
        return np.array([by_row[option.row] for option in self.options], np.int64)

    @cached_property
    def _likeness(self) -> float:
        """Sum of the likenesses of what the person has, required skills among it counted as 1."""
        held = {code >> CODE_BITS for code in self.person.codes}
        bonuses = zip(self.entry.bonuses.tolist(), self.entry.skills, strict=True)
        bonus = sum(one for one, skill in bonuses if skill in held) / MILLION
        return float(dot_rows(self.entry.vector[None, :], self.person.vector)[0] + bonus)

    def reordered(self, order: Sequence[int]) -> None:
        """Number the options anew, as `order` says."""
        self.options = tuple(self.options[number] for number in order)
        self._given = [self._given[number] for number in order]
        for made in ("_credit_table", "_new_weights"):
            self.__dict__.pop(made, None)


def _most(now: int, added: Integers, left: int) -> int:
    """Return `now` and the `left` largest of `added`."""
    return int(now) + int(np.sort(added)[len(added) - min(left, len(added)) :].sum())
