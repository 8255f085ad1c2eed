"""How fast does the graph get in and out: ingest, snapshot, HeteroData, on synthetic edges?

Beside each step of ours stands the plain way to do it, on the same data in the same run: Python's
sqlite3 with a primary key and INSERT OR REPLACE for the upserts, and a dictionary per node type
with a Python loop over rows for the reading. The plain ways run on a part of the edges
(--baseline-edges); rates are per edge, so they compare.
"""

import argparse
import sqlite3
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from benchmarks.harness import Arguments, Bench, Kind, Timer, measure, peak_mb, text
from graphdb import SCHEMA, EdgeType, Snapshot, open_store, write_snapshot
from graphdb.ingestion import ingest
from graphdb.sources import open_source
from training.data import load_graph

PURCHASED = SCHEMA.edge_type("PURCHASED")
UPSERT = "plain upsert: sqlite3, one row at a time"
READ = "plain read: dictionaries, a loop over rows"
AGAINST = {
    "ingest": UPSERT,
    "ingest the same again": UPSERT,
    "read the snapshot into HeteroData": READ,
}


def arguments(arguments: Arguments) -> None:
    arguments.add("--edges", type=int, default=10_000_000)
    arguments.add("--baseline-edges", type=int, default=500_000)


def run(bench: Bench) -> None:
    steps = Steps(Timer())
    with tempfile.TemporaryDirectory() as folder:
        snapshot, edges = ours(Path(folder), bench.options, steps)
        part = baselines(Path(folder), snapshot, bench.options.baseline_edges, steps)
    table = bench.table(
        f"{edges:,} edges of all types; plain ways on {part:,} purchases",
        text("step"),
        measure("edges", None),
        measure("seconds", 1),
        measure("edges/s", 0),
        measure("times the plain way", 1),
    )
    for step, number, seconds in steps.rows:
        ratio = steps.rate(step) / steps.rate(AGAINST[step]) if step in AGAINST else None
        kind = Kind.BASELINE if step in (UPSERT, READ) else Kind.OURS
        table.add(step, number, seconds, number / seconds, ratio, kind=kind)
    bench.note(f"peak memory {peak_mb() * 1024 / 1e6:.2f} GB")


@dataclass
class Steps:
    """What was done, with how many edges, and the seconds of it; `note` closes a step."""

    timer: Timer
    rows: list[tuple[str, int, float]] = field(default_factory=list)

    def begin(self) -> None:
        self.timer.restart()

    def note(self, step: str, edges: int) -> None:
        self.timer.split()
        self.rows.append((step, edges, self.timer.clock.last))

    def rate(self, step: str) -> float:
        return next(edges / seconds for name, edges, seconds in self.rows if name == step)


def ours(folder: Path, options: argparse.Namespace, steps: Steps) -> tuple[Snapshot, int]:
    tables = open_source(f"synthetic:{options.edges}:{options.seed}", SCHEMA)
    edges = sum(table.num_rows or 0 for table in tables if isinstance(table.of, EdgeType))
    steps.note("generate the synthetic world", edges)
    with open_store(str(folder / "graph.duckdb")) as store:
        steps.begin()
        report = ingest(tables, store)
        steps.note("ingest", edges)
        assert report.rejected == 0, report.reject_codes
        again = ingest(tables, store)
        steps.note("ingest the same again", edges)
        assert again.counts.added == again.counts.updated == 0
        snapshot = write_snapshot(store, folder / "snapshot")
        steps.note("write the snapshot", edges)
    del tables
    steps.begin()
    graph = load_graph(snapshot)
    steps.note("read the snapshot into HeteroData", edges)
    in_graph = sum(graph[edge_type].edge_index.shape[1] for edge_type in graph.edge_types)
    assert in_graph == sum(snapshot.num_edges(edge_type) for edge_type in SCHEMA.edge_types())
    return snapshot, edges


def baselines(folder: Path, snapshot: Snapshot, most: int, steps: Steps) -> int:
    """The plain ways, on the first purchases."""
    purchases = snapshot.edges(PURCHASED).slice(0, most)
    rows = purchases.select(["source_id", "target_id", "at", "event_id", "count", "value"])
    rows = rows.set_column(2, "at", rows["at"].cast("int64"))
    steps.begin()
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
    steps.note(UPSERT, purchases.num_rows)
    plain_read(snapshot, purchases.num_rows, steps)
    return int(purchases.num_rows)


def plain_read(snapshot: Snapshot, most: int, steps: Steps) -> None:
    users, products = (
        {key: row for row, key in enumerate(snapshot.node_ids(name).to_pylist())}
        for name in ("User", "Product")
    )
    steps.begin()
    ends = snapshot.edges(PURCHASED, ["source_id", "target_id", "at"]).slice(0, most)
    edge_index = np.array(
        [[users[row["source_id"]], products[row["target_id"]]] for row in ends.to_pylist()]
    ).T
    steps.note(READ, edge_index.shape[1])
