"""Opening a bundle: python scripts/bench_open.py FOLDER [--nodes 10000 1000000].

Writes bundles of synthetic vectors below FOLDER (half products, half users, 128 numbers, five
purchases a user; a million nodes take .6 GB) and opens each in processes of their own: with every
file compared with its hash, and without. Seconds do not hold the start of Python and the imports.
Memory is what the process holds after opening, and then after two answers, beyond what it held
before: its own, and pages of mapped files that it touched, which the system takes back when it
needs them.
"""

import argparse
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
from bench_vectors import trained_like
from rich.console import Console
from rich.table import Table

from graphdb.schema import SCHEMA
from graphrec import Adjacency, Recommender, write_bundle
from graphrec.query.index import IndexConfig, build_index

PURCHASES_PER_USER = 5


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--nodes", type=int, nargs="*", default=[10_000, 1_000_000])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--no-index", action="store_true", help="write new bundles without")
    parser.add_argument("--open", choices=["checked", "unchecked"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.open:
        print(json.dumps(opened(options.folder, options.open == "checked")))
        return
    table = Table(title=f"Opening a bundle, {date.today()}", header_style="bold")
    table.add_column("nodes", justify="right")
    for heading in (
        "files", "open s", "cpu s", "answer 1 s", "cpu s", "answer 2 s", "cpu s",
        "own MB", "then", "mapped MB", "then",
    ):  # fmt: skip
        table.add_column(heading, justify="right")
    for nodes in options.nodes:
        path = options.folder / f"bundle-{nodes}"
        if not path.exists():
            written(path, nodes, options.seed, index=not options.no_index)
        for files in ("checked", "unchecked"):
            found = json.loads(
                subprocess.run(
                    [sys.executable, __file__, str(path), "--open", files],
                    check=True,
                    capture_output=True,
                    text=True,
                ).stdout
            )
            table.add_row(f"{nodes:,}", files, *found)
    Console(width=None if Console().is_terminal else 120).print(table)


def written(path: Path, nodes: int, seed: int, *, index: bool) -> None:
    """A bundle, by default with indexes. Users have the vectors of products: memory is short."""
    size = nodes // 2
    _, vectors = trained_like(size, 1, 128, seed)
    random = np.random.default_rng(seed)
    purchased = SCHEMA.parse_edge_type("User-PURCHASED-Product")
    sources = np.repeat(np.arange(size), PURCHASES_PER_USER)
    began = time.perf_counter()
    write_bundle(
        path,
        schema=SCHEMA,
        snapshot_id="bench",
        cutoff=datetime(2026, 1, 1, tzinfo=UTC),
        nodes={name: node_table(name, size) for name in ("Product", "User")},
        vectors={"Product": vectors, "User": vectors},
        edges={
            purchased: Adjacency.from_edges(
                sources, random.integers(0, size, len(sources)), size, size
            )
        },
        config={},
        metrics={},
    )
    middle = time.perf_counter()
    config = IndexConfig(kind="bounds", seed=seed)
    for built in build_index(path, config) if index else ():
        print(f"{nodes:,}: {built.name} built in {built.seconds:.1f} s", file=sys.stderr)
    size_mb = sum(file.stat().st_size for file in path.rglob("*") if file.is_file()) / 1e6
    index_mb = sum(file.stat().st_size for file in path.glob("index/*")) / 1e6
    print(
        f"{nodes:,}: written in {middle - began:.1f} s, {size_mb:,.0f} MB, {index_mb:,.0f} of them "
        f"indexes; free on disk {shutil.disk_usage(path).free / 1e9:,.0f} GB",
        file=sys.stderr,
    )


def node_table(node_type: str, size: int) -> pa.Table:
    arrow = SCHEMA.arrow_schema(node_type)
    key = SCHEMA.node_type(node_type).key
    ids = pa.array([f"{node_type.lower()}-{row:09d}" for row in range(size)])
    columns = [ids if field.name == key else pa.nulls(size, field.type) for field in arrow]
    return pa.Table.from_arrays(columns, schema=arrow)


def opened(path: Path, verify: bool) -> list[str]:
    before = memory_mb()
    seconds = []
    with timed(seconds):
        recommender = Recommender.open(path, verify=verify)
    after_open = memory_mb()
    for user in ("user-000000007", "user-000000042"):
        with timed(seconds):
            recommender.products_for_user(user)
    after = memory_mb()
    return [
        *(f"{one:.3f}" for one in seconds),
        *(f"{now[i] - before[i]:,.0f}" for i in (0, 1) for now in (after_open, after)),
    ]


@contextmanager
def timed(seconds: list[float]) -> Iterator[None]:
    """Adds seconds of the clock and of the processors."""
    began = time.perf_counter(), time.process_time()
    yield
    seconds += [time.perf_counter() - began[0], time.process_time() - began[1]]


def memory_mb() -> tuple[float, float]:
    """What this process holds of its own, and of mapped files."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return tuple(int(status[name].split()[0]) / 1024 for name in ("RssAnon", "RssFile"))


if __name__ == "__main__":
    main()
