"""The use-case of importing: which sources, from where, one import at a time, the catalogue following."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from pathlib import Path

from careweave.datasets import folder
from careweave.policy import Action, Caller, authorise
from careweave_skills.import_store import ImportSummary
from careweave_skills.importing import FOLDERS, Files, Origin, Report, import_source
from careweave_skills.knowledge import Knowledge
from careweave_skills.links_origin import read_links_origin
from careweave_skills.taxonomy import Source


class Importer:
    """Imports sources into the graph behind a `Knowledge`, one import at a time."""

    def __init__(self, knowledge: Knowledge, clock: Callable[[], datetime]) -> None:
        """Import with the time that `clock` tells."""
        self._knowledge = knowledge
        self._clock = clock
        self._turn = asyncio.Lock()

    async def import_taxonomy(
        self, caller: Caller, sources: Sequence[Source], root: Path | None, report: Report, *, force: bool
    ) -> AsyncIterator[ImportSummary]:
        """Import `sources` (all, if empty) in their order; yield the summary of each once it is in.

        root: a folder that holds the folders of the packaged data, to read instead of these.

        Raises:
            InvalidArgument: a file cannot be used. Sources before it stay imported; of its own nothing is.
        """
        authorise(caller, Action.IMPORT_TAXONOMY)
        chosen = sorted({source for source in sources if source is not Source.UNSPECIFIED})
        async with self._turn:
            changed = False
            everything = [source for source in Source if source is not Source.UNSPECIFIED]
            try:
                for source in chosen or everything:
                    if source is Source.LINKS and changed:
                        # Links take a minute or more: search must not wait for them.
                        await self._knowledge.reload()
                        changed = False
                    origin = await self._origin(source, root)
                    summary = await import_source(self._knowledge.graph, origin, report, self._clock, force=force)
                    # Links are read from the graph; the catalogue holds labels alone.
                    changed = changed or (not summary.unchanged and source is not Source.LINKS)
                    yield summary
            finally:
                if changed:
                    await self._knowledge.reload()

    async def _origin(self, source: Source, root: Path | None) -> Origin:
        if source is Source.LINKS:
            return await read_links_origin(self._knowledge.graph, self._knowledge.embedder)
        return Files(source, root / FOLDERS[source] if root else folder(FOLDERS[source]))
