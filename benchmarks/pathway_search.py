"""K shortest simple paths of a plan: SciPy beside networkx and beside Ladybug's own paths, on the real network.

    python -m benchmarks.pathway_search [--json]

Reads the graph that CAREWEAVE_GRAPH names, which must hold the taxonomies (`careweave load all`). Every pair is asked
for its 24 cheapest ways by months, on the network as the planner builds it: whole, and cut down to the paths within
eight years. Ladybug gets the links as a table of its own, in memory, and is asked for its one cheapest path.
"""

import argparse
import asyncio
import json
import os
import statistics
import time
from collections.abc import Callable
from itertools import islice, pairwise
from typing import Any

import ladybug
import networkx as nx
import numpy as np
from careweave_matching.pathways.career import CareerMap, build_map
from careweave_matching.pathways.facts import packaged_facts
from careweave_matching.pathways.ground import ground_of, relatedness
from careweave_matching.pathways.network import Network, build_network
from careweave_matching.pathways.plans import FARTHEST
from careweave_matching.pathways.reading import read_career_rows
from careweave_matching.pathways.routes import leads_on, relevant
from careweave_matching.pathways.search import PATHS, Paths, paths_of
from careweave_matching.pathways.standing import Standing
from careweave_matching.reading import read_taxonomy
from scipy.sparse.csgraph import yen

from careweave.config import read_settings
from careweave.wiring import open_graph

PAIRS = (
    ("care at home worker", "nurse responsible for general care"),
    ("care at home worker", "elderly home manager"),
    ("front line medical receptionist", "nurse responsible for general care"),
    ("healthcare assistant", "physiotherapist"),
    ("social work assistant", "social worker"),
    ("kitchen assistant", "nurse assistant"),
    ("care at home worker", "hospital pharmacist"),
)
REPEATS = 5


async def the_map() -> CareerMap:
    """Return the map of careers of the graph that the settings name."""
    graph = await open_graph(read_settings(os.environ))
    try:
        return build_map(await read_taxonomy(graph, "benchmark"), await read_career_rows(graph), packaged_facts())
    finally:
        await graph.close()


def network_for(career: CareerMap, start: str, end: str, *, cut: bool) -> tuple[Network, Paths]:
    """Return the network of somebody in `start` who wants to `end`, and its paths by months."""
    names = {work.label: work.name for work in career.works.values()}
    ground, work = ground_of(career, frozenset({names[start], names[end]})), career.works[names[start]]
    if cut:
        related = relatedness(career, work, ground.works)
        ground = ground.only(relevant(ground, work, related, work.level, frozenset({ground.rows[names[end]]})))
    targets = frozenset({ground.rows[names[end]]})
    standing = Standing(names[start], True, {}, 0, frozenset(), frozenset())  # noqa: FBT003  a record of six fields
    network = build_network(ground, standing, targets)
    allowed = leads_on(network, targets) if cut else np.ones(len(network.links.tail), np.bool_)
    return network, paths_of(network, network.links.months, allowed, FARTHEST if cut else np.inf)


def timed(ask: Callable[[], Any]) -> tuple[float, Any]:
    """Return the median milliseconds of a call, and what it answers."""
    found = ask()
    took = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        found = ask()
        took.append((time.perf_counter() - began) * 1e3)
    return statistics.median(took), found


def by_networkx(network: Network, paths: Paths) -> Callable[[], list[float]]:
    """Return what asks networkx for the costs of the cheapest paths; making its graph is not counted."""
    graph = nx.DiGraph()
    for (tail, head), link in paths.links.items():
        graph.add_edge(tail, head, weight=float(network.links.months[link]))

    def ask() -> list[float]:
        found = nx.shortest_simple_paths(graph, network.start, network.end, weight="weight")
        return [sum(graph[one][two]["weight"] for one, two in pairwise(path)) for path in islice(found, PATHS)]

    return ask


def by_scipy(network: Network, paths: Paths) -> Callable[[], list[float]]:
    """Return the same for SciPy."""
    return lambda: [float(cost) for cost in yen(paths.matrix, network.start, network.end, PATHS)]


def by_ladybug(network: Network, paths: Paths) -> Callable[[], list[float]]:
    """Return what asks Ladybug for the cheapest path: it has no K cheapest, so this is one path, not 24."""
    connection = ladybug.Connection(ladybug.Database(":memory:"))
    connection.execute("CREATE NODE TABLE State(id INT64 PRIMARY KEY)")
    connection.execute("CREATE REL TABLE Link(FROM State TO State, months DOUBLE)")
    states = sorted({state for pair in paths.links for state in pair})
    connection.execute("UNWIND $ids AS id CREATE (:State {id: id})", {"ids": states})
    rows = [[tail, head, float(network.links.months[link])] for (tail, head), link in paths.links.items()]
    connection.execute(
        "UNWIND $rows AS row MATCH (a:State {id: CAST(row[1] AS INT64)}), (b:State {id: CAST(row[2] AS INT64)}) "
        "CREATE (a)-[:Link {months: row[3]}]->(b)",
        {"rows": [[float(one), float(two), cost] for one, two, cost in rows]},
    )
    text = "MATCH p = (a:State {id: $a})-[e:Link* WSHORTEST(months)]->(b:State {id: $b}) RETURN cost(e)"

    def ask() -> list[float]:
        result: Any = connection.execute(text, {"a": network.start, "b": network.end})
        return [float(row[0]) for row in result.get_all()]

    return ask


def measure(career: CareerMap, *, cut: bool, engines: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Return median and largest milliseconds by engine; SciPy and networkx must agree on every cost."""
    took: dict[str, list[float]] = {name: [] for name in engines}
    links = []
    for start, end in PAIRS:
        network, paths = network_for(career, start, end, cut=cut)
        links.append(paths.matrix.nnz)
        answers = {}
        for name, engine in engines.items():
            milliseconds, answers[name] = timed(engine(network, paths))
            took[name].append(milliseconds)
        first = answers["scipy"]
        if "networkx" in answers and not np.allclose(first, answers["networkx"]):
            message = f"{start} → {end}: SciPy and networkx disagree."
            raise SystemExit(message)
        one = answers.get("ladybug (one path)", first)[:1]
        if len(one) != 1 or not np.allclose(first[:1], one):
            message = f"{start} → {end}: SciPy and Ladybug disagree."
            raise SystemExit(message)
    figures = {name: {"median_ms": statistics.median(all_), "most_ms": max(all_)} for name, all_ in took.items()}
    return {"links": {"median": statistics.median(links), "most": max(links)}, **figures}


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    wanted = parser.parse_args()
    career = asyncio.run(the_map())
    few = {"scipy": by_scipy, "networkx": by_networkx}
    found = {
        "cut": measure(career, cut=True, engines={**few, "ladybug (one path)": by_ladybug}),
        "whole": measure(career, cut=False, engines=few),
    }
    if wanted.json:
        print(json.dumps(found))
        return
    for network, figures in found.items():
        print(network)
        for name, each in figures.items():
            print(f"  {name}: " + ", ".join(f"{key} {value:,.1f}" for key, value in each.items()))


if __name__ == "__main__":
    main()
