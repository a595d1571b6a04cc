"""The catalogue in use: loaded, reloaded after imports, and embedded in the background."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from careweave.abbreviations import in_full
from careweave.embedding.port import Embedder, Vectors
from careweave.errors import Unavailable
from careweave.graph.port import Graph
from careweave_skills.catalogue import Catalogue, Titles, read_catalogue

_LOG: Final = logging.getLogger(__name__)
_AT_ONCE: Final = 256
"""Texts of one step: what a step takes, half a second or so, is also how long stopping may wait."""
_KEPT_AT_ONCE: Final = 2_048
"""The same where nearly all are on disk."""
_RETRY_SECONDS: Final = 60.0
_SETTLE_SECONDS: Final = 10.0
"""So long after the start, or when first asked for, come the model and what is made for questions alone."""


class Knowledge:
    """Holds the catalogue that calls are answered from."""

    def __init__(self, graph: Graph, embedder: Embedder) -> None:
        """Begin empty; `reload` reads the graph."""
        self.graph = graph
        self.embedder = embedder
        self.catalogue = Catalogue((), (), Titles(), embedder)
        self.loaded = False
        self._warm = asyncio.Event()
        self._reloading = asyncio.Lock()
        self._changed = asyncio.Event()
        self._asked = asyncio.Event()

    async def reload(self) -> None:
        """Read the graph anew; calls are answered from the old catalogue until the new one is as far."""
        async with self._reloading:
            fresh = await read_catalogue(self.graph, self.embedder)
            while fresh.embedded < min(self.catalogue.embedded, fresh.to_embed):
                await asyncio.to_thread(fresh.embed_step, _KEPT_AT_ONCE)
            self.catalogue = fresh
            self.loaded = True
            self._changed.set()

    async def query_vector(self, query: str) -> Vectors | None:
        """Return the vector of what somebody looks for; None as long as the model is not loaded.

        Loading takes seconds, for which nobody should wait: words alone find much.
        """
        if not self._warm.is_set():
            self._asked.set()
            return None
        try:
            vectors = await asyncio.to_thread(self.embedder.embed_transient, [in_full(query)])
        except Unavailable:
            return None
        vector: Vectors = vectors[0]
        return vector

    async def keep_embedding(self) -> None:
        """Embed what is not embedded, in order of priority, and again after each reload; until cancelled.

        What is on disk is taken from there before the model is loaded; what only sharpens waits for it.
        """
        loading = asyncio.create_task(self._load_model())
        try:
            while True:
                self._changed.clear()
                await self._embed(self.catalogue)
                await self._changed.wait()
        finally:
            loading.cancel()

    async def _load_model(self) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._asked.wait(), _SETTLE_SECONDS)
        await asyncio.to_thread(self.catalogue.prepare)
        await self._until_available(lambda: self.embedder.embed_transient(["care"]))
        self._warm.set()

    async def _embed(self, catalogue: Catalogue) -> None:
        """Embed all of `catalogue`, unless another one takes its place meanwhile."""
        while not catalogue.complete and catalogue is self.catalogue:
            if catalogue.sharpening:
                await self._warm.wait()
            began = asyncio.get_running_loop().time()
            await self._until_available(lambda: catalogue.embed_step(_AT_ONCE))
            took = asyncio.get_running_loop().time() - began
            await asyncio.sleep(took * _pause(catalogue))
        if catalogue.complete and catalogue.to_embed:
            _LOG.info("all texts embedded", extra={"texts": catalogue.to_embed, "model": self.embedder.model})

    async def _until_available(self, work: Callable[[], object]) -> None:
        """Do `work` in a thread, again every minute while the model cannot be used."""
        while True:
            try:
                await asyncio.to_thread(work)
            except Unavailable as error:
                _LOG.warning("search by meaning is off: %s", error.message, extra={"reason": error.reason})
                await asyncio.sleep(_RETRY_SECONDS)
            else:
                return


def _pause(catalogue: Catalogue) -> int:
    """Return how many times the time of a step to leave to callers after it.

    Search works once the preferred labels are in. Further labels sharpen it; they are many, and can wait.
    """
    if not catalogue.searchable:
        return 0
    return 3 if catalogue.sharpening else 1
