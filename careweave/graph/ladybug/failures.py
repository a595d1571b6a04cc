"""Ladybug's errors, which are all RuntimeError, in terms of `careweave.errors`."""

from careweave.errors import (
    AlreadyExists,
    CareweaveError,
    DataLoss,
    Exhausted,
    InvalidArgument,
    Unavailable,
)

_OUT_OF_SPACE = ("Cannot write to file", "No space left", "File too large", "Cannot truncate file", "Cannot sync file")
_OUT_OF_MEMORY = ("Buffer manager exception", "buffer pool is full", "std::bad_alloc")
_WRONG_TEXT = (
    "Parser exception",
    "Binder exception",
    "Catalog exception",
    "Conversion exception",
    "Overflow exception",
    "Function exception",
    "Cannot convert Python object",
    "Runtime exception",
    "Not implemented",
    "Prepare",
    "Parameter",
)

_MEANINGS: tuple[tuple[tuple[str, ...], type[CareweaveError], str, str], ...] = (
    (
        _OUT_OF_SPACE,
        Exhausted,
        "GRAPH_DISK_FULL",
        "the disk of the graph is full; nothing of this change was kept. Free some space and try again.",
    ),
    (_OUT_OF_MEMORY, Exhausted, "GRAPH_MEMORY_FULL", "the graph's memory is used up; ask for less at a time."),
    (("duplicated primary key",), AlreadyExists, "KEY_EXISTS", "there is a node with that key already."),
    (("Checksum verification failed", "corrupted"), DataLoss, "GRAPH_DAMAGED", "the graph's files are damaged."),
    (_WRONG_TEXT, InvalidArgument, "QUERY_REFUSED", "the graph refuses this."),
)
"""Signs in the engine's message, what they mean, and what to say; the first that fits."""


def is_out_of_space(error: BaseException) -> bool:
    """Return whether the engine could not write to its files; it must then be opened anew."""
    return any(sign in str(error) for sign in _OUT_OF_SPACE)


def translate(error: Exception, doing: str) -> CareweaveError:
    """Return what `error`, raised by the engine while `doing`, means to a caller.

    doing: the name of a query or of a step, for the message.
    """
    if isinstance(error, CareweaveError):
        return error
    text = " ".join(str(error).split())[:400]
    if isinstance(error, MemoryError):
        text = "Buffer manager exception: out of memory"
    if isinstance(error, TypeError | ValueError):
        text = f"Conversion exception: {text}"
    for signs, kind, reason, advice in _MEANINGS:
        if any(sign in text for sign in signs):
            return kind(f"{doing}: {advice} ({text})", reason=reason)
    return Unavailable(f"{doing}: the graph does not answer. ({text})", reason="GRAPH_UNAVAILABLE")
