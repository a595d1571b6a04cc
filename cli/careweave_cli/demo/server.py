"""The services of the demo: those that run already, else a server process of its own."""

import asyncio
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from careweave.config import Settings
from careweave.errors import Unavailable
from careweave_cli.reaching import answers, separate
from careweave_cli.session import Session

_POLL_SECONDS: Final = 0.05
_START_SECONDS: Final = 180.0
_STOP_SECONDS: Final = 20.0
_LOG_LINES: Final = 5
_TRIAL: Final = {"CAREWEAVE_TRIAL": "yes"}


@dataclass(frozen=True, slots=True)
class Server:
    """Where the services answer.

    settings: with `listen` at that address.
    log: what the server writes; None if somebody else started it.
    """

    settings: Settings
    log: Path | None


@asynccontextmanager
async def served(session: Session) -> AsyncIterator[Server]:
    """Yield a running server of all services, and stop it afterwards if it was started here, as a trial.

    Raises:
        Unavailable: it cannot start, for example since another process uses the data folder.
    """
    settings = session.settings
    if separate(settings) or answers(settings.listen):
        yield Server(settings, None)
        return
    log = settings.cache / "demo-server.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w", encoding="utf-8") as written:
        process = await asyncio.create_subprocess_exec(
            *command("serve", "all"), stdout=written, stderr=written, start_new_session=True,
            env={**session.environment, **_TRIAL},
        )  # fmt: skip
    try:
        await _until_it_listens(process, settings.listen, log)
        yield Server(settings, log)
    finally:
        await _stopped(process)


def command(*arguments: str) -> list[str]:
    """Return the command line that runs `careweave` with `arguments` in a process of its own."""
    return [sys.executable, "-m", "careweave_cli", *arguments]


async def _until_it_listens(process: Process, address: str, log: Path) -> None:
    async with asyncio.timeout(_START_SECONDS):
        while not answers(address):
            if process.returncode is not None:
                raise Unavailable(f"The services did not start: {_last_words(log)}", reason="SERVER_NOT_STARTED")
            await asyncio.sleep(_POLL_SECONDS)


def _last_words(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join(lines[-_LOG_LINES:]) or f"see {log}"


async def _stopped(process: Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        async with asyncio.timeout(_STOP_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
