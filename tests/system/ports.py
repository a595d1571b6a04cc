"""Addresses for servers that tests start."""

import random
import socket

_BELOW_EPHEMERAL = range(20_000, 32_000)
"""Ports that no outgoing connection is given meanwhile (Linux takes those from 32,768 on)."""


def free_address() -> str:
    """Return a loopback address at which nothing listens now."""
    while True:
        port = random.SystemRandom().choice(_BELOW_EPHEMERAL)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return f"127.0.0.1:{port}"
