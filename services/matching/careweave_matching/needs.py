"""The different credentials that opportunities need, numbered, and how somebody stands to whom nothing is recorded."""

from collections.abc import Iterable
from threading import Lock

import numpy as np

from careweave_matching.compiled.ranking import Integers
from careweave_matching.credentials import absent_standing, standing, subject_of
from careweave_matching.model import CredentialNeed, Person


class NeedBook:
    """Numbers needs from 0 in order of first use, and never forgets one: tables that share it share the numbers.

    distinct: the needs, by number. A table may be made in a thread while people are ranked by another.
    """

    def __init__(self) -> None:
        """Begin without any."""
        self.distinct: list[CredentialNeed] = []
        self._numbering = Lock()
        self._numbers: dict[CredentialNeed, int] = {}
        self._by_subject: dict[tuple[int, str], list[int]] = {}
        self._absent = self._unrecorded = _facts(())

    def number(self, need: CredentialNeed) -> int:
        """Return the number of `need`, a new one at first use."""
        with self._numbering:
            number = self._numbers.get(need)
            if number is None:
                number = self._numbers[need] = len(self.distinct)
                self.distinct.append(need)
                self._by_subject.setdefault(subject_of(need.kind, need.title), []).append(number)
            return number

    def standings(self, person: Person, as_of: int) -> Integers:
        """Return (3, number of needs): `good_through`, `lead_days` and `cause` of the person's standing to each.

        as_of: an ordinal.
        """
        with self._numbering:
            if self._absent.shape[1] != len(self.distinct):
                self._absent = _facts(self.distinct, recorded=True)
                self._unrecorded = _facts(self.distinct, recorded=False)
            facts = (self._absent if person.credentials else self._unrecorded).copy()
            for subject, held in person.credentials.items():
                for number in self._by_subject.get(subject, ()):
                    found = standing(self.distinct[number], held, as_of)
                    facts[:, number] = found.good_through, found.lead_days, found.cause
            return facts


def _facts(needs: Iterable[CredentialNeed], *, recorded: bool = False) -> Integers:
    """Return the standings of somebody who holds none of `needs`; recorded: though some credential is recorded."""
    found = [absent_standing(need, profile_records_any=recorded) for need in needs]
    return np.array([[s.good_through, s.lead_days, s.cause] for s in found], np.int64).reshape(-1, 3).T
