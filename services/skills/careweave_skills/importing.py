"""Importing one source: all of it in one unit of work, or nothing; the same version again changes nothing."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Final, Protocol, TypeAlias

from careweave.graph.port import Graph, UnitOfWork
from careweave_skills.import_store import (
    ImportSummary,
    NotedRows,
    delete_nodes,
    delete_out_of_date_links,
    gathered,
    in_use,
    out_of_date_nodes,
    read_imports,
    record_import,
)
from careweave_skills.rows import GraphRows, of_care_pathway, of_esco, of_standards
from careweave_skills.sources import care_pathway, esco, standards, tables
from careweave_skills.sources.tables import RowNote
from careweave_skills.taxonomy import Source

_IMPORTER: Final = "1"
"""Version of readers and rows; a change of either makes every source new."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an import is; `total` is 0 where not known."""

    source: Source
    activity: str
    done: int = 0
    total: int = 0


Report: TypeAlias = Callable[[Progress], None]
"""Takes progress; called on the event loop."""
Tell: TypeAlias = Callable[[str, int, int], None]
"""Takes an activity, units done and units in all (0: not known); called from any thread."""


@dataclass(frozen=True, slots=True)
class Content:
    """What a source says, and what is to be said about its rows."""

    rows: GraphRows
    dropped: tuple[RowNote, ...] = ()
    corrected: tuple[RowNote, ...] = ()


class Origin(Protocol):
    """Where the content of a source comes from."""

    @property
    def source(self) -> Source:
        """Return which source it is."""
        ...

    def version(self) -> str:
        """Return a digest of all that the content depends on."""
        ...

    def content(self, report: Tell) -> Content:
        """Return the content; may take minutes, and tells in words what goes on."""
        ...


@dataclass(frozen=True, slots=True)
class Files:
    """A source in the files of a folder."""

    source: Source
    folder: Path

    def version(self) -> str:
        """Return the digest of the files and of the importer.

        Raises:
            InvalidArgument: a file is missing.
        """
        return tables.digest(_IMPORTER, *_FILES_OF[self.source](self.folder))

    def content(self, report: Tell) -> Content:
        """Read the files.

        Raises:
            InvalidArgument: a file or column is missing, or a file is damaged.
        """
        report("reading", 0, 0)
        return _READ[self.source](self.folder)


async def import_source(
    graph: Graph, origin: Origin, report: Report, clock: Callable[[], datetime], *, force: bool = False
) -> ImportSummary:
    """Bring the graph to what `origin` says, in one unit of work.

    Reading happens beside the loop and before writing begins, so that readers and other writers go on.
    Concepts that the source no longer has are deleted, except those that people or opportunities refer to.

    Raises:
        InvalidArgument: the source cannot be used; nothing was written.
        Exhausted, Unavailable: the graph could not be written; nothing was written.
    """
    begun = clock()
    source = origin.source
    report(Progress(source, "checking the version"))
    version = await asyncio.to_thread(origin.version)
    loaded = (await read_imports(graph)).get(source)
    if loaded is not None and loaded.version == version and not force:
        return replace(loaded, unchanged=True)
    loop = asyncio.get_running_loop()

    def tell(activity: str, done: int, total: int) -> None:
        loop.call_soon_threadsafe(report, Progress(source, activity, done, total))

    content = await asyncio.to_thread(origin.content, tell)
    async with graph.unit_of_work() as unit:
        kept = await _write(unit, content.rows, source, report)
        summary = ImportSummary(
            source=source,
            version=version,
            unchanged=False,
            loaded=content.rows.counts(),
            dropped=gathered(content.dropped),
            corrected=(*gathered(content.corrected), *kept),
            seconds=(clock() - begun).total_seconds(),
        )
        report(Progress(source, "committing"))
        await record_import(unit, summary, clock())
    return replace(summary, seconds=(clock() - begun).total_seconds())


async def _write(unit: UnitOfWork, rows: GraphRows, source: Source, report: Report) -> list[NotedRows]:
    """Write `rows`, delete what they supersede; returns what was kept though out of date."""
    total = sum(rows.counts().values())
    done = 0
    kept: list[NotedRows] = []
    for nodes in rows.nodes:
        report(Progress(source, f"writing {nodes.counted_as}", done, total))
        stale = await out_of_date_nodes(unit, nodes, rows.scheme)
        used = await in_use(unit, nodes.label, stale) if stale else set()
        if used:
            shown = tuple(sorted(used)[:10])
            reason = "no longer in the source, kept since people or opportunities refer to it"
            kept.append(NotedRows(nodes.counted_as, reason, len(used), shown))
        await delete_nodes(unit, nodes.label, [name for name in stale if name not in used])
        await unit.merge_nodes(nodes.label, nodes.rows)
        done += len(nodes.rows)
    for links in rows.links:
        report(Progress(source, f"writing {links.counted_as}", done, total))
        await delete_out_of_date_links(unit, links, rows.scheme)
        await unit.merge_relationships(links.kind, links.source, links.target, links.rows)
        done += len(links.rows)
    report(Progress(source, "written", done, total))
    return kept


def _read_esco(folder: Path) -> Content:
    read = esco.read_esco(folder)
    return Content(of_esco(read), read.dropped, read.corrected)


def _read_care_pathway(folder: Path) -> Content:
    read = care_pathway.read_care_pathway(folder)
    return Content(of_care_pathway(read), read.dropped, read.corrected)


def _read_standards(folder: Path) -> Content:
    read = standards.read_standards(folder)
    return Content(of_standards(read), read.dropped, read.corrected)


_READ: Final[dict[Source, Callable[[Path], Content]]] = {
    Source.ESCO: _read_esco,
    Source.CARE_WORKFORCE_PATHWAY: _read_care_pathway,
    Source.APPRENTICESHIP_STANDARDS: _read_standards,
}
_FILES_OF: Final[dict[Source, Callable[[Path], tuple[Path, ...]]]] = {
    Source.ESCO: esco.source_files,
    Source.CARE_WORKFORCE_PATHWAY: care_pathway.source_files,
    Source.APPRENTICESHIP_STANDARDS: standards.source_files,
}
FOLDERS: Final = {
    Source.ESCO: "esco-v1.1.1",
    Source.CARE_WORKFORCE_PATHWAY: "uk-care",
    Source.APPRENTICESHIP_STANDARDS: "apprenticeships",
}
"""Folder of each source under the packaged data, or under a folder of the caller's."""
