"""A whole graph copied into an empty one, label by label, through the port.

What an engine deleted stays in its files until something else is written there. A copy holds what the graph holds,
and nothing that it ever held before.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias, cast

from careweave.errors import DataLoss, FailedPrecondition
from careweave.graph.port import Graph, Query, Reads, Row
from careweave.graph.schema import NodeTable, RelationshipTable, Schema

Report: TypeAlias = Callable[[str, int, int], None]
"""Called with an activity in words, the rows done in it, and the rows in all."""

PAGE: Final = 10_000
"""Nodes read, and written in one unit of work: to find where they go on, the embedded engine looks through all."""


async def copy_graph(source: Graph, target: Graph, schema: Schema, report: Report) -> None:
    """Copy all nodes and relationships of `schema` from `source`, to which nobody writes, to `target`, which is empty.

    Raises:
        FailedPrecondition: `target` holds something already.
        DataLoss: not everything arrived; `target` is of no use.
        CareweaveError: an engine does not answer, or its disk is full.
    """
    await target.migrate()
    if any((await content_counts(target, schema)).values()):
        raise FailedPrecondition(
            "The graph to copy to holds something already; give an empty one.", reason="GRAPH_NOT_EMPTY"
        )
    wanted = await content_counts(source, schema)
    copy = _Copy(source, target, schema, wanted, report)
    for table in schema.nodes.values():
        await copy.nodes(table)
    for link in schema.relationships.values():
        for ends in link.pairs:
            await copy.links(link, ends)
    arrived = await content_counts(target, schema)
    if arrived != wanted:
        missing = {name: count - arrived[name] for name, count in wanted.items() if count != arrived[name]}
        raise DataLoss(f"not everything was copied: {missing}; the source is as it was.", reason="COPY_INCOMPLETE")


async def content_counts(reads: Reads, schema: Schema) -> Mapping[str, int]:
    """Return how many nodes there are of each label, and relationships of each kind between two labels."""
    counts = {label: await _count(reads, f"MATCH (n:`{label}`) RETURN count(*) AS times") for label in schema.nodes}
    for link in schema.relationships.values():
        for source, target in link.pairs:
            text = f"MATCH (a:`{source}`)-[r:`{link.kind}`]->(b:`{target}`) RETURN count(*) AS times"
            counts[_name(link, source, target)] = await _count(reads, text)
    return counts


async def _count(reads: Reads, text: str) -> int:
    return cast("int", (await reads.run(Query("copying.count", text)))[0]["times"])


@dataclass(frozen=True, slots=True)
class _Copy:
    source: Graph
    target: Graph
    schema: Schema
    wanted: Mapping[str, int]
    report: Report

    async def nodes(self, table: NodeTable) -> None:
        columns = ", ".join(f"n.`{name}` AS `{name}`" for name in table.properties)
        done = 0
        async for rows in _pages(self.source, table, columns):
            async with self.target.unit_of_work() as unit:
                await unit.merge_nodes(table.label, rows)
            done += len(rows)
            self.report(f"copying nodes: {table.label}", done, self.wanted[table.label])

    async def links(self, link: RelationshipTable, ends: tuple[str, str]) -> None:
        name = _name(link, *ends)
        if not self.wanted[name]:
            return
        start, end = self.schema.nodes[ends[0]], self.schema.nodes[ends[1]]
        properties = "".join(f", r.`{name}` AS `{name}`" for name in link.properties)
        # From the nodes by OPTIONAL MATCH: see `careweave.graph.port.Query`.
        links = Query(
            "copying.links",
            f"UNWIND $names AS wanted MATCH (a:`{start.label}` {{{start.key}: wanted}}) "
            f"OPTIONAL MATCH (a)-[r:`{link.kind}`]->(b:`{end.label}`) WITH a, r, b WHERE b.`{end.key}` IS NOT NULL "
            f"RETURN a.`{start.key}` AS source, b.`{end.key}` AS target{properties}",
        )
        done = 0
        async for nodes in _pages(self.source, start, f"n.`{start.key}` AS `{start.key}`"):
            rows = await self.source.run(links, names=[node[start.key] for node in nodes])
            async with self.target.unit_of_work() as unit:
                done += await unit.merge_relationships(link.kind, *ends, rows)
            self.report(f"copying relationships: {name}", done, self.wanted[name])


async def _pages(source: Graph, table: NodeTable, columns: str) -> AsyncIterator[list[Row]]:
    """Yield `columns`, the key among them, of all nodes of a label in order of key, `PAGE` at a time."""
    key = table.key
    query = Query(
        "copying.nodes",
        f"MATCH (n:`{table.label}`) WHERE n.`{key}` > $after RETURN {columns} ORDER BY `{key}` LIMIT $limit",
    )
    after = ""
    while rows := await source.run(query, after=after, limit=PAGE):
        yield rows
        after = str(rows[-1][key])


def _name(link: RelationshipTable, source: str, target: str) -> str:
    return f"({source})-[{link.kind}]->({target})"
