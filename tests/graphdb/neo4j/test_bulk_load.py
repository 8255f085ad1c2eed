"""Bulk load with the real import tool: the same graph as upserts would have made."""

import random

import neo4j
import pyarrow as pa
import pytest
from contracts.store import NEW_YEAR, PURCHASED, days, table

from graphdb import SCHEMA, EdgeType, UpsertCounts, write_snapshot
from graphdb.errors import StoreError
from graphdb.ingestion import ingest
from graphdb.sources import open_source
from graphdb.stores import REJECT_COLUMNS
from graphdb.stores.duckdb_store import DuckDBStore
from graphdb.stores.neo4j import Neo4jStore
from graphdb.stores.neo4j.bulk import AdminTool, bulk_import, refuse_running_server

NASTY = [
    "'}) DETACH DELETE n //",
    '"',
    '""',
    '"a","b"',
    "\\",
    '\\"',
    "a,b;c\td|e",
    "two\nlines",
    "two\r\nlines\r",
    "\n",
    " spaces ",
    "\u2028\u0085\ufeff\uffff",
    "zero\x00byte",
    "😀",
    "NULL",
    "nan",
    "@import.args",
]
NUMBERS = [-0.0, 5e-324, 1.7976931348623157e308, 0.1]
STOCKS = [0, 1, 2**63 - 1]
COUNTS = [1, 2**31, 2**63 - 1]
MOMENTS = [
    NEW_YEAR.replace(year=1, microsecond=1),
    NEW_YEAR.replace(year=1969, month=12, microsecond=999_999),
    NEW_YEAR.replace(year=9999, microsecond=999_999),
    None,
]
NODES = "MATCH (n) RETURN labels(n), [k IN keys(n) | [k, toString(n[k]), valueType(n[k])]]"
EDGES = (
    "MATCH (s)-[r]->(t) RETURN type(r), [k IN keys(s) WHERE k ENDS WITH '_id' | s[k]],"
    " [k IN keys(t) WHERE k ENDS WITH '_id' | t[k]],"
    " [k IN keys(r) | [k, toString(r[k]), valueType(r[k])]]"
)
OURS = (
    "SHOW INDEXES YIELD name, type, labelsOrTypes, owningConstraint, properties"
    " WHERE name STARTS WITH 'graphrec '"
    " RETURN name, type, owningConstraint, labelsOrTypes, properties"
)


def random_texts(draw: random.Random) -> list[str]:
    """Texts over all of Unicode, and of what CSV minds."""

    def letter() -> str:
        if draw.random() < 0.4:
            return draw.choice('",\n\r\\ ;\x00')
        return chr(draw.choice([draw.randrange(0xD800), draw.randrange(0xE000, 0x110000)]))

    return sorted({"".join(letter() for _ in range(draw.randrange(1, 12))) for _ in range(300)})


def fill_with_oddities(store: DuckDBStore) -> None:
    """Ids, texts, numbers and moments of every kind that a snapshot takes, nulls among them."""
    draw = random.Random(4)
    ids = list(dict.fromkeys(NASTY + random_texts(draw)))
    products = {
        "product_id": ids,
        "title": [draw.choice([*NASTY, *ids, "", None]) for _ in ids],
        "price": [draw.choice([*NUMBERS, None]) for _ in ids],
        "stock": [draw.choice([*STOCKS, None]) for _ in ids],
        "created_at": [draw.choice(MOMENTS) for _ in ids],
    }
    store.upsert_nodes("Product", table("Product", **products))
    store.upsert_nodes("User", table("User", user_id=ids))
    brands = {"brand_id": ["a", "b", "c"], "private_label": [True, False, None]}
    store.upsert_nodes("Brand", table("Brand", **brands))
    for some in (NASTY, ids):
        events = {
            "source_id": some,
            "target_id": some[::-1],
            "at": [NEW_YEAR.replace(microsecond=draw.randrange(10**6)) for _ in some],
            "event_id": [draw.choice(["", *NASTY]) for _ in some],
            "count": [draw.choice([*COUNTS, None]) for _ in some],
            "value": [draw.choice([*NUMBERS, None]) for _ in some],
        }
        store.upsert_edges(PURCHASED, table(PURCHASED, **events))
    rejects = [
        {"table_name": "t", "file": f"{odd}.csv", "row": row, "code": odd, "reason": odd}
        for row, odd in enumerate(NASTY)
    ]
    store.replace_rejects("t", "f", [pa.Table.from_pylist(rejects, schema=REJECT_COLUMNS)])
    store.delete_nodes("User", ["gone"], forget=True)


