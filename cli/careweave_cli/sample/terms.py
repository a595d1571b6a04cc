"""On what terms an opportunity of the sample is offered: hours, pay and dates."""

from dataclasses import dataclass
from datetime import date
from random import Random
from typing import Final

from careweave_cli.sample.calendar import DAYS_PER_MONTH, days_after
from careweave_cli.sample.chance import happens
from careweave_cli.sample.offers import (
    APPRENTICESHIP,
    COURSE,
    JOB,
    MENTORING,
    PLACEMENT,
    PROJECT,
    SECONDMENT,
    SHADOWING,
    Offer,
    register_of,
)
from careweave_cli.sample.pay import BANDS, Band

_HOURS: Final = (
    (37.5, 37.5),
    (37.5, 37.5),
    (30, 37.5),
    (16, 30),
    (20, 37.5),
    (22.5, 22.5),
    (12, 24),
    (24, 36),
    (30, 30),
    (18, 25),
)
_MANAGER_HOURS: Final = ((37.5, 37.5), (30.0, 37.5))
_APPRENTICE_HOURS: Final = ((30.0, 37.5), (37.5, 37.5))
_MANAGING_RUNG: Final = 5
_LENGTHS: Final = {
    SECONDMENT: (("six months", 183), ("nine months", 274), ("twelve months", 365)),
    PLACEMENT: (("six weeks", 42), ("eight weeks", 56), ("ten weeks", 70), ("twelve weeks", 84)),
    SHADOWING: (("one day", 0), ("two days", 1), ("three mornings", 2), ("a week", 4)),
    PROJECT: (("four months", 122), ("six months", 183), ("nine months", 274)),
    MENTORING: (("six months", 183), ("nine months", 274), ("a year", 365)),
    COURSE: (("six weeks", 42), ("ten weeks", 70), ("one term", 84), ("four weeks", 28)),
}
"""Length in words and in days after the first, by kind."""
_TIMES: Final = {
    PROJECT: ("half a day a week", "a day a fortnight", "two hours a week"),
    MENTORING: ("an hour a month", "an hour every three weeks", "ninety minutes every six weeks"),
    COURSE: ("one evening a week", "two hours a week", "a day a fortnight", "self-study with three meetings"),
    PLACEMENT: ("thirty hours a week", "four days a week", "the hours your course requires"),
}
_APPRENTICE_BANDS: Final = {
    "acute": "AfC 3",
    "community": "AfC 3",
    "mental": "AfC 3",
    "practice": "practice reception",
    "council": "NJC 7",
    "hospice": "AfC 3",
    "voluntary": "care worker",
    "university": "NJC 7",
    "college": "NJC 7",
}


@dataclass(frozen=True, slots=True)
class Terms:
    """Hours, pay and dates; `end` is None if it is not bounded, `band` None if it is not paid.

    length, time: how long it lasts and how much time it takes, in words; empty where it does not apply.
    """

    least_hours: float
    most_hours: float
    unsocial: bool
    band: Band | None
    start: date
    end: date | None
    closing: date
    length: str
    time: str


def draw_terms(chance: Random, offer: Offer, today: date) -> Terms:
    """Return the terms of `offer`; it closes after `today` and begins after it closes."""
    closing = days_after(today, chance.randint(12, 60))
    start = days_after(closing, chance.randint(7, 80))
    length, days = chance.choice(_LENGTHS[offer.kind]) if offer.kind in _LENGTHS else ("", 0)
    if offer.kind == APPRENTICESHIP and offer.standard:
        days = round(offer.standard.duration_months * DAYS_PER_MONTH)
    bounded = offer.kind in _LENGTHS or offer.kind == APPRENTICESHIP
    times = _TIMES.get(offer.kind, ())
    least, most = _hours(chance, offer)
    return Terms(
        least,
        most,
        _is_unsocial(chance, offer),
        _band(offer),
        start,
        days_after(start, days) if bounded else None,
        closing,
        length,
        chance.choice(times) if times else length,
    )


def _hours(chance: Random, offer: Offer) -> tuple[float, float]:
    if offer.kind in (JOB, SECONDMENT):
        return chance.choice(_MANAGER_HOURS if offer.role.rung == _MANAGING_RUNG else _HOURS)
    return chance.choice(_APPRENTICE_HOURS) if offer.kind == APPRENTICESHIP else (0.0, 0.0)


def _is_unsocial(chance: Random, offer: Offer) -> bool:
    paid = offer.kind in (JOB, SECONDMENT, APPRENTICESHIP)
    return paid and happens(chance, offer.role.unsocial * (0.5 if offer.kind == APPRENTICESHIP else 0.85))


def _band(offer: Offer) -> Band | None:
    if offer.kind in (JOB, SECONDMENT):
        return BANDS[offer.role.band]
    if offer.kind != APPRENTICESHIP:
        return None
    if register_of(offer):
        return BANDS["AfC 6"]
    if offer.standard and offer.standard.name == "standards/ST0510":
        return BANDS["NJC 12"]
    return BANDS[_APPRENTICE_BANDS.get(offer.employer.setting, "care worker")]
