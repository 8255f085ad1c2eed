"""What is particular to Neo4j: ranges, chunks, real datetimes, and ids that look like Cypher."""

import random
from datetime import UTC, datetime
from threading import Barrier, Thread

import pyarrow as pa
import pytest
from contracts.store import FOLLOWS_BRAND, MADE_BY, PURCHASED, days, fill, purchases, table, users
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from graphdb import SCHEMA, EdgeType, UpsertCounts, open_store
from graphdb.checked_schema import Schema
from graphdb.errors import DataError, SchemaError, StoreError
from graphdb.schema_types import Kind, NodeType, Property
from graphdb.stores import REJECT_COLUMNS
from graphdb.stores.neo4j import Neo4jStore, cypher, deletion, reading, writing

ODD_IDS = [
    "",
    "'}) DETACH DELETE n //",
    '"}) MATCH (n) DELETE n //',
    "`; MATCH (n) DETACH DELETE n; //",
    "$keys",
    "\\",
    "\\u0027",
    "'); CALL dbms.shutdown() //",
    "{user_id: 'ann'}",
    "line\nbreak\ttab",
    "\u2028",
    "\uffff",
    "😀",
    "zero\x00byte",
    "ann ",
    "Ann",
]


def test_ids_full_of_cypher_are_just_ids(store):
    products = [f"{odd}/p" for odd in ODD_IDS]
    store.upsert_nodes("User", users(*ODD_IDS))
    store.upsert_nodes("Product", table("Product", product_id=products, title=ODD_IDS))
    store.upsert_edges(
        PURCHASED,
        table(
            PURCHASED,
            source_id=ODD_IDS,
            target_id=products,
            at=days(1) * len(ODD_IDS),
            event_id=ODD_IDS,
        ),
    )
    assert store.read_nodes("User", columns=["user_id"]).read_all()["user_id"].to_pylist() == (
        sorted(ODD_IDS)
    )
    read = store.read_edges(PURCHASED, columns=["source_id", "target_id", "event_id"]).read_all()
    assert [tuple(row.values()) for row in read.to_pylist()] == [
        (odd, f"{odd}/p", odd) for odd in sorted(ODD_IDS)
    ]


def test_an_unknown_id_full_of_cypher_finds_nothing(store):
    fill(store)
    with pytest.raises(DataError, match="names the unknown User 'ann'}\\) RETURN 1 //'"):
        store.upsert_edges(PURCHASED, purchases(("ann'}) RETURN 1 //", "pan", 1, 1.0)))


values = st.fixed_dictionaries(
    {
        "title": st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
        "price": st.none() | st.floats(allow_nan=False),
        "stock": st.none() | st.integers(-(2**63), 2**63 - 1),
        "created_at": st.none()
        | st.datetimes(
            datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59), timezones=st.just(UTC)
        ),
    }
)


@hypothesis_settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(values, min_size=1, max_size=8))
def test_every_value_comes_back_as_it_was_given(store, empty, rows):
    empty.execute_query("MATCH (n:Product) DETACH DELETE n")
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    batch = table("Product", product_id=[str(number) for number in range(len(rows))], **columns)
    assert store.upsert_nodes("Product", batch) == UpsertCounts(len(rows), 0, 0)
    assert store.read_nodes("Product", columns=batch.column_names).read_all().equals(batch)
    assert store.upsert_nodes("Product", batch) == UpsertCounts(0, 0, len(rows))


def test_nan_is_not_a_change(store):
    batch = table("Product", product_id=["a", "b"], price=[float("nan"), 1.0])
    store.upsert_nodes("Product", batch)
    assert store.upsert_nodes("Product", batch) == UpsertCounts(0, 0, 2)
    number = table("Product", product_id=["a"], price=[1.0])
    assert store.upsert_nodes("Product", number) == UpsertCounts(0, 1, 0)


def test_a_bool_comes_back(store):
    batch = table("Brand", brand_id=["a", "b", "c"], private_label=[True, False, None])
    store.upsert_nodes("Brand", batch)
    assert store.read_nodes("Brand", columns=batch.column_names).read_all().equals(batch)
    assert store.upsert_nodes("Brand", batch) == UpsertCounts(0, 0, 3)


def test_people_see_real_datetimes_and_no_empty_event_ids(store, empty):
    fill(store)
    ((kind, at, names),) = empty.execute_query(
        "MATCH (:User {user_id: 'ann'})-[r:PURCHASED]->(:Product {product_id: 'pan'})"
        " RETURN valueType(r.at), r.at, keys(r)"
    ).records
    assert kind.startswith("ZONED DATETIME")
    assert at.to_native() == days(2)[0]
    assert sorted(names) == ["at", "value"]


