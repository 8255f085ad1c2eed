"""A list in a cell is what split text is: a row for each of its values."""

import datetime as dt

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from graphdb import SCHEMA
from graphdb.errors import FileFormatError
from graphdb.ingestion import ingest
from graphdb.io.mapped_tables import folder_tables
from graphdb.sources.opening import arrow_tables

NODES = (
    '[[table]]\nfile = "products.parquet"\nnode = "Product"\ncolumns = { product_id = "sku" }\n'
    '[[table]]\nfile = "products.parquet"\nnode = "Tag"\ndistinct = true\nskip_missing = true\n'
    'columns = { tag_id = "tags", name = "tags" }\n'
)
TAGGED = (
    '[[table]]\nfile = "products.parquet"\nrelation = "TAGGED"\nskip_missing = true\n'
    'columns = { source_id = "sku", target_id = "tags" }\n'
)


def tagged(folder, store, tags, mapping=NODES + TAGGED):
    """The tags of products p0, p1, ... that have these lists, and the report."""
    skus = [f"p{number}" for number in range(len(tags))]
    pq.write_table(pa.table({"sku": skus, "tags": tags}), folder / "products.parquet")
    (folder / "mapping.toml").write_text(mapping)
    report = ingest(folder_tables(folder, SCHEMA), store)
    edges = store.read_edges(SCHEMA.edge_type("TAGGED"), columns=["source_id", "target_id"])
    return report, sorted(tuple(edge.values()) for edge in edges.read_all().to_pylist())


TEXTS = [["gift", "red"], ["gift"], [], None]


@pytest.mark.parametrize(
    "type_",
    [
        pa.list_(pa.string()),
        pa.large_list(pa.string()),
        pa.list_(pa.large_string()),
        pa.list_(pa.binary()),
        pa.list_(pa.dictionary(pa.int32(), pa.string())),
    ],
)
def test_a_list_makes_a_row_of_each_value(tmp_path, store, type_):
    report, edges = tagged(tmp_path, store, pa.array(TEXTS, pa.list_(pa.string())).cast(type_))
    assert edges == [("p0", "gift"), ("p0", "red"), ("p1", "gift")]
    assert store.counts()["Tag"] == 2
    tags, tagged_report = report.tables[1:]
    assert (tags.read, tags.accepted, tags.merged, tags.skipped) == (5, 2, 1, 2)
    assert (tagged_report.read, tagged_report.skipped, report.rejected) == (5, 2, 0)


def test_numbers_in_lists_are_ids_as_elsewhere(tmp_path, store):
    _, edges = tagged(tmp_path, store, pa.array([[7, 8]]))
    assert edges == [("p0", "7"), ("p0", "8")]


def test_lists_of_fixed_size_and_whole_floats(tmp_path, store):
    _, edges = tagged(tmp_path, store, pa.array([[7.0, 8.0]], pa.list_(pa.float32(), 2)))
    assert edges == [("p0", "7"), ("p0", "8")]


def test_a_value_twice_in_a_list_is_one_edge(tmp_path, store):
    report, edges = tagged(tmp_path, store, [["gift", "gift", None]])
    assert edges == [("p0", "gift")]
    assert report.rejected == 0


def test_a_value_of_a_list_that_breaks_a_rule_is_rejected_alone(tmp_path, store):
    report, edges = tagged(tmp_path, store, [["red", " gift"], ["red"]])
    assert edges == [("p0", "red"), ("p1", "red")]
    assert report.reject_codes == {"padded_id": 1, "rejected_target": 1}


BASKETS = (
    '[[table]]\nfile = "users.parquet"\nnode = "User"\ncolumns = { user_id = "user" }\n'
    '[[table]]\nfile = "products.parquet"\nnode = "Product"\ncolumns = { product_id = "sku" }\n'
    '[[table]]\nfile = "baskets.parquet"\nrelation = "PURCHASED"\n'
    'columns = { source_id = "user", target_id = "items", at = "at", count = "numbers" }\n'
)


