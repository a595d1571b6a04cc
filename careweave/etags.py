"""Versions and the etags made of them (AIP-154)."""

from careweave.errors import Conflict


def etag_of(version: int) -> str:
    """Return the etag of a resource at `version`, from 1; callers must not read anything into it."""
    return f'"{version}"'


def stale(name: str, version: int) -> Conflict:
    """Return the error for a caller who has not seen `version` of the resource; 0 if it is gone."""
    return Conflict(
        f"{name} has changed since it was read; read it again and repeat the change.",
        reason="ETAG_STALE",
        metadata={"resource": name, "current_etag": etag_of(version) if version else ""},
    )


def check_etag(given: str, version: int, name: str) -> None:
    """Return if `given` is empty or the etag of `version`; 0 stands for a resource that is gone.

    Raises:
        Conflict: it is stale.
    """
    if given and (not version or given != etag_of(version)):
        raise stale(name, version)
