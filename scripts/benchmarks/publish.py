"""How fast is a release published into Neo4j, and how much does its vector index find?

Without a bundle it makes a synthetic world of 10,000 products and trains on it. It starts a Neo4j
of its own, fills it with the nodes of the store and the purchases, publishes, and compares what
`db.index.vector.queryNodes` gives for users with the Recommender's exact answer: recall@10 by how
many neighbors were asked for. Then it builds the product index with other settings.
"""

import argparse
import os
import tempfile
from pathlib import Path

import neo4j
import numpy as np
import pyarrow as pa
from neo4j_local.own_server import own_server

from benchmarks.data.worlds import STORE, snapshot_of
from benchmarks.harness import Arguments, Bench, Timer, measure, text
from graphdb import SCHEMA, open_store
from graphdb.sources import open_source
from graphdb.stores.neo4j.publishing import statements
from graphrec import Bundle, Recommender
from graphrec.publishing import publish
from training.training_run import train

FETCHED = (10, 20, 50, 100, 200, 500, 1000)
ASK = (
    "MATCH (served:_GraphRec {name: 'release'}) WITH served.id AS id"
    " MATCH (r:_GraphRec {name: 'release ' + id}) MATCH (u:User {user_id: $user})"
    " CALL db.index.vector.queryNodes(r.embedding + '_Product', $fetch,"
    " u[r.embedding][..r.dim] + r.padding) YIELD node, score"
    " RETURN node.product_id ORDER BY score DESC LIMIT 10"
)


def arguments(arguments: Arguments) -> None:
    arguments.add("--bundle", type=Path, help="published instead of a synthetic world")
    arguments.add("--store", type=Path, help="that the bundle was made of")
    arguments.add("--edges", type=int, default=2_000_000, help="of the synthetic world")
    arguments.add("--users", type=int, default=500)


def run(bench: Bench) -> None:
    options = bench.options
    if (options.bundle is None) != (options.store is None):
        bench.refuse("give --bundle and --store, or neither")
    with tempfile.TemporaryDirectory() as name:
        store, bundle = options.store, options.bundle
        if bundle is None:
            store, bundle = make_world(Path(name), options)
        with own_server("1g") as server:
            # As a user's shell has them: the password on no command line.
            os.environ["NEO4J_URI"], os.environ["NEO4J_USER"] = server.uri, server.user
            os.environ["NEO4J_PASSWORD"] = server.password
            measured(store, bundle, bench)


def make_world(folder: Path, options: argparse.Namespace) -> tuple[Path, Path]:
    tables = open_source(f"synthetic:{options.edges}:{options.seed}", SCHEMA)
    snapshot = snapshot_of(tables, folder)
    train(str(snapshot.folder), str(folder / "bundle"), holdout_days=None)
    return folder / STORE, folder / "bundle"


def measured(store: Path, bundle_folder: Path, bench: Bench) -> None:
    recommender = Recommender.open(str(bundle_folder))
    url, bundle = os.environ["NEO4J_URI"], recommender.bundle
    fill(str(store), url, [*bundle.node_types])
    seconds: dict[str, float] = {}
    timer = Timer()

    def advance(step: str, _done: int, _total: int) -> None:
        timer.split()
        kind = step.partition(" ")[2] if step.endswith("vectors") else step
        seconds[kind] = seconds.get(kind, 0.0) + timer.clock.last

    timer.restart()
    report = publish(recommender, url, on_progress=advance)
    written = sum(done.written for done in report.types.values())
    table = bench.table(
        f"{written:,} vectors of length {bundle.manifest.dim} published",
        text("step"),
        measure("seconds", 1, "lower"),
        measure("vectors/s", 0, "higher"),
    )
    for step, spent in seconds.items():
        bench.say(*table.add(step, spent, written / spent))
    users, exact = questions(recommender, bench.options)
    auth = (os.environ["NEO4J_USER"], os.environ["NEO4J_PASSWORD"])
    table = bench.table(
        f"users -> products, recall@10 over {len(users)} users, by how many neighbors are fetched",
        *(measure(name, None) for name in ("m", "ef")),
        text("quantised"),
        measure("built in s", 0),
        *(measure(str(fetch), 3, "higher") for fetch in FETCHED),
        measure("ms", 1),
    )
    with neo4j.GraphDatabase.driver(url, auth=auth) as driver:
        ours = (statements.HNSW_M, statements.HNSW_EF_CONSTRUCTION, False)
        for m, ef, quantised in (ours, (16, 100, False), (*ours[:2], True)):
            built = rebuild(driver, bundle, m, ef, quantised)
            found = [recall(driver, users, exact, fetch) for fetch in FETCHED]
            shares = [share for share, _ in found]
            cells = (m, ef, "yes" if quantised else "no", built, *shares, found[-1][1])
            bench.say(*table.add(*cells))


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
    driver.execute_query(f"DROP INDEX `{statements.index_name(release_id, 'Product')}`")
    timer = Timer()
    driver.execute_query(statement)
    driver.execute_query("CALL db.awaitIndexes(600)")
    timer.split()
    return timer.clock.last


def recall(
    driver: neo4j.Driver, users: list[str], exact: list[set[str]], fetch: int
) -> tuple[float, float]:
    """Share of the exact ten that was found, and milliseconds for a query."""
    timer, hits = Timer(), 0
    for user, best in zip(users, exact, strict=True):
        found = driver.execute_query(ASK, user=user, fetch=fetch).records
        hits += len(best & {record[0] for record in found})
    timer.split()
    return hits / sum(map(len, exact)), 1000 * timer.clock.last / len(users)
