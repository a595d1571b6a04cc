"""Versions and the etags made of them (AIP-154)."""

from careweave.errors import Conflict


def etag_of(version: int) -> str:
    """Return the etag of a resource at `version`; callers must not read anything into it."""
    return f'"{version}"'


def check_etag(given: str, version: int, name: str) -> None:
    """Return if `given` is empty or the etag of `version`.

    Raises:
        Conflict: it is stale.
    """
    if given and given != etag_of(version):
        raise Conflict(
            f"{name} has changed since it was read; read it again and repeat the change.",
            reason="ETAG_STALE",
            metadata={"resource": name, "current_etag": etag_of(version)},
        )
