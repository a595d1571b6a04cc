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
    if is_out_of_space(error):
        return Exhausted(
            f"{doing}: the disk of the graph is full; nothing of this change was kept. Free some space and try again.",
            reason="GRAPH_DISK_FULL",
        )
    if isinstance(error, MemoryError) or any(sign in text for sign in _OUT_OF_MEMORY):
        return Exhausted(
            f"{doing}: the graph's memory is used up; ask for less at a time. ({text})", reason="GRAPH_MEMORY_FULL"
        )
    if "duplicated primary key" in text:
        return AlreadyExists(f"{doing}: there is a node with that key already. ({text})", reason="KEY_EXISTS")
    if "Checksum verification failed" in text or "corrupted" in text:
        return DataLoss(f"{doing}: the graph's files are damaged. ({text})", reason="GRAPH_DAMAGED")
    if isinstance(error, TypeError | ValueError) or any(sign in text for sign in _WRONG_TEXT):
        return InvalidArgument(f"{doing}: the graph refuses this. ({text})", reason="QUERY_REFUSED")
    return Unavailable(f"{doing}: the graph does not answer. ({text})", reason="GRAPH_UNAVAILABLE")
