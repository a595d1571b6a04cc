"""Events as lines for people and as JSON for programs."""

import json
from collections.abc import Callable
from typing import Final

from google.protobuf import descriptor_pool
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass
from rich.text import Text

from careweave.events.port import Delivered, Event
from careweave.v1 import audit_pb2, common_pb2, events_pb2, matching_pb2, profiles_pb2
from careweave_cli.show.words import per_cent, plural, word

_Summary = Callable[[Message], str]


def line(delivered: Delivered) -> Text:
    """Return one event in one line: when, what kind, of whom or what, what it says."""
    event = delivered.event
    return Text.assemble(
        (f"{event.time:%Y-%m-%d %H:%M:%S} ", "dim"),
        (f"{_kind(event):<22} ", "bold cyan"),
        f"{event.key} v{event.version}  ",
        _said(event),
        (f"  [{event.topic} {delivered.partition}/{delivered.offset}]", "dim"),
    )


def as_json(delivered: Delivered) -> str:
    """Return one event in one line of JSON: its CloudEvents attributes, its place, and `data`.

    `data` is null for a tombstone; a payload of a type unknown here is given as its size in bytes.
    """
    event = delivered.event
    return json.dumps(
        {
            "specversion": "1.0",
            "id": event.id,
            "type": event.type,
            "source": event.source,
            "time": event.time.isoformat(),
            "partitionkey": event.key,
            "version": event.version,
            "topic": event.topic,
            "partition": delivered.partition,
            "offset": delivered.offset,
            "data": _as_dict(event),
        },
        ensure_ascii=False,
    )


def payload(event: Event) -> Message | None:
    """Return the decoded payload; None for a tombstone, and for a type that is not known here."""
    if event.payload is None:
        return None
    try:
        descriptor = descriptor_pool.Default().FindMessageTypeByName(event.type)
        return GetMessageClass(descriptor).FromString(event.payload)
    except (KeyError, DecodeError):
        return None


def _as_dict(event: Event) -> object:
    if event.payload is None:
        return None
    known = payload(event)
    return MessageToDict(known) if known is not None else {"bytes": len(event.payload)}


def _kind(event: Event) -> str:
    return "erased" if event.payload is None else event.type.rpartition(".")[2]


def _said(event: Event) -> str:
    known = payload(event)
    if known is None:
        return "" if event.payload is None else plural(len(event.payload), "byte")
    summary = _SUMMARIES.get(type(known))
    return summary(known) if summary else ""


def _opportunity(message: Message) -> str:
    offered = getattr(message, "opportunity", matching_pb2.Opportunity())
    kind = word(common_pb2.OpportunityKind, offered.kind)
    return f"“{offered.title}” ({kind}) at {offered.organisation}"


def _profile(message: Message) -> str:
    parts = getattr(message, "parts", ())
    return "changed: " + ", ".join(word(profiles_pb2.ProfilePart, part) for part in parts)


def _match(message: Message) -> str:
    assert isinstance(message, events_pb2.MatchFound)  # noqa: S101  keyed by type below
    reason = f": {message.reasons[0]}" if message.reasons else ""
    return f"“{message.title}” fits {message.person}, {per_cent(message.score)}{reason}"


def _application(message: Message) -> str:
    assert isinstance(message, events_pb2.ApplicationAdvanced)  # noqa: S101
    return f"{message.person} for {message.opportunity}: {word(matching_pb2.ApplicationStage, message.stage)}"


def _ranking(message: Message) -> str:
    assert isinstance(message, events_pb2.RankingMade)  # noqa: S101
    first = f", first {message.items[0].resource}" if message.items else ""
    return f"{len(message.items)} of {message.total_size} shown to {message.subject}{first} (number {message.sequence})"


def _line(message: Message) -> str:
    assert isinstance(message, events_pb2.PersonRanked)  # noqa: S101
    return f"{message.person} shown for {message.opportunity}, place {message.position} on the page"


def _review(message: Message) -> str:
    assert isinstance(message, events_pb2.ReviewAdvanced)  # noqa: S101
    return word(matching_pb2.ReviewState, message.state) + (", extended" if message.extended else "")


def _audited(message: Message) -> str:
    assert isinstance(message, audit_pb2.AuditBatch)  # noqa: S101
    return plural(len(message.entries), "record") + (", the last" if message.closing else "")


_SUMMARIES: Final[dict[type[Message], _Summary]] = {
    events_pb2.OpportunityPublished: _opportunity,
    events_pb2.OpportunityUpdated: _opportunity,
    events_pb2.OpportunityClosed: _opportunity,
    events_pb2.ProfileChanged: _profile,
    events_pb2.MatchFound: _match,
    events_pb2.ApplicationAdvanced: _application,
    events_pb2.RankingMade: _ranking,
    events_pb2.PersonRanked: _line,
    events_pb2.ReviewAdvanced: _review,
    audit_pb2.AuditBatch: _audited,
}
