"""The proof of an erasure: every service asked, every event and every file searched."""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path

from careweave.events.port import EventLog, Positions, Topic
from careweave.events.reading import until
from careweave.retention import Rule
from careweave.rpc.channels import Channels
from careweave_cli.person.findings import Finding, finding, rule_for_topic
from careweave_cli.person.needles import Needle, Search, files_in
from careweave_cli.person.sections import held_by_all
from careweave_cli.show.progress import Report


async def in_services(channels: Channels, needles: Sequence[Needle], now: datetime) -> tuple[list[Finding], list[str]]:
    """Return what services still hold about the people of `needles`, and which services did not answer."""
    held: Counter[tuple[str, str]] = Counter()
    silent: set[str] = set()
    for needle in needles:
        if needle.word:
            continue
        for each in await held_by_all(channels, needle.person):
            silent |= {each.service} if each.silent else set()
            held[each.service, needle.text] += sum(len(section.rows) for section in each.sections)
    found = []
    for service in {service for service, _ in held}:
        times = {needle: held[service, needle.text] for needle in needles if not needle.word}
        found += finding(f"service {service}", times, lambda _: None, now)
    return found, sorted(silent)


async def in_events(
    log: EventLog, needles: Sequence[Needle], rules: Sequence[Rule], now: datetime, report: Report
) -> list[Finding]:
    """Return what the event log holds, by topic: in keys, ids, headers and payloads."""
    search = Search(needles)
    found = []
    for number, topic in enumerate(Topic, 1):
        times: Counter[Needle] = Counter()
        latest = None
        async for each in until(log, [topic], Positions(), await log.end([topic])):
            event = each.event
            texts = f"{event.key}\0{event.id}\0{event.type}\0{event.source}\0{event.traceparent}\0".encode()
            here = search.in_bytes(texts + (event.payload or b""))
            if here:
                times += here
                latest = max(latest or event.time, event.time)
        report("searching the event log", number, len(Topic))
        rule = rule_for_topic(topic, rules)
        found += finding(f"topic {topic}", times, partial(_always, rule), latest or now)
    return found


def in_files(
    places: Sequence[Path], needles: Sequence[Needle], rule_of: Callable[[Path, bool], Rule | None], now: datetime
) -> list[Finding]:
    """Return what the files at and under `places` hold, file by file.

    rule_of: the rule that may explain words (True) or ids (False) in a file.
    """
    search = Search(needles)
    return [
        each
        for file in files_in(places)
        for each in finding(str(file), search.in_file(file), partial(rule_of, file), now)
    ]


def _always(rule: Rule | None, word: bool) -> Rule | None:  # noqa: FBT001  what `finding` asks by
    del word
    return rule
