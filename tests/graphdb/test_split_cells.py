"""Cells with several values: what is said twice in one is one, and parts stand side by side."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from contracts.store import table

from graphdb import SCHEMA
from graphdb.ingestion import ingest
from graphdb.io.mapped_tables import folder_tables

PURCHASED = SCHEMA.edge_type("PURCHASED")
TAGGED = SCHEMA.edge_type("TAGGED")
RATED = SCHEMA.edge_type("RATED")
BASKETS = """
[[table]]
file = "baskets.csv"
relation = "PURCHASED"
[table.columns]
source_id = "user"
target_id = { column = "products", split = ";" }
at = "day"
event_id = "order"
"""


@pytest.fixture
def load(tmp_path, store):
    """Ingests one file under a mapping into a store with two users and three products."""
    store.upsert_nodes("User", table("User", user_id=["ann", "bob"]))
    store.upsert_nodes("Product", table("Product", product_id=["pan", "tea", "cup"]))
    store.upsert_nodes("Tag", table("Tag", tag_id=["red", "big"]))

    def load_text(mapping: str, text: str, name: str = "baskets.csv"):
        (tmp_path / "mapping.toml").write_text(mapping)
        (tmp_path / name).write_text(text)
        return ingest(folder_tables(tmp_path, SCHEMA), store)

    return load_text


def events(store, *columns):
    read = store.read_edges(PURCHASED, columns=["event_id", "target_id", *columns])
    return sorted(tuple(row.values()) for row in read.read_all().to_pylist())


def test_a_value_twice_in_a_cell_is_one_event_that_counts_twice(load, store):
    text = (
        "order,user,products,day\n"
        "o1,ann,pan;tea,2026-01-01\no2,bob,tea; tea ;pan;tea,2026-01-02\no3,ann,pan,2026-01-03\n"
    )
    report = load(BASKETS, text)
    assert events(store, "count") == [
        ("o1", "pan", 1),
        ("o1", "tea", 1),
        ("o2", "pan", 1),
        ("o2", "tea", 3),
        ("o3", "pan", 1),
    ]
    (entry,) = report.tables
    assert (entry.read, entry.counts.added, entry.merged, entry.rejected) == (7, 5, 2, 0)
    assert load(BASKETS, text).counts.unchanged == 5
    corrected = text.replace("tea; tea ;pan;tea", "tea;pan")
    assert load(BASKETS, corrected).counts.updated == 1
    assert ("o2", "tea", 1) in events(store, "count")


SIDE_BY_SIDE = BASKETS + (
    'count = { column = "qty", split = "|" }\nvalue = { column = "paid", split = "|" }\n'
)


def test_cells_that_are_split_side_by_side_go_in_step(load, store):
    report = load(
        SIDE_BY_SIDE,
        "order,user,products,day,qty,paid\n"
        "o1,ann,pan;tea,2026-01-01,1|2,30|9\n"
        "o2,ann,tea;pan;tea,2026-01-02,1|1|4,0.1|30|0.2\n"
        "o3,ann,pan;tea,2026-01-03,,30|4\n",
    )
    assert events(store, "count", "value") == [
        ("o1", "pan", 1, 30.0),
        ("o1", "tea", 2, 9.0),
        ("o2", "pan", 1, 30.0),
        ("o2", "tea", 5, 0.3),
        ("o3", "pan", None, 30.0),
        ("o3", "tea", None, 4.0),
    ]
    assert (report.rejected, report.tables[0].merged) == (0, 1)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (
            "o2,bob,pan;tea,2026-01-02,1,1|2",
            "products has 2 parts, qty has 1 parts, paid has 2 parts",
        ),
        ("o2,bob,pan,2026-01-02,1|2,9", "products has 1 parts, qty has 2 parts, paid has 1 parts"),
        ("o2,bob,pan;tea;cup,2026-01-02,,1|2", "products has 3 parts, qty has 1 parts"),
    ],
)
def test_cells_of_unequal_length_cost_their_row_alone(load, store, row, reason):
    report = load(
        SIDE_BY_SIDE,
        f"order,user,products,day,qty,paid\no1,ann,pan,2026-01-01,1,30\n{row}\n"
        "o3,bob,tea,2026-01-03,2,9\n",
    )
    assert [event[0] for event in events(store)] == ["o1", "o3"]
    assert report.reject_codes == {"uneven_parts": 1}
    (reject,) = store.read_rejects().to_pylist()
    assert (reject["file"], reject["row"]) == ("baskets.csv", 2)
    assert reason in reject["reason"]


@pytest.mark.parametrize(
    ("mapping", "edge_type", "text", "stored"),
    [
        (
            'relation = "TAGGED"\ncolumns = { source_id = "sku", target_id = { column = "tags",'
            ' split = "|" } }',
            TAGGED,
            "sku,tags\npan,red|big|red\ntea,red\n",
            [("pan", "big"), ("pan", "red"), ("tea", "red")],
        ),
        (
            'relation = "RATED"\ncolumns = { source_id = "u", target_id = { column = "products",'
            ' split = "|" }, at = "day", stars = { column = "stars", split = "|" } }',
            RATED,
            "u,products,day,stars\nann,pan|tea|pan,2026-01-01,1|2|5\nbob,pan|pan,2026-01-01,3|3\n",
            [("ann", "pan"), ("ann", "tea"), ("bob", "pan")],
        ),
    ],
)
def test_an_edge_twice_in_a_cell_is_one_edge(load, store, mapping, edge_type, text, stored):
    report = load(f'[[table]]\nfile = "t.csv"\n{mapping}\n', text, "t.csv")
    read = store.read_edges(edge_type, columns=["source_id", "target_id"]).read_all()
    assert [tuple(row.values()) for row in read.to_pylist()] == stored
    assert report.rejected == 0


@pytest.mark.parametrize("distinct", [True, False])
def test_a_node_twice_in_a_cell_is_one_node_or_one_reject(load, store, distinct):
    mapping = (
        '[[table]]\nfile = "t.csv"\nnode = "Brand"\n'
        f"distinct = {str(distinct).lower()}\n"
        'columns = { brand_id = { column = "ids", split = "|" },'
        ' name = { column = "names", split = "|" } }\n'
    )
    report = load(mapping, "ids,names\na|b|a|b,A|B|A|C\nc,C\n", "t.csv")
    brands = store.read_nodes("Brand", columns=["brand_id", "name"]).read_all().to_pylist()
    assert brands == [
        {"brand_id": "a", "name": "A"},
        {"brand_id": "b", "name": "B"},
        {"brand_id": "c", "name": "C"},
    ]
    assert report.tables[0].merged == 1 + distinct
    reasons = [row["reason"] for row in store.read_rejects().to_pylist()]
    assert reasons == ([] if distinct else ["the same brand_id twice in one row"])


def test_a_column_may_be_whole_for_one_property_and_split_for_another(load, store):
    mapping = (
        '[[table]]\nfile = "t.csv"\nnode = "Tag"\n'
        'columns = { tag_id = { column = "tags", split = "|" }, name = "tags" }\n'
    )
    load(mapping, "tags\nx|y\n", "t.csv")
    names = store.read_nodes("Tag", columns=["tag_id", "name"]).read_all().to_pylist()
    assert {row["name"] for row in names if row["tag_id"] in "xy"} == {"x|y"}


@pytest.mark.usefixtures("load")
def test_a_value_twice_in_a_list_counts_twice_too(tmp_path, store):
    (tmp_path / "mapping.toml").write_text(
        BASKETS.replace("baskets.csv", "b.parquet").replace(', split = ";"', "")
        + 'count = "qty"\nvalue = "paid"\n'
    )
    baskets = {
        "order": ["o1"],
        "user": ["ann"],
        "products": [["tea", "pan", "tea"]],
        "day": ["2026-01-01"],
        "qty": [[1, 1, 4]],
        "paid": [[0.1, 30.0, 0.2]],
    }
    pq.write_table(pa.table(baskets), tmp_path / "b.parquet")
    assert ingest(folder_tables(tmp_path, SCHEMA), store).rejected == 0
    assert events(store, "count", "value") == [("o1", "pan", 1, 30.0), ("o1", "tea", 5, 0.3)]
