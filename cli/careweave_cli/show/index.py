"""How the index of a replica stands, as a table and in one line."""

from datetime import timedelta

from google.protobuf.duration_pb2 import Duration
from rich.table import Table

from careweave.v1 import matching_pb2
from careweave_cli.show.words import plural, word


def standing(status: matching_pb2.IndexStatus) -> Table:
    """Return a table of what the index holds and where it is in each partition."""
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row("replica", status.replica)
    table.add_row("index", in_short(status))
    if status.generation:
        took = _seconds(status.build_duration)
        built = f"{status.build_time.ToDatetime():%Y-%m-%d %H:%M:%S} UTC in {took:.1f} s"
        table.add_row("built", f"{built}, number {status.generation} of this process: {status.build_cause}")
        table.add_row("versions", f"{status.versions.model}, taxonomy {status.versions.taxonomy[:12]}, weights "
                      f"{status.versions.weights}")  # fmt: skip
    if status.HasField("building"):
        table.add_row("next one", f"{status.building.activity} ({status.building.cause})")
    for place in status.partitions:
        where = f"{place.topic} {place.partition}"
        table.add_row(where, f"{place.next_offset:,} of {place.end_offset:,}")
    return table


def in_short(status: matching_pb2.IndexStatus) -> str:
    """Return what the index holds and how far behind it is, in one line."""
    state = word(matching_pb2.IndexState, status.state)
    if status.state == matching_pb2.INDEX_STATE_BUILDING:
        return f"{state}: {status.building.activity}"
    lag = f"{plural(status.events_behind, 'event')} and {_seconds(status.behind):.1f} s behind"
    limit = f"limit {_seconds(status.behind_limit):g} s"
    return f"{state}, {lag} ({limit}); {status.people:,} people, {status.opportunities:,} opportunities"


def _seconds(duration: Duration) -> float:
    length: timedelta = duration.ToTimedelta()
    return length.total_seconds()