def copy(source: DuckDBStore, target: Neo4jStore) -> list[UpsertCounts]:
    """Upserts all of a store into another."""
    counts = [
        target.upsert_nodes(node_type, source.read_nodes(node_type).read_all())
        for node_type in source.schema.node_types
    ]
    return counts + [
        target.upsert_edges(edge_type, source.read_edges(edge_type).read_all())
        for edge_type in source.schema.edge_types()
    ]


def dump(settings) -> dict[str, list]:
    """All that the database holds, values with their types; but not when it came."""
    with neo4j.GraphDatabase.driver(
        settings.uri, auth=(settings.user, settings.password)
    ) as driver:
        found = {query: driver.execute_query(query).records for query in (NODES, EDGES, OURS)}
    return {query: sorted(map(timeless, records), key=repr) for query, records in found.items()}


def timeless(record: neo4j.Record) -> list:
    *rest, properties = record.values()
    return [*rest, sorted(each for each in properties if each[0] != "forgotten_at")]


@pytest.fixture(scope="module")
def embedded():
    """A synthetic world, and oddities beside it."""
    with DuckDBStore(":memory:") as store:
        ingest(open_source("synthetic:800", SCHEMA), store)
        fill_with_oddities(store)
        yield store


@pytest.fixture(scope="module")
def loaded(new_server, embedded):
    """A server with the embedded store's graph, bulk-loaded before it ever started."""
    server = new_server()
    done = bulk_import(embedded, AdminTool(tuple(server.admin)))
    counts = embedded.counts()
    assert done.num_edges == sum(n for of, n in counts.items() if isinstance(of, EdgeType))
    server.start()
    return server


def test_the_graph_is_the_embedded_stores(loaded, embedded, tmp_path):
    with Neo4jStore(loaded.settings, create=False) as store:
        assert store.schema.fingerprint == embedded.schema.fingerprint
        assert store.counts() == embedded.counts()
        snapshots = [
            write_snapshot(each, tmp_path / name)
            for name, each in {"neo4j": store, "embedded": embedded}.items()
        ]
    assert snapshots[0].snapshot_id == snapshots[1].snapshot_id


def test_rejects_come_along(loaded, embedded):
    with Neo4jStore(loaded.settings, create=False) as store:
        assert store.read_rejects().num_rows == len(NASTY)
        assert store.read_rejects().equals(embedded.read_rejects())


def test_what_was_forgotten_stays_forgotten(loaded, embedded):
    with Neo4jStore(loaded.settings, create=False) as store:
        assert store.read_forgotten().num_rows == 1
        assert store.read_forgotten().equals(embedded.read_forgotten())
        users = table("User", user_id=["gone"])
        assert store.upsert_nodes("User", users) == UpsertCounts(forgotten=1)


def test_nothing_tells_it_from_an_upserted_graph(loaded, embedded, store, settings):
    copy(embedded, store)
    rejects = embedded.read_rejects()
    store.replace_rejects("t", "f", [rejects])
    store.delete_nodes("User", ["gone"], forget=True)
    with Neo4jStore(loaded.settings, create=False):  # makes the constraints
        pass
    upserted, bulk = dump(settings), dump(loaded.settings)
    assert bulk[NODES] == upserted[NODES]
    assert bulk[EDGES] == upserted[EDGES]
    assert bulk[OURS] == upserted[OURS]
    assert len(bulk[OURS]) == len(SCHEMA.node_types) + 2


def test_upserts_find_everything_in_its_place(loaded, embedded):
    with Neo4jStore(loaded.settings) as store:
        counts = sum(copy(embedded, store), UpsertCounts())
        assert counts == UpsertCounts(0, 0, sum(embedded.counts().values()))
        new = table(PURCHASED, source_id=["nan"], target_id=["NULL"], at=days(400))
        assert store.upsert_edges(PURCHASED, new) == UpsertCounts(1, 0, 0)


def test_a_running_server_is_left_alone(loaded, embedded):
    with pytest.raises(StoreError, match=r"is running; expected a stopped one.*scripts/neo4j stop"):
        refuse_running_server(loaded.settings.uri)
    with pytest.raises(StoreError, match="the database 'neo4j' is running; expected a stopped one"):
        bulk_import(embedded, AdminTool(tuple(loaded.admin)), overwrite=True)
