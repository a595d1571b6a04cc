"""What organisations, places and hubs have in common: found by name, listed in order of it, updated by one call."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Generic, TypeVar

from google.protobuf.field_mask_pb2 import FieldMask

from careweave import masks
from careweave.errors import Conflict, NotFound
from careweave.etags import check_etag, etag_of
from careweave.graph.port import Query, Reads, Row, UnitOfWork
from careweave.policy import Action, Caller, authorise
from careweave.v1.profiles_pb2 import Hub, Organisation, Place
from careweave_profiles.ports import Ports
from careweave_profiles.references import References
from careweave_profiles.rules import check_texts
from careweave_profiles.violations import Violations, refuse

M = TypeVar("M", Organisation, Place, Hub)


@dataclass(frozen=True, slots=True)
class Link:
    """A field that names another resource, kept as a property and as a relationship.

    field: of the message. kind: of the relationship. label: of the node it leads to.
    """

    field: str
    kind: str
    label: str


@dataclass(frozen=True)
class Register(Generic[M]):
    """One kind of resource.

    label: of its nodes; the update request calls its resource so too, in lower case.
    message: its type.
    columns: its properties besides version and times.
    to_row, from_row: between message and properties, name included, etag left out.
    filters: property that a list may be narrowed by, to the value that means any.
    above: the field that names the resource within which it lies; empty if there is none.
    """

    label: str
    message: type[M]
    columns: tuple[str, ...]
    to_row: Callable[[M], dict[str, object]]
    from_row: Callable[[Mapping[str, Any]], M]
    links: tuple[Link, ...]
    getting: Action
    listing: Action
    updating: Action
    filters: Mapping[str, object] = field(default_factory=dict)
    above: str = ""

    @property
    def path(self) -> str:
        """What the update request calls the resource."""
        return self.label.lower()

    @cached_property
    def find(self) -> Query:
        """One by `$name`."""
        return Query(f"find_{self.path}", f"MATCH (n:{self.label} {{name: $name}}) RETURN {self._returned}")

    @cached_property
    def after(self) -> Query:
        """At most `$limit` past `$after`, where each filter is unset or equal."""
        narrowed = "".join(f" AND (${column} = $any_{column} OR n.{column} = ${column})" for column in self.filters)
        return Query(
            f"{self.path}s_after",
            f"MATCH (n:{self.label}) WHERE n.name > $after{narrowed} "
            f"RETURN {self._returned} ORDER BY name LIMIT $limit",
        )

    @property
    def _returned(self) -> str:
        return ", ".join(f"n.{column} AS {column}" for column in (*self.columns, "version"))

    def unlink(self, link: Link) -> Query:
        """Remove the relationships of `link` from `$name`."""
        return Query(
            f"unlink_{self.path}_{link.field}",
            f"MATCH (n:{self.label} {{name: $name}}) MATCH (n)-[r:{link.kind}]->(:{link.label}) DELETE r",
        )


async def get(ports: Ports, caller: Caller, register: Register[M], name: str) -> M:
    """Return the entry called `name`.

    Raises:
        Forbidden: `caller` may not.
        NotFound: there is none.
    """
    authorise(caller, register.getting)
    kept = await _find(ports.graph, register, name)
    if kept is None:
        raise _none(register, name)
    return kept[0]


async def list_entries(
    ports: Ports, caller: Caller, register: Register[M], after: str, limit: int, **filters: object
) -> tuple[list[M], str]:
    """Return at most `limit` entries past the name `after`, in order of name, and where the next page begins.

    filters: one value for each filter of the register.
    The second result is empty at the end.

    Raises:
        Forbidden: `caller` may not.
    """
    authorise(caller, register.listing)
    anything = {f"any_{column}": value for column, value in register.filters.items()}
    rows = await ports.graph.run(register.after, after=after, limit=limit + 1, **filters, **anything)
    entries = [_read(register, row)[0] for row in rows[:limit]]
    return entries, entries[-1].name if len(rows) > limit else ""


async def update(
    ports: Ports, caller: Caller, register: Register[M], given: M, mask: FieldMask, *, allow_missing: bool
) -> M:
    """Change the fields that `mask` names, or create the entry if it is missing and that is allowed.

    Raises:
        Forbidden: `caller` may not.
        NotFound: there is no such entry, and it shall not be created.
        Conflict: the etag is stale.
        InvalidArgument: name, mask or content is wrong, or names what does not exist.
    """
    authorise(caller, register.updating)
    async with ports.graph.unit_of_work() as unit:
        kept = await _find(unit, register, given.name)
        if kept is None:
            after = _new(register, given, allow_missing=allow_missing)
        else:
            check_etag(given.etag, kept[1], given.name)
            after = masks.merge(kept[0], given, mask)
            after.etag = kept[0].etag
        await _check(unit, register, after)
        if kept is not None and after == kept[0]:
            return after
        await _write(unit, ports, register, kept, after)
        return after


def _new(register: Register[M], given: M, *, allow_missing: bool) -> M:
    pattern = rf"{register.path}s/[A-Za-z0-9._~-]{{1,64}}"
    if not re.fullmatch(pattern, given.name):
        raise refuse(f"{register.path}.name", f"must match {pattern}", "NAME_INVALID")
    if not allow_missing:
        raise _none(register, given.name)
    if given.etag:
        raise Conflict(f"There is no {given.name} any more.", reason="ETAG_STALE", metadata={"resource": given.name})
    new = masks.merge(register.message(), given, FieldMask(paths=[masks.EVERYTHING]))
    new.name = given.name
    return new


async def _check(reads: Reads, register: Register[M], after: M) -> None:
    found, references = Violations(), References()
    check_texts(after, register.path, found)
    if not after.title:
        found.add(f"{register.path}.title", "must be set")
    for link in register.links:
        references.add(link.label, getattr(after, link.field), f"{register.path}.{link.field}")
    await references.check(reads, found)
    found.refuse_if_any(f"{register.label.upper()}_INVALID")
    above = getattr(after, register.above) if register.above else ""
    while above:
        if above == after.name:
            raise refuse(f"{register.path}.{register.above}", f"{above} would lie within itself", "HIERARCHY_CYCLE")
        kept = await _find(reads, register, above)
        above = getattr(kept[0], register.above) if kept else ""


async def _write(unit: UnitOfWork, ports: Ports, register: Register[M], kept: tuple[M, int] | None, after: M) -> None:
    now = ports.clock()
    version = kept[1] + 1 if kept else 1
    row = {**register.to_row(after), "version": version, "update_time": now}
    await unit.merge_nodes(register.label, [row if kept else {**row, "create_time": now}])
    for link in register.links:
        was, shall_be = getattr(kept[0], link.field) if kept else "", getattr(after, link.field)
        if was and was != shall_be:
            await unit.run(register.unlink(link), name=after.name)
        if shall_be and was != shall_be:
            await unit.merge_relationships(
                link.kind, register.label, link.label, [{"source": after.name, "target": shall_be}]
            )
    after.etag = etag_of(version)


async def _find(reads: Reads, register: Register[M], name: str) -> tuple[M, int] | None:
    """Return the entry called `name` with its version; None if there is none."""
    for row in await reads.run(register.find, name=name):
        return _read(register, row)
    return None


def _read(register: Register[M], row: Row) -> tuple[M, int]:
    version = row["version"]
    assert isinstance(version, int)  # noqa: S101  as the schema declares it
    entry = register.from_row(row)
    entry.etag = etag_of(version)
    return entry, version


def _none(register: Register[M], name: str) -> NotFound:
    return NotFound(f"There is no {name}.", reason=f"{register.label.upper()}_NOT_FOUND", metadata={"resource": name})
