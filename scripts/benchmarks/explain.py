"""How long does an explanation take, of usual pairs of nodes and of the busiest ones?

A made-up shop in which popularity falls as 1 / rank, with one shopper of thousands of purchases,
one product of tens of thousands of buyers and a brand of a tenth of all products. Beside it stands
the plain way, on a few usual pairs and for 3 hops only: to follow every path from node to node.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.data.worlds import bare_nodes
from benchmarks.harness import Arguments, Bench, Kind, Timer, measure, text
from graphdb import SCHEMA, EdgeType
from graphdb.schema_types import Step
from graphrec import Adjacency, Bundle, open_bundle, write_bundle
from graphrec.explain import Explainer
from graphrec.query.metapaths import Paths

Pair = tuple[tuple[str, str], tuple[str, str]]
RELATIONS = {
    "User-PURCHASED-Product": 0.4,
    "User-VIEWED-Product": 0.4,
    "User-FOLLOWS-Creator": 0.05,
    "Creator-PROMOTES-Product": 0.02,
    "Product-ALSO_BOUGHT-Product": 0.05,
    "Product-TAGGED-Tag": 0.04,
    "Product-MADE_BY-Brand": 0.02,
    "Product-IN_CATEGORY-Category": 0.02,
}
"""The share of all edges that each has."""


def arguments(arguments: Arguments) -> None:
    arguments.add("--edges", type=int, default=1_000_000)
    arguments.add("--pairs", type=int, default=100)


def run(bench: Bench) -> None:
    options = bench.options
    rng = np.random.default_rng(options.seed)
    with tempfile.TemporaryDirectory() as folder:
        bundle = make_shop(Path(folder) / "bundle", options.edges, rng)
        usual = [
            (node(bundle, "User", rng), node(bundle, "Product", rng)) for _ in range(options.pairs)
        ]
        explain_all(bench, bundle, usual)


def make_shop(folder: Path, num_edges: int, rng: np.random.Generator) -> Bundle:
    """Row 0 of every type is its most popular node; user 0 is the busiest shopper."""
    num_products = num_edges // 50
    sizes = {
        **dict.fromkeys(SCHEMA.node_types, 1),
        "User": num_edges // 20,
        "Product": num_products,
        "Creator": num_edges // 500,
        "Brand": num_products // 100,
        "Category": num_products // 200,
        "Tag": 100,
    }
    edges = {}
    for name, share in RELATIONS.items():
        edge_type = SCHEMA.parse_edge_type(name)
        count = int(num_edges * share)
        sources = rng.integers(sizes[edge_type.source], size=count)
        if SCHEMA.relation(edge_type.relation).one_target:
            sources = np.arange(count)
        targets = by_popularity(sizes[edge_type.target], count, rng)
        if edge_type.source == "User" and edge_type.target == "Product":
            sources[: num_edges // 200] = 0
        if edge_type.target == "Brand":
            targets[rng.random(count) < 0.1] = 0
        shape = (sizes[edge_type.source], sizes[edge_type.target])
        edges[edge_type] = Adjacency.from_edges(sources, targets, *shape)
    write_bundle(
        folder,
        schema=SCHEMA,
        snapshot_id="bench",
        cutoff=None,
        nodes={
            name: bare_nodes(name, (f"{number:08}" for number in range(size)))
            for name, size in sizes.items()
        },
        vectors={"User": np.ones((sizes["User"], 1), np.float32)},
        edges=edges,
        config={},
        metrics={},
    )
    return open_bundle(folder, verify=False)


def by_popularity(size: int, count: int, rng: np.random.Generator) -> np.ndarray:
    """Rows drawn by 1 / rank."""
    shares = np.cumsum(1 / np.arange(1, size + 1))
    return np.searchsorted(shares / shares[-1], rng.random(count))


def node(bundle: Bundle, node_type: str, rng: np.random.Generator) -> tuple[str, str]:
    return node_type, bundle.id_of(node_type, int(rng.integers(bundle.num_nodes(node_type))))


def explain_all(bench: Bench, bundle: Bundle, usual: list[Pair]) -> None:
    first = {node_type: (node_type, bundle.id_of(node_type, 0)) for node_type in bundle.node_types}
    busiest = [
        (first["User"], first["Product"]),
        (first["User"], first["Brand"]),
        (first["Brand"], first["User"]),
        (first["Brand"], usual[0][0]),
        (first["User"], usual[0][0]),
        (first["Product"], usual[0][1]),
    ]
    table = bench.table(
        f"Explanations in a graph of {sum(bundle.manifest.num_edges.values()):,} edges",
        *map(text, ("pairs", "method")),
        measure("p50 ms", 0, "lower"),
        measure("p99 ms", 0, "lower"),
        measure("p50 CPU ms", 0, "lower"),
        text("found"),
    )
    timer = Timer()
    with timer:
        explainer = Explainer(bundle, Paths(bundle))
        explainer.explain(*usual[0])
    bench.note(f"the first explanation of a process: {timer.clock.last * 1e3:.0f} ms")
    for name, pairs in (
        ("usual", usual),
        *((described(bundle, pair), [pair] * 5) for pair in busiest),
    ):
        for hops in (3, 4) if name == "usual" else (4,):
            cells = times(pairs, lambda pair, hops=hops: explainer.explain(*pair, max_hops=hops))
            bench.say(*table.add(name, f"explain, {hops} hops", *cells))
    plain, name = Plain(bundle), f"usual, {min(len(usual), 5)} of them"
    cells = times(usual[:5], plain.any)
    bench.say(*table.add(name, "every path, 3 hops", *cells, kind=Kind.BASELINE))


def described(bundle: Bundle, pair: Pair) -> str:
    ends = []
    for node_type, node_id in pair:
        row = bundle.row_of(node_type, node_id)
        num_edges = 0
        for edge_type in bundle.edge_types:
            edges = bundle.edges(edge_type)
            num_edges += len(edges.targets(row)) if edge_type.source == node_type else 0
            num_edges += int((edges.indices == row).sum()) if edge_type.target == node_type else 0
        ends.append(f"{node_type} of {num_edges:,} edges")
    return " to ".join(ends)


def times(pairs: list[Pair], work: Callable[[Pair], object]) -> tuple[float | str, ...]:
    """Milliseconds, and how many pairs had an answer."""
    timer, found = Timer(), 0
    for pair in pairs:
        with timer:
            found += bool(work(pair))
    clock, cpu = timer.clock, timer.cpu
    return (
        clock.median * 1e3,
        clock.percentile(99) * 1e3,
        cpu.median * 1e3,
        f"{found} of {len(pairs)}",
    )


class Plain:
    """Follows every path of up to three edges, from neighbor to neighbor."""

    def __init__(self, bundle: Bundle) -> None:
        self._bundle, self._paths = bundle, Paths(bundle)

    def any(self, pair: Pair) -> bool:
        query, target = ((kind, self._bundle.row_of(kind, node_id)) for kind, node_id in pair)
        return bool(sum(1 for _ in self._walk([query], target, 3)))

    def _walk(self, path: list, target: tuple[str, int], hops: int):  # noqa: ANN202
        for other in self._neighbors(path[-1]):
            if other == target:
                yield [*path, other]
            elif hops > 1 and other not in path:
                yield from self._walk([*path, other], target, hops - 1)

    def _neighbors(self, end: tuple[str, int]):  # noqa: ANN202
        for edge_type in self._bundle.edge_types:
            yield from self._along(edge_type, end)

    def _along(self, edge_type: EdgeType, end: tuple[str, int]):  # noqa: ANN202
        for back in (False, True):
            start, stop = (edge_type[2], edge_type[0]) if back else (edge_type[0], edge_type[2])
            if start == end[0]:
                for row in self._paths.adjacency(Step(edge_type, back)).targets(end[1]).tolist():
                    yield stop, row
