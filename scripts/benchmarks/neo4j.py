"""How fast does the graph get into Neo4j and out of it, beside the plain ways to do it?

It starts servers of its own (scripts/neo4j: free ports, temporary homes) and stops them. Both
stores take the same source; then their counts and snapshots are compared. Beside the store stand,
on the same data and server in the same run, the plain driver loop over records for reading, and
one UNWIND of dictionaries with MERGE per 1,000 rows for writing, with our constraints and on a cold
schema without any. Users and products are there before the purchases are written. A plain way ends
with the batch in which --plain-seconds are over; rates are per row, so they compare. Bulk import
makes the checked graph of the embedded store a database of a stopped server.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import neo4j
import numpy as np
import pyarrow as pa
from neo4j_local.own_server import COMMAND, own_server

from benchmarks.harness import Arguments, Bench, Kind, Timer, measure, text
from graphdb import SCHEMA, GraphStore, write_snapshot
from graphdb.ingestion import ingest
from graphdb.sources import open_source
from graphdb.stores.duckdb_store import DuckDBStore
from graphdb.stores.neo4j import Neo4jSettings, Neo4jStore
from graphdb.stores.neo4j.bulk import AdminTool, bulk_import

PURCHASED = SCHEMA.edge_type("PURCHASED")
PLAIN_BATCH = 1_000
PLAIN_READ = (
    "MATCH (s:User)-[r:PURCHASED]->(t:Product) RETURN s.user_id AS source_id,"
    " t.product_id AS target_id, r.at AS at, r.event_id AS event_id, r.count AS count,"
    " r.value AS value, r.channel AS channel"
)
PLAIN_WRITE = (
    "UNWIND $rows AS row"
    " MERGE (s:User {user_id: row.source_id}) MERGE (t:Product {product_id: row.target_id})"
    " MERGE (s)-[r:PURCHASED {at: row.at, event_id: row.event_id}]->(t)"
    " SET r.count = row.count, r.value = row.value, r.channel = row.channel"
)


def arguments(arguments: Arguments) -> None:
    arguments.add("--source", default="complete-journey")
    arguments.add("--rows", type=int, default=200_000, help="purchases written side by side")
    arguments.add("--plain-seconds", type=float, default=60)
    arguments.add("--heap", default="1g")
    arguments.add("--quick", action="store_true", help="a check: 20,000 edges, 5 s")


def run(bench: Bench) -> None:
    options = bench.options
    if options.quick:
        options.source, options.rows, options.plain_seconds = "synthetic:20000", 5_000, 5
    report = Report(bench)
    with (
        tempfile.TemporaryDirectory() as folder,
        DuckDBStore(str(Path(folder) / "graph.duckdb")) as embedded,
    ):
        with own_server(options.heap) as settings, Neo4jStore(settings) as store:
            whole_source(report, Path(folder), options, embedded, store)
            reading(report, options, settings, store)
        with own_server(options.heap) as settings, Neo4jStore(settings) as store:
            writing(report, options, settings, store, embedded)
        bulk(report, embedded)
    table = bench.table(
        f"Neo4j, beside the plain ways on the same data, {options.source}",
        text("step"),
        measure("rows", None),
        measure("seconds", 1),
        measure("rows/s", 0),
        measure("ratio", 1),
        measure("second ratio", 1),
    )
    for step, rows, seconds, against in report.steps:
        ratios = [rows / seconds / report.rate(name) for name in against]
        kind = Kind.BASELINE if step.startswith("plain") else Kind.OURS
        table.add(step, rows, seconds, rows / seconds, *ratios, kind=kind)


class Report:
    """Keeps (step, rows, seconds, against which steps), and notes whether things are the same."""

    def __init__(self, bench: Bench) -> None:
        self.steps: list[tuple[str, int, float, tuple[str, ...]]] = []
        self._bench = bench

    @contextmanager
    def timed(self, step: str, rows: int = 0, *against: str) -> Iterator["Rows"]:
        """Times a step. Where the rows are known only afterwards, set them on what it yields."""
        done, timer = Rows(rows), Timer()
        with timer:
            yield done
        self.steps.append((step, done.number, timer.clock.last, against))
        self._bench.say(f"{step}: {timer.clock.last:.1f} s")

    def rate(self, step: str) -> float:
        return next(rows / seconds for name, rows, seconds, _ in self.steps if name == step)

    def check(self, what: str, same: bool) -> None:
        self._bench.note(f"{what}: {'OK' if same else 'DIFFERENT'}")


class Rows:
    def __init__(self, number: int) -> None:
        self.number = number


def whole_source(
    report: Report,
    folder: Path,
    options: argparse.Namespace,
    embedded: GraphStore,
    store: GraphStore,
) -> None:
    """The source into both stores, and what both hold."""
    tables = open_source(options.source, SCHEMA)
    for name, into in (("embedded store", embedded), ("Neo4j", store)):
        with report.timed(f"ingest into the {name}".replace("the Neo4j", "Neo4j")) as done:
            ingest(tables, into)
            done.number = sum(into.counts().values())
    first = "ingest into Neo4j"
    with report.timed("ingest into Neo4j again (nothing changes)", done.number, first):
        again = ingest(tables, store)
    report.check("the second ingest changes nothing", again.counts[:2] == (0, 0))
    report.check("counts of both stores", store.counts() == embedded.counts())
    ids = []
    for name, of in (("embedded", embedded), ("neo4j", store)):
        with report.timed(f"write the snapshot of {name}", done.number):
            ids.append(write_snapshot(of, folder / name).snapshot_id)
    report.check("snapshot ids of both stores", ids[0] == ids[1])


def reading(
    report: Report, options: argparse.Namespace, settings: Neo4jSettings, store: GraphStore
) -> None:
    """Purchases out of Neo4j, all of them, against records as long as they may take."""
    with plain_driver(settings) as driver, driver.session() as session:
        plain = "plain read: a loop over records"
        with report.timed(plain) as done:
            kept = [tuple(record.values()) for record in until(session.run(PLAIN_READ), options)]
            done.number = len(kept)
    with report.timed("read purchases by store.read_edges", 0, plain) as done:
        done.number = store.read_edges(PURCHASED).read_all().num_rows


def writing(
    report: Report,
    options: argparse.Namespace,
    settings: Neo4jSettings,
    store: GraphStore,
    embedded: GraphStore,
) -> None:
    """The same purchases between nodes that are there already: by upserts, and the plain way."""
    for node_type in ("User", "Product"):
        for batch in batches(embedded.read_nodes(node_type).read_all(), store.batch_rows):
            store.upsert_nodes(node_type, batch)
    purchases = embedded.read_edges(PURCHASED).read_all()
    order = np.random.default_rng(options.seed).permutation(purchases.num_rows)
    purchases = purchases.take(order[: options.rows])
    warm, cold = (f"plain upsert: MERGE, {how} schema" for how in ("our", "cold"))
    with report.timed("upsert purchases", purchases.num_rows, cold, warm):
        for batch in batches(purchases, store.batch_rows):
            store.upsert_edges(PURCHASED, batch)
    with plain_driver(settings) as driver:
        for name in (warm, cold):
            delete_edges(driver)
            if name == cold:
                drop_constraints(driver)
            with report.timed(name) as done:
                done.number = plain_upsert(driver, purchases, options)


def bulk(report: Report, embedded: DuckDBStore) -> None:
    """The whole graph into a database that is not there yet; the files for it included."""
    rows = sum(embedded.counts().values())
    with tempfile.TemporaryDirectory(prefix="bench-neo4j-") as home:
        tool = AdminTool((*COMMAND, "admin", "--home", home))
        with report.timed("bulk import", rows, "upsert purchases", "ingest into Neo4j"):
            bulk_import(embedded, tool)


def plain_upsert(driver: neo4j.Driver, rows: pa.Table, options: argparse.Namespace) -> int:
    """Dictionaries, 1,000 in one UNWIND and transaction, until the time is over."""
    done = 0
    with driver.session() as session:
        for batch in until(batches(rows, PLAIN_BATCH), options):
            given = batch.to_pylist()
            session.execute_write(lambda tx, given=given: tx.run(PLAIN_WRITE, rows=given).consume())
            done += batch.num_rows
    return done


def until(items: Any, options: argparse.Namespace) -> Iterator[Any]:
    """Items until the time of a plain way is over."""
    deadline = time.perf_counter() + options.plain_seconds
    for item in items:
        yield item
        if time.perf_counter() > deadline:
            return


def batches(rows: pa.Table, size: int) -> Iterator[pa.Table]:
    return (rows.slice(start, size) for start in range(0, rows.num_rows, size))


def plain_driver(settings: Neo4jSettings) -> neo4j.Driver:
    return neo4j.GraphDatabase.driver(settings.uri, auth=(settings.user, settings.password))


def delete_edges(driver: neo4j.Driver) -> None:
    with driver.session() as session:
        query = "MATCH ()-[r]->() CALL (r) { DELETE r } IN TRANSACTIONS OF 20000 ROWS"
        session.run(query).consume()


def drop_constraints(driver: neo4j.Driver) -> None:
    for (name,) in driver.execute_query("SHOW CONSTRAINTS YIELD name").records:
        driver.execute_query(f"DROP CONSTRAINT `{name}`")