def test_edges_are_told_apart_by_the_types_of_their_ends(store):
    follows_creator = SCHEMA.edge_type("FOLLOWS", target="Creator")
    fill(store)
    store.upsert_nodes("Creator", table("Creator", creator_id=["acme"]))
    for edge_type, day in ((FOLLOWS_BRAND, 1), (follows_creator, 2)):
        follow = table(edge_type, source_id=["ann"], target_id=["acme"], at=days(day))
        assert store.upsert_edges(edge_type, follow) == UpsertCounts(1, 0, 0)
        assert store.upsert_edges(edge_type, follow) == UpsertCounts(0, 0, 1)
    for edge_type, day in ((FOLLOWS_BRAND, 1), (follows_creator, 2)):
        read = store.read_edges(edge_type, columns=["target_id", "at"]).read_all()
        assert read.to_pylist() == [{"target_id": "acme", "at": days(day)[0]}]
        assert store.counts()[edge_type] == 1


def test_a_moved_edge_keeps_what_was_not_given(store):
    fill(store)
    first = table(MADE_BY, source_id=["tea"], target_id=["acme"], since=days(3))
    store.upsert_edges(MADE_BY, first)
    moved = table(MADE_BY, source_id=["pan", "tea"], target_id=["acme", "leaf"])
    assert store.upsert_edges(MADE_BY, moved, as_newest=True) == UpsertCounts(0, 1, 1)
    assert store.read_edges(MADE_BY).read_all().to_pylist() == [
        {"source_id": "pan", "target_id": "acme", "since": None},
        {"source_id": "tea", "target_id": "leaf", "since": days(3)[0]},
    ]


def random_batches(draw: random.Random) -> list[tuple[str | EdgeType, pa.Table]]:
    """Upserts that add, change and repeat, over many small chunks."""
    people, products = (
        [f"u{number}" for number in range(23)],
        [f"p{number}" for number in range(17)],
    )
    some_day = [*days(*range(6)), None]
    batches: list[tuple[str | EdgeType, pa.Table]] = []
    for _ in range(2):
        created = [draw.choice(some_day) for _ in people]
        batches.append(("User", table("User", user_id=people, created_at=created)))
        prices = [draw.choice([None, 1.0, 2.0]) for _ in products]
        created = [draw.choice(some_day) for _ in products]
        columns = {"product_id": products, "price": prices, "created_at": created}
        batches.append(("Product", table("Product", **columns)))
    batches.append(("Brand", table("Brand", brand_id=["a", "b", "c"])))
    for _ in range(3):
        made_by = [draw.choice("abc") for _ in products]
        since = [draw.choice(some_day) for _ in products]
        columns = {"source_id": products, "target_id": made_by, "since": since}
        batches.append((MADE_BY, table(MADE_BY, **columns)))
        keys = {
            # the first user has a great part of all edges
            (draw.choice([people[0], *people]), draw.choice(products), draw.randrange(6), line)
            for line in ["", "x", "y"] * 40
        }
        source, target, day, line = zip(*sorted(keys, key=str), strict=True)
        columns = {
            "source_id": list(source),
            "target_id": list(target),
            "at": days(*day),
            "event_id": list(line),
            "value": [draw.choice([None, 1.0, 2.0]) for _ in keys],
        }
        batches.append((PURCHASED, table(PURCHASED, **columns)))
    return batches


@pytest.mark.parametrize("seed", range(3))
def test_small_pages_and_chunks_give_what_the_embedded_store_gives(store, monkeypatch, seed):
    monkeypatch.setattr(reading, "PAGE_NODES", 5)
    monkeypatch.setattr(reading, "CHUNK_EDGES", 9)
    monkeypatch.setattr(writing, "CHUNK_ROWS", 7)
    with open_store("duckdb:") as embedded:
        for of, batch in random_batches(random.Random(seed)):
            write = "upsert_edges" if isinstance(of, EdgeType) else "upsert_nodes"
            assert getattr(store, write)(of, batch) == getattr(embedded, write)(of, batch)
        for of in ("User", "Product", MADE_BY, PURCHASED):
            read = "read_edges" if isinstance(of, EdgeType) else "read_nodes"
            for cutoff in (None, days(3)[0]):
                expected = getattr(embedded, read)(of, cutoff=cutoff).read_all()
                assert getattr(store, read)(of, cutoff=cutoff).read_all().equals(expected)
        assert store.counts() == embedded.counts()


