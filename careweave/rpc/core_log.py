"""What gRPC's core writes to standard error, as lines of our own log.

The core has no hook for its log: it writes plain lines to the file descriptor 2. Whoever connects in plain text to a
port of TLS, or with a wrong certificate, shows there alone, since no call comes of it. So that descriptor becomes a
pipe whose lines are logged as JSON, while Python goes on writing to where it led before.
"""

import logging
import os
import re
import sys
from threading import Thread
from typing import BinaryIO, Final

_LOG: Final = logging.getLogger(__name__)
_STANDARD_ERROR: Final = 2
# Severity, date, time, thread, file and line, message: how the library writes that the core logs with (Abseil).
_LINE: Final = re.compile(r"^([IWEF])\d{4} [\d:.]+ +\d+ ([\w.]+:\d+)\] (.*)$")
_LEVELS: Final = {"I": logging.INFO, "W": logging.WARNING, "E": logging.ERROR, "F": logging.CRITICAL}
_HANDSHAKE: Final = "Handshake failed"
# What BoringSSL calls it, and what is wrong then.
_MEANINGS: Final = {
    "WRONG_VERSION_NUMBER": "no TLS, perhaps plain text",
    "HTTP_REQUEST": "plain HTTP",
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": "no client certificate",
    "certificate has expired": "a client certificate that has expired",
    "CERTIFICATE_VERIFY_FAILED": "a client certificate that is signed by nobody in CAREWEAVE_TLS_CA_FILE",
}


def log_what_core_writes() -> None:
    """Log from now on what comes to the file descriptor 2; once in a process, before its logging is configured."""
    before = os.dup(_STANDARD_ERROR)
    reading, writing = os.pipe()
    os.dup2(writing, _STANDARD_ERROR)
    os.close(writing)
    sys.stderr.flush()
    sys.stderr = os.fdopen(before, "w", buffering=1, encoding="utf-8", errors="backslashreplace")
    Thread(target=_read, args=(os.fdopen(reading, "rb"),), name="core-log", daemon=True).start()


def _read(lines: BinaryIO) -> None:
    for line in lines:
        log_line(line.decode(errors="replace").rstrip("\n"))


def log_line(line: str) -> None:
    """Log one line of the core; what is not of its form is a warning as it stands."""
    found = _LINE.match(line)
    if found is None:
        if line.strip():
            _LOG.warning("written to standard error", extra={"line": line})
        return
    severity, where, message = found.groups()
    if message.startswith(_HANDSHAKE):
        what = next(
            (meaning for sign, meaning in _MEANINGS.items() if sign in message), "no TLS that could be agreed on"
        )
        _LOG.warning("a connection was refused: it came with %s", what, extra={"reason": "TLS_REFUSED", "why": message})
    else:
        _LOG.log(_LEVELS[severity], "gRPC's core: %s", message, extra={"where": where})
