"""How fast is a bundle opened, and how much memory does it take?

Writes bundles of synthetic vectors below FOLDER (half products, half users, 128 dimensions, five
purchases a user; a million nodes take .6 GB) and opens each in processes of their own: with every
file compared with its hash, and without. Seconds do not hold the start of Python and the imports.
Memory is what the process holds after opening, and then after two answers, beyond what it held
before: its own, and pages of mapped files that it touched, which the system takes back when it
needs them.
"""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from benchmarks.data.vectors import trained_like
from benchmarks.data.worlds import bare_nodes
from benchmarks.harness import Arguments, Bench, Timer, in_a_process, measure, text
from graphdb.schema import SCHEMA
from graphrec import Adjacency, Recommender, write_bundle
from graphrec.query.index import IndexConfig, build_index

PURCHASES_PER_USER = 5


def arguments(arguments: Arguments) -> None:
    arguments.add("folder", type=Path)
    arguments.add("--nodes", type=int, nargs="*", default=[10_000, 1_000_000])
    arguments.add("--no-index", action="store_true", help="write new bundles without")


def run(bench: Bench) -> None:
    options = bench.options
    steps = ("open", "answer 1", "answer 2")
    table = bench.table(
        "Opening a bundle",
        measure("nodes", None),
        text("files"),
        *(
            measure(f"{step} {clock}", 3, "lower" if clock == "s" else None)
            for step in steps
            for clock in ("s", "cpu s")
        ),
        *(
            measure(f"{whose} MB{when}", 0)
            for whose in ("own", "mapped")
            for when in (", open", ", two answers")
        ),
        group_by="nodes",
    )
    for nodes in options.nodes:
        path = options.folder / f"bundle-{nodes}"
        if not path.exists():
            write(path, nodes, bench, index=not options.no_index)
        for verify in (True, False):
            found = in_a_process(opened, path, verify)
            table.add(nodes, "checked" if verify else "unchecked", *found)


def write(path: Path, nodes: int, bench: Bench, *, index: bool) -> None:
    """A bundle, by default with indexes. Users have the vectors of products: memory is short."""
    size, seed, timer = nodes // 2, bench.options.seed, Timer()
    _, vectors = trained_like(size, 1, 128, seed)
    random = np.random.default_rng(seed)
    purchased = SCHEMA.parse_edge_type("User-PURCHASED-Product")
    sources = np.repeat(np.arange(size), PURCHASES_PER_USER)
    timer.restart()
    write_bundle(
        path,
        schema=SCHEMA,
        snapshot_id="bench",
        cutoff=datetime(2026, 1, 1, tzinfo=UTC),
        nodes={
            name: bare_nodes(name, (f"{name.lower()}-{row:09d}" for row in range(size)))
            for name in ("Product", "User")
        },
        vectors={"Product": vectors, "User": vectors},
        edges={
            purchased: Adjacency.from_edges(
                sources, random.integers(0, size, len(sources)), size, size
            )
        },
        config={},
        metrics={},
    )
    timer.split()
    config = IndexConfig(kind="bounds", seed=seed)
    for built in build_index(path, config) if index else ():
        bench.note(f"{nodes:,} nodes: {built.name} built in {built.seconds:.1f} s")
    size_mb = sum(file.stat().st_size for file in path.rglob("*") if file.is_file()) / 1e6
    index_mb = sum(file.stat().st_size for file in path.glob("index/*")) / 1e6
    bench.note(
        f"{nodes:,} nodes: written in {timer.clock.last:.1f} s, {size_mb:,.0f} MB, {index_mb:,.0f} "
        "of them indexes"
    )


def opened(path: Path, verify: bool) -> list[float]:
    before = memory_mb()
    timer = Timer()
    with timer:
        recommender = Recommender.open(path, verify=verify)
    after_open = memory_mb()
    for user in ("user-000000007", "user-000000042"):
        with timer:
            recommender.products_for_user(user)
    after = memory_mb()
    laps = zip(timer.clock.seconds, timer.cpu.seconds, strict=True)
    return [
        *(seconds for lap in laps for seconds in lap),
        *(now[i] - before[i] for i in (0, 1) for now in (after_open, after)),
    ]


def memory_mb() -> tuple[float, float]:
    """What this process holds of its own, and of mapped files."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return tuple(int(status[name].split()[0]) / 1024 for name in ("RssAnon", "RssFile"))