def test_a_failure_after_writing_leaves_nothing_behind(store, monkeypatch):
    real, calls = writing._create, []

    def fails_the_second_time(*arguments):
        real(*arguments)
        calls.append(1)
        if len(calls) == 2:
            raise RuntimeError("power cut")

    monkeypatch.setattr(writing, "CHUNK_ROWS", 1)
    monkeypatch.setattr(writing, "_create", fails_the_second_time)
    with pytest.raises(RuntimeError, match="power cut"):
        store.upsert_nodes("User", users("ann", "bob"))
    assert store.counts()["User"] == 0


def test_parallel_writers_of_the_same_rows_add_them_once(settings, store):
    fill(store)
    store.upsert_nodes("Product", table("Product", product_id=[f"p{n}" for n in range(200)]))
    batch = purchases(*(("ann", f"p{number}", 1, 1.0) for number in range(200)))
    start, counts = Barrier(4), []

    def write():
        with Neo4jStore(settings) as mine:
            start.wait()
            counts.append(mine.upsert_edges(PURCHASED, batch))

    threads = [Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(counts, UpsertCounts()) == UpsertCounts(200, 0, 600)
    assert store.counts()[PURCHASED] == 202


def with_property(name: str, kind: Kind) -> Schema:
    user = SCHEMA.node_types["User"]
    longer = NodeType("User", user.doc, (*user.properties, Property(name, kind, "")))
    return Schema({**SCHEMA.node_types, "User": longer}, SCHEMA.relations)


def test_a_schema_may_grow_and_never_shrink(settings, store):
    fill(store)
    with Neo4jStore(settings, schema=with_property("vip", Kind.BOOL)) as longer:
        vip = pa.table({"user_id": ["ann"], "vip": [True]})
        assert longer.upsert_nodes("User", vip) == UpsertCounts(0, 1, 0)
    with Neo4jStore(settings) as again:
        read = again.read_nodes("User", columns=["user_id", "vip"]).read_all()
        assert read.to_pylist() == [
            {"user_id": "ann", "vip": True},
            {"user_id": "bob", "vip": None},
        ]
    with pytest.raises(SchemaError, match=r"drops or changes User.vip"):
        Neo4jStore(settings, schema=SCHEMA)


def test_a_value_of_another_type_is_named(store, empty):
    fill(store)
    empty.execute_query("MATCH (p:Product {product_id: 'pan'}) SET p.price = 'cheap'")
    with pytest.raises(StoreError, match=r"Product\.price holds a value that is not a float"):
        store.read_nodes("Product").read_all()


def test_rejects_survive_reopening_and_keep_their_order(settings, store):
    rows = [
        {"table_name": "t", "file": "g.csv", "row": row, "code": "c", "reason": f"'{row}'"}
        for row in (3, 1, 2)
    ]
    for file in ("g.csv", "f.csv"):
        named = [{**row, "file": file} for row in rows]
        table = pa.Table.from_pylist(named, schema=REJECT_COLUMNS)
        store.replace_rejects("t", file, iter([table]))
    with Neo4jStore(settings) as again:
        read = again.read_rejects().to_pylist()
    assert [(row["file"], row["row"]) for row in read] == [
        (file, row) for file in ("f.csv", "g.csv") for row in (1, 2, 3)
    ]
    assert set(store.counts().values()) == {0}


def test_a_node_has_more_edges_than_one_transaction_deletes(store, plain, monkeypatch):
    monkeypatch.setattr(deletion, "_DELETED_AT_ONCE", 2)
    fill(store)
    sales = [("ann", "pan", day, 1.0) for day in range(10, 14)]
    store.upsert_edges(PURCHASED, purchases(*sales))
    plain.execute_query("MATCH (p:Product {product_id: 'pan'}) CREATE (p)<-[:SEEN_BY_ME]-(:Me)")
    report = store.delete_nodes("Product", ["pan"])
    assert report.rows == {"Product": 1, PURCHASED: 5, MADE_BY: 1}
    left = plain.execute_query("MATCH (:Me)-[r]-() RETURN count(r) AS edges").records
    assert left[0]["edges"] == 0, "edges of other people go as well"


def test_forgetting_waits_for_a_write_that_began_before(store, plain, settings):
    fill(store)
    with plain.session(database=settings.database) as session:
        writer = session.begin_transaction()
        writer.run(cypher.lock(), names=["User"]).consume()
        forgetting = Thread(
            target=store.delete_nodes, args=("User", ["cid"]), kwargs={"forget": True}
        )
        forgetting.start()
        forgetting.join(1.0)
        assert forgetting.is_alive()
        writer.run("CREATE (:User {user_id: 'cid'})").consume()
        writer.commit()
        forgetting.join()
    assert store.read_nodes("User", columns=["user_id"]).read_all().to_pylist() == [
        {"user_id": "ann"},
        {"user_id": "bob"},
    ]
