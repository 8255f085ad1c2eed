"""How fast the graph gets in and out: ingest, snapshot, HeteroData, on synthetic edges.

    python scripts/bench_store.py [--edges 10000000] [--seed 0]

Beside each step of ours stands the plain way to do it, on the same data in the same run: Python's
sqlite3 with a primary key and INSERT OR REPLACE for the upserts, and a dictionary per node type
with a Python loop over rows for the reading. The plain ways run on a part of the edges
(--baseline-edges); rates are per edge, so they compare.
"""

import argparse
import resource
import sqlite3
import tempfile
import time
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from graphdb import SCHEMA, EdgeType, Snapshot, open_store, write_snapshot
from graphdb.ingest import ingest
from graphdb.sources import open_source
from training.data import load_graph

PURCHASED = SCHEMA.edge_type("PURCHASED")


class Clock:
    """Keeps (step, edges, seconds) rows; `note` closes the step that began last."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, int, float]] = []
        self._start = time.perf_counter()

    def begin(self) -> None:
        self._start = time.perf_counter()

    def note(self, step: str, edges: int) -> None:
        self.rows.append((step, edges, time.perf_counter() - self._start))
        self._start = time.perf_counter()

    def rate(self, step: str) -> float:
        return next(edges / seconds for name, edges, seconds in self.rows if name == step)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--edges", type=int, default=10_000_000)
    parser.add_argument("--baseline-edges", type=int, default=500_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        clock = Clock()
        snapshot, edges = ours(Path(folder), options, clock)
        part = baselines(Path(folder), snapshot, options.baseline_edges, clock)
    show(clock, edges, part)


def ours(folder: Path, options: argparse.Namespace, clock: Clock) -> tuple[Snapshot, int]:
    tables = open_source(f"synthetic:{options.edges}:{options.seed}", SCHEMA)
    edges = sum(table.num_rows or 0 for table in tables if isinstance(table.of, EdgeType))
    clock.note("generate the synthetic world", edges)
    with open_store(str(folder / "graph.duckdb")) as store:
        clock.begin()
        report = ingest(tables, store)
        clock.note("ingest", edges)
        assert report.rejected == 0, report.reject_codes
        again = ingest(tables, store)
        clock.note("ingest the same again", edges)
        assert again.counts.added == again.counts.updated == 0
        snapshot = write_snapshot(store, folder / "snapshot")
        clock.note("write the snapshot", edges)
    del tables
    clock.begin()
    graph = load_graph(snapshot)
    clock.note("read the snapshot into HeteroData", edges)
    in_graph = sum(graph[edge_type].edge_index.shape[1] for edge_type in graph.edge_types)
    assert in_graph == sum(snapshot.num_edges(edge_type) for edge_type in SCHEMA.edge_types())
    return snapshot, edges


def baselines(folder: Path, snapshot: Snapshot, most: int, clock: Clock) -> int:
    """The plain ways, on the first purchases."""
    purchases = snapshot.edges(PURCHASED).slice(0, most)
    rows = purchases.select(["source_id", "target_id", "at", "event_id", "count", "value"])
    rows = rows.set_column(2, "at", rows["at"].cast("int64"))
    clock.begin()
    with sqlite3.connect(folder / "plain.sqlite") as connection:
        connection.execute(
            "CREATE TABLE purchased (source_id TEXT, target_id TEXT, at INTEGER, event_id TEXT,"
            " count INTEGER, value REAL, PRIMARY KEY (source_id, target_id, at, event_id))"
        )
        connection.executemany(
            "INSERT OR REPLACE INTO purchased VALUES (?, ?, ?, ?, ?, ?)",
            (tuple(row.values()) for row in rows.to_pylist()),
        )
    connection.close()
    clock.note("plain upsert: sqlite3, one row at a time", purchases.num_rows)
    plain_read(snapshot, purchases.num_rows, clock)
    return int(purchases.num_rows)


def plain_read(snapshot: Snapshot, most: int, clock: Clock) -> None:
    users, products = (
        {key: row for row, key in enumerate(snapshot.node_ids(name).to_pylist())}
        for name in ("User", "Product")
    )
    clock.begin()
    ends = snapshot.edges(PURCHASED, ["source_id", "target_id", "at"]).slice(0, most)
    edge_index = np.array(
        [[users[row["source_id"]], products[row["target_id"]]] for row in ends.to_pylist()]
    ).T
    clock.note("plain read: dictionaries, a loop over rows", edge_index.shape[1])


def show(clock: Clock, edges: int, part: int) -> None:
    against = {
        "ingest": "plain upsert: sqlite3, one row at a time",
        "ingest the same again": "plain upsert: sqlite3, one row at a time",
        "read the snapshot into HeteroData": "plain read: dictionaries, a loop over rows",
    }
    table = Table(title=f"{edges:,} edges of all types; plain ways on {part:,} purchases")
    for name in ("step", "edges", "seconds", "edges/s", "against the plain way"):
        table.add_column(name, justify="left" if name == "step" else "right")
    for step, number, seconds in clock.rows:
        ratio = ""
        if step in against:
            ratio = f"{clock.rate(step) / clock.rate(against[step]):.1f} x"
        table.add_row(step, f"{number:,}", f"{seconds:.1f}", f"{number / seconds:,.0f}", ratio)
    console = Console(width=120)
    console.print(table)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    console.print(f"peak memory {peak:.2f} GB")


if __name__ == "__main__":
    main()
