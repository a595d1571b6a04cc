"""Calendar dates and times of the protos, and what of them makes sense."""

from datetime import UTC, date, datetime, timedelta
from typing import Final

from google.protobuf.timestamp_pb2 import Timestamp

from careweave.v1.common_pb2 import Date

ZONE_GRACE: Final = timedelta(days=1)
"""The present day is taken in UTC; somewhere it is tomorrow already."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DAY_SECONDS: Final = 86_400
_NANOS: Final = 1_000_000_000


def date_of(given: Date) -> date | None:
    """Return `given` as a date; None if there is no such day."""
    try:
        return date(given.year, given.month, given.day)
    except ValueError:
        return None


def put_date(target: Date, day: date | None) -> None:
    """Set `target` to `day`; leave it unset if that is None."""
    if day is not None:
        target.CopyFrom(Date(year=day.year, month=day.month, day=day.day))


def time_of(given: Timestamp) -> datetime:
    """Return `given` in UTC, to the microsecond, which is as exactly as it is kept.

    Raises:
        ValueError: it lies outside the years 1 to 9999.
    """
    if not 0 <= given.nanos < _NANOS:
        message = f"{given.nanos} nanoseconds are not part of a second"
        raise ValueError(message)
    try:  # half of the time that Timestamp.ToDatetime takes, on the path of every skill
        return _EPOCH + timedelta(seconds=given.seconds, microseconds=given.nanos // 1000)
    except OverflowError as error:
        raise ValueError(str(error)) from error


def put_time(target: Timestamp, moment: datetime | None) -> None:
    """Set `target` to `moment`; leave it unset if that is None."""
    if moment is not None:  # a third of the time that Timestamp.FromDatetime takes, on the path of every skill
        since = moment - _EPOCH
        target.seconds = since.days * _DAY_SECONDS + since.seconds
        target.nanos = since.microseconds * 1000