def test_lists_side_by_side_go_in_step(tmp_path, store):
    pq.write_table(pa.table({"user": ["ann"]}), tmp_path / "users.parquet")
    pq.write_table(pa.table({"sku": ["pan", "tea"]}), tmp_path / "products.parquet")
    baskets = {
        "user": ["ann"] * 3,
        "items": [["pan", "tea"], ["pan", "tea"], ["pan", "tea"]],
        "numbers": [[1, 3], [], [1]],
        "at": [dt.datetime(2026, 1, day) for day in (1, 2, 3)],
    }
    pq.write_table(pa.table(baskets), tmp_path / "baskets.parquet")
    (tmp_path / "mapping.toml").write_text(BASKETS)
    report = ingest(folder_tables(tmp_path, SCHEMA), store)
    edges = store.read_edges(SCHEMA.edge_type("PURCHASED")).read_all().sort_by("target_id")
    found = sorted(
        (row["at"].day, row["target_id"], row["count"])
        for row in edges.to_pylist()
        if row["count"] is not None
    )
    assert found == [(1, "pan", 1), (1, "tea", 3)]
    assert edges.num_rows == 4
    (reject,) = store.read_rejects().to_pylist()
    assert (reject["row"], reject["code"]) == (3, "uneven_parts")
    assert reject["reason"] == "items has 2 parts, numbers has 1 parts"
    assert report.rejected == 1


def test_a_list_needs_no_split(tmp_path, store):
    mapping = NODES + TAGGED.replace('"tags"', '{ column = "tags", split = "|" }')
    message = "'products.parquet': column 'tags' holds lists, .*; remove split from the mapping"
    with pytest.raises(FileFormatError, match=message):
        tagged(tmp_path, store, TEXTS, mapping)


def test_lists_in_tables_in_memory_are_rows_too(store):
    ingest(arrow_tables({"Tag": pa.table({"tag_id": [["gift", "red"]]})}, "made"), store)
    assert store.counts()["Tag"] == 2


@pytest.mark.parametrize(
    ("key", "title"),
    [
        ("SKU", "sku"),
        ("_row", "_part"),
        ("_raw0", "_problem"),
        ("_cell0", "_uneven"),
        ("", " "),
        ('"', "it's"),
        ("a.b", "a"),
        ("sku;", "价格"),
    ],
)
@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_columns_may_have_any_names(tmp_path, store, key, title, suffix):
    table = pa.table({key: ["pan"], title: ["Iron pan"]})
    path = tmp_path / f"products.{suffix}"
    if suffix == "parquet":
        pq.write_table(table, path)
    else:
        header = ",".join('"' + name.replace('"', '""') + '"' for name in (key, title))
        path.write_text(f"{header}\npan,Iron pan\n")
    (tmp_path / "mapping.toml").write_text(
        f'[[table]]\nfile = "{path.name}"\nnode = "Product"\n'
        f"columns = {{ product_id = '''{key}''', title = '''{title}''' }}\n"
    )
    ingest(folder_tables(tmp_path, SCHEMA), store)
    (product,) = store.read_nodes("Product", columns=["product_id", "title"]).read_all().to_pylist()
    assert product == {"product_id": "pan", "title": "Iron pan"}


def test_the_name_of_row_numbers_is_refused(tmp_path, store):
    (tmp_path / "products.csv").write_text("_graphrec_row\npan\n")
    (tmp_path / "mapping.toml").write_text(
        '[[table]]\nfile = "products.csv"\nnode = "Product"\n'
        'columns = { product_id = "_graphrec_row" }\n'
    )
    with pytest.raises(
        FileFormatError, match=r"products.csv' has a column named '_graphrec_row', a name reserved"
    ):
        ingest(folder_tables(tmp_path, SCHEMA), store)
