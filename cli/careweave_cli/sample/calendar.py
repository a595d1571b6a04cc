"""Days counted from a given today."""

from datetime import date, timedelta

from careweave.v1.common_pb2 import Date

DAYS_PER_MONTH = 30.4375
"""Mean length of a month."""


def months_before(today: date, months: float) -> date:
    """Return the day that lies `months` before `today`, after it if negative."""
    return today - timedelta(days=round(months * DAYS_PER_MONTH))


def days_after(today: date, days: int) -> date:
    """Return the day that lies `days` after `today`."""
    return today + timedelta(days=days)


def as_message(day: date) -> Date:
    """Return `day` as a message."""
    return Date(year=day.year, month=day.month, day=day.day)


def in_words(day: date) -> str:
    """Return `day` as British text has it, for example "3 March"."""
    return f"{day.day} {day:%B}"
