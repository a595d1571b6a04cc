"""One server: start it, wait until it answers, stop it; and, for fault tests, kill, pause and resume it."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from careweave.errors import Unavailable
from careweave_cli.devstack.occupancy import occupant

START_SECONDS = 300.0
STOP_SECONDS = 60.0
_POLL_SECONDS = 0.1
_LOG = "output.log"
_TOLD_LINES = 20


@dataclass(slots=True)
class Server:
    """A server in `folder`, running or not, of which several processes may hold one of these.

    name: for messages.
    answers: whether it does what it is for, asked again and again while it starts; must not raise.
    """

    name: str
    folder: Path
    port: int
    answers: Callable[[], bool]
    _child: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """Return `host:port`."""
        return f"127.0.0.1:{self.port}"

    @property
    def process(self) -> int | None:
        """Return the id of its process; None if it does not run."""
        return occupant(self.folder)

    def start(self, *, stays: bool = False) -> None:
        """Start it, if it does not run; `wait` until it answers.

        stays: whether it outlives this process.
        """
        if self.process is not None:
            return
        command = [sys.executable, "-m", "careweave_cli.devstack.host", str(self.folder)]
        with (self.folder / _LOG).open("ab") as log:
            self._child = subprocess.Popen(  # noqa: S603  this project's own program
                command if stays else [*command, "--lifeline"],
                stdin=subprocess.DEVNULL if stays else subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C in a terminal is meant for whoever started it.
            )

    def wait(self, seconds: float = START_SECONDS) -> None:
        """Return once it answers.

        Raises:
            Unavailable: it ended, or does not answer in time; the last lines of its log are in the message.
        """
        until = time.monotonic() + seconds
        while not self.answers():
            ended = self.process is None if self._child is None else self._child.poll() is not None
            if ended or time.monotonic() > until:
                what = "ended while it started" if ended else f"does not answer after {seconds:.0f} s"
                raise Unavailable(f"{self.name} {what}; {self._last_words()}", reason="SERVER_NOT_READY")
            time.sleep(_POLL_SECONDS)

    def stop(self, seconds: float = STOP_SECONDS) -> None:
        """Let it end cleanly; after `seconds`, end it. Returns when it has ended."""
        self._signal(signal.SIGCONT)
        self._signal(signal.SIGTERM)
        if not self._has_ended(seconds):
            self.kill()
        self._reap()

    def kill(self) -> None:
        """End it at once, as a crash would. Returns when it has ended."""
        self._signal(signal.SIGKILL)
        self._has_ended(STOP_SECONDS)
        self._reap()

    def pause(self) -> None:
        """Freeze it: connections stay, nothing answers."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on after `pause`."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        process = self.process
        if process is not None:
            os.kill(process, number)
        elif self._child is not None and self._child.poll() is None:  # It has yet to take its folder.
            self._child.send_signal(number)

    def _has_ended(self, seconds: float) -> bool:
        until = time.monotonic() + seconds
        while self.process is not None or (self._child is not None and self._child.poll() is None):
            if time.monotonic() > until:
                return False
            time.sleep(_POLL_SECONDS)
        return True

    def _reap(self) -> None:
        if self._child is not None:
            if self._child.stdin is not None:
                self._child.stdin.close()
            self._child.wait()
            self._child = None

    def _last_words(self) -> str:
        log = self.folder / _LOG
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.exists() else []
        return "\n".join([f"the end of {log}:", *lines[-_TOLD_LINES:]])


def free_ports(count: int) -> list[int]:
    """Return ports of 127.0.0.1 that nothing listens on now."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()
