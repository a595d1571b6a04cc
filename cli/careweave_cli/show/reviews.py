"""Recorded rankings, reviews of them, and what a ranking does not decide, for people to read."""

from collections.abc import Iterator, Sequence
from typing import Final

from google.protobuf.timestamp_pb2 import Timestamp
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from careweave.v1 import matching_pb2 as pb
from careweave_cli.show.words import per_cent, word

LOOK: Final = "Ask why, or ask a person to look: careweave reviews request"
"""What everything that shows a ranking ends with; the name of the ranking follows."""


def decisions_table(found: Sequence[pb.Decision]) -> Table:
    """Return one line for each ranking."""
    table = _table("When", "Made for", "Shown", "Name")
    for each in found:
        table.add_row(_moment(each.decide_time), _subject(each), f"{len(each.lines)} of {each.total_size}", each.name)
    return table


def decision(found: pb.Decision) -> RenderableType:
    """Return one ranking in full."""
    versions = found.versions
    lines = _table("", "Opportunity", "Score", "Suitability")
    for line in found.lines:
        lines.add_row(str(line.position), line.opportunity, per_cent(line.score), per_cent(line.suitability))
    return Group(
        Text(f"{_moment(found.decide_time)} · {_subject(found)}", style="bold"),
        Text(
            f"Model {versions.model}, taxonomy {versions.taxonomy[:12]}, weights {versions.weights}, "
            f"profile version {versions.profile}.",
            style="dim",
        ),
        lines,
        *([Text(_spread(found), style="dim")] if found.maximum_per_organisation else ()),
        Text(f"Shown of {found.total_size:,} that were ranked. {LOOK} {found.name}"),
    )


def _spread(found: pb.Decision) -> str:
    return f"Spread: of one organisation at most {found.maximum_per_organisation} in ten places."


def replayed(found: pb.DecisionReplay) -> RenderableType:
    """Return a ranking line by line as it was recorded and as it comes out again, and whether the two agree."""
    again = {line.opportunity: line for line in found.lines}
    lines = _table("", "Opportunity", "Recorded", "Made again", "Place made again")
    for line in found.decision.lines:
        now = again[line.opportunity]
        lines.add_row(str(line.position), line.opportunity, f"{line.score:.6f}", f"{now.score:.6f}", str(now.position))
    order = "The order is the same" if found.same_order else "The order differs"
    return Group(lines, Text(f"{order}; scores differ by at most {found.largest_difference:.1e}.", style="bold"))


def reviews_table(found: Sequence[pb.DecisionReview]) -> Table:
    """Return one line for each review."""
    table = _table("Due", "State", "Asked for", "About", "Name")
    for each in found:
        table.add_row(_due(each), _state(each), word(pb.ReviewKind, each.kind), each.opportunity or "all", each.name)
    return table


def review(found: pb.DecisionReview) -> RenderableType:
    """Return one review in full, as far as it was sent."""
    body = Table(box=None, show_header=False, padding=(0, 1, 0, 0), pad_edge=False)
    body.add_column(style="bold", no_wrap=True)
    body.add_column()
    for heading, text in _facts(found):
        if text:
            body.add_row(heading, text if isinstance(text, Text) else escape(text))
    head = Text.assemble((f"{word(pb.ReviewKind, found.kind)} · ", "bold"), _state(found))
    return Group(head, Padding(Text(found.name, style="dim"), (0, 0, 0, 3)), Padding(body, (0, 0, 0, 3)))


def statement(said: pb.Safeguards) -> RenderableType:
    """Return what a ranking does and does not decide."""
    parts = (
        ("What a ranking does", said.does),
        ("What it does not", said.does_not),
        ("What you can do", said.what_you_can_do),
        ("The law", said.law),
    )
    made = said.versions
    versions = f"Rankings are made with model {made.model}, taxonomy {made.taxonomy[:12]}, weights {made.weights}."
    blocks = (line for heading, text in parts for line in (Text(heading, style="bold"), Text(text), Text()))
    return Group(*blocks, Text(versions, style="dim"))


def _facts(found: pb.DecisionReview) -> Iterator[tuple[str, str | Text]]:
    yield "Ranking", found.decision
    yield "About", found.opportunity
    yield "Answers", found.organisation or "whoever runs this installation"
    yield "Asked", f"{_moment(found.create_time)}: {found.comment}"
    yield "Due", _due(found)
    yield "Extended", f"{_moment(found.extend_time)}: {found.extension_reason}" if found.extension_reason else ""
    yield "Looked at", f"by {found.reviewer.role} {found.reviewer.reference}" if found.reviewer.reference else ""
    if found.outcome:
        yield "Answer", f"{word(pb.ReviewOutcome, found.outcome)}, {_moment(found.answer_time)}: {found.answer}"
        yield "Changes", found.changes
    lines = found.record.decision.lines
    yield "Ranked", "; ".join(_line(line) for line in lines if line.opportunity == found.opportunity)
    yield "Why", Text("\n".join(found.record.match.reasons))


def _line(line: pb.DecisionLine) -> str:
    return f"place {line.position} with {per_cent(line.score)}, suitability {per_cent(line.suitability)}"


def _state(found: pb.DecisionReview) -> Text:
    if found.overdue:
        return Text(f"{word(pb.ReviewState, found.state)}, overdue", style="red")
    return Text(word(pb.ReviewState, found.state))


def _due(found: pb.DecisionReview) -> str:
    return _moment(found.due_time)


def _subject(found: pb.Decision) -> str:
    return "this person" if found.subject.startswith("people/") else found.subject


def _moment(stamp: Timestamp) -> str:
    return f"{stamp.ToDatetime():%Y-%m-%d %H:%M} UTC"


def _table(*headings: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table
