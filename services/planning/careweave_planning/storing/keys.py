"""The file that holds the one secret of the store: 32 random bytes in base64, on one line."""

import base64
import binascii
import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from careweave.errors import FailedPrecondition, InvalidArgument, Unavailable

LENGTH: Final = 32


def make(path: Path, new_bytes: Callable[[int], bytes]) -> None:
    """Write a new secret to `path`, for its owner alone (mode 0600), unless another process was quicker.

    It appears as a whole, and is on the disk when this returns.

    Raises:
        Unavailable: it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.") as file:  # has the mode 0600
            file.write(base64.b64encode(new_bytes(LENGTH)) + b"\n")
            file.flush()
            os.fsync(file.fileno())
            with suppress(FileExistsError):
                os.link(file.name, path)
    except OSError as error:
        raise Unavailable(
            f"The key of equality declarations cannot be written to {path} ({error.strerror}).",
            reason="EQUALITY_KEY_NOT_WRITTEN",
        ) from error


def read(path: Path) -> bytes:
    """Return the secret in `path`.

    Raises:
        FailedPrecondition: it cannot be read.
        InvalidArgument: it is no such secret.
    """
    try:
        text = path.read_text(encoding="ascii", errors="replace").strip()
    except OSError as error:
        raise FailedPrecondition(
            f"The key of equality declarations cannot be read from {path} ({error.strerror}). Put back the key that "
            "the declarations were written with; without it nobody can read them.",
            reason="EQUALITY_KEY_MISSING",
        ) from error
    try:
        secret = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        secret = b""
    if len(secret) != LENGTH:
        raise InvalidArgument(
            f"{path} must hold {LENGTH} random bytes in base64, as `openssl rand -base64 {LENGTH}` makes them.",
            reason="EQUALITY_KEY_INVALID",
        )
    return secret
