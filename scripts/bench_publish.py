"""How fast a release is published into Neo4j, and how much its vector index finds.

    python scripts/bench_publish.py [--bundle FOLDER --store FILE] [--seed 0] [--users 500]

Without a bundle it makes a synthetic world of 10,000 products and trains on it. It starts a Neo4j
of its own, fills it with the nodes of the store and the purchases, publishes, and compares what
`db.index.vector.queryNodes` gives for users with the Recommender's exact answer: recall@10 by how
many neighbors were asked for. Then it builds the product index with other settings.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

import neo4j
import numpy as np
import pyarrow as pa
from neo4j_local.own_server import own_server
from rich.console import Console
from rich.table import Table

from graphdb import SCHEMA, open_store, write_snapshot
from graphdb.ingest import ingest
from graphdb.sources import open_source
from graphdb.stores.neo4j.publishing import statements
from graphrec import Bundle, Recommender
from graphrec.publishing import publish
from training.training_run import train

FETCHED = (10, 20, 50, 100, 200, 500, 1000)
ASK = (
    "MATCH (r:_GraphRec {name: 'release'}) MATCH (u:User {user_id: $user})"
    " CALL db.index.vector.queryNodes(r.embedding + '_Product', $fetch,"
    " u[r.embedding][..r.dim] + r.padding) YIELD node, score"
    " RETURN node.product_id ORDER BY score DESC LIMIT 10"
)

console = Console(width=100)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bundle")
    parser.add_argument("--store")
    parser.add_argument("--edges", type=int, default=2_000_000, help="of the synthetic world")
    parser.add_argument("--users", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if not options.bundle:
            options.store, options.bundle = make_world(folder, options)
        with own_server("1g") as server:
            # As a user's shell has them: the password on no command line.
            os.environ["NEO4J_URI"], os.environ["NEO4J_USER"] = server.uri, server.user
            os.environ["NEO4J_PASSWORD"] = server.password
            measure(options)


def make_world(folder: Path, options: argparse.Namespace) -> tuple[str, str]:
    store, bundle = str(folder / "world.duckdb"), str(folder / "bundle")
    with open_store(store) as opened:
        ingest(open_source(f"synthetic:{options.edges}:{options.seed}", SCHEMA), opened)
        snapshot = write_snapshot(opened, folder / "snapshot")
    train(str(snapshot.folder), bundle, holdout_days=None)
    return store, bundle


def measure(options: argparse.Namespace) -> None:
    recommender = Recommender.open(options.bundle)
    url, bundle = os.environ["NEO4J_URI"], recommender.bundle
    fill(options.store, url, [*bundle.node_types])
    seconds: dict[str, float] = {}

    def advance(step: str, _done: int, _total: int) -> None:
        nonlocal began
        now = time.perf_counter()
        kind = step.partition(" ")[2] if step.endswith("vectors") else step
        seconds[kind] = seconds.get(kind, 0.0) + now - began
        began = now

    began = time.perf_counter()
    report = publish(recommender, url, on_progress=advance)
    written = sum(done.written for done in report.types.values())
    show_seconds(seconds, written, bundle.manifest.dim)
    users, exact = questions(recommender, options)
    auth = (os.environ["NEO4J_USER"], os.environ["NEO4J_PASSWORD"])
    with neo4j.GraphDatabase.driver(url, auth=auth) as driver:
        table = Table(title=f"users -> products, recall@10 over {len(users)} users")
        for heading in ("m", "ef", "quantised", "built in s", *map(str, FETCHED), "ms"):
            table.add_column(heading, justify="right")
        ours = (statements.HNSW_M, statements.HNSW_EF_CONSTRUCTION, False)
        for m, ef, quantised in (ours, (16, 100, False), (*ours[:2], True)):
            built = rebuild(driver, bundle, m, ef, quantised)
            found = [recall(driver, users, exact, fetch) for fetch in FETCHED]
            numbers = [f"{share:.3f}" for share, _ in found]
            table.add_row(
                str(m),
                str(ef),
                "yes" if quantised else "no",
                f"{built:.0f}",
                *numbers,
                f"{found[-1][1]:.1f}",
            )
    console.print(table)


def fill(store: str, url: str, node_types: list[str]) -> None:
    purchased = SCHEMA.edge_type("PURCHASED")
    with open_store(store, create=False) as source, open_store(url) as target:
        for node_type in node_types:
            for batch in source.read_nodes(node_type).read_all().to_batches(target.batch_rows):
                target.upsert_nodes(node_type, pa.Table.from_batches([batch]))
        for batch in source.read_edges(purchased).read_all().to_batches(target.batch_rows):
            target.upsert_edges(purchased, pa.Table.from_batches([batch]))


def questions(
    recommender: Recommender, options: argparse.Namespace
) -> tuple[list[str], list[set[str]]]:
    """Users drawn by chance, and the exact ten best products of each, bought ones included."""
    bundle = recommender.bundle
    known = np.flatnonzero(np.linalg.norm(bundle.vectors("User"), axis=1) > 0)
    draw = np.random.default_rng(options.seed)
    rows = draw.choice(known, min(options.users, len(known)), replace=False)
    best, _ = recommender.top_rows("User", rows, "Product", k=10, exclude_seen=False)
    products = np.array(bundle.ids("Product").to_pylist())
    return bundle.ids("User").take(rows).to_pylist(), [set(products[row]) for row in best]


def rebuild(driver: neo4j.Driver, bundle: Bundle, m: int, ef: int, quantised: bool) -> float:
    """Builds the product index anew; the seconds it took."""
    release_id = bundle.manifest.release_id
    dimensions = statements.num_dimensions(bundle.manifest.dim)
    statement = statements.create_index("Product", release_id, dimensions)
    for ours, wanted in (
        (f"hnsw.m`: {statements.HNSW_M}", f"hnsw.m`: {m}"),
        (f"ef_construction`: {statements.HNSW_EF_CONSTRUCTION}", f"ef_construction`: {ef}"),
        ("enabled`: false", f"enabled`: {str(quantised).lower()}"),
    ):
        assert ours in statement
        statement = statement.replace(ours, wanted)
    driver.execute_query(statements.drop_index(statements.index_name(release_id, "Product")))
    began = time.perf_counter()
    driver.execute_query(statement)
    driver.execute_query("CALL db.awaitIndexes(600)")
    return time.perf_counter() - began


def recall(
    driver: neo4j.Driver, users: list[str], exact: list[set[str]], fetch: int
) -> tuple[float, float]:
    """Share of the exact ten that came out, and milliseconds for a query."""
    began, hits = time.perf_counter(), 0
    for user, best in zip(users, exact, strict=True):
        found = driver.execute_query(ASK, user=user, fetch=fetch).records
        hits += len(best & {record[0] for record in found})
    return hits / sum(map(len, exact)), 1000 * (time.perf_counter() - began) / len(users)


def show_seconds(seconds: dict[str, float], written: int, dim: int) -> None:
    table = Table(title=f"{written:,} vectors of length {dim} published")
    table.add_column("step")
    table.add_column("seconds", justify="right")
    table.add_column("vectors/s", justify="right")
    for step, spent in seconds.items():
        table.add_row(step, f"{spent:.1f}", f"{written / spent:,.0f}")
    console.print(table)


if __name__ == "__main__":
    main()
