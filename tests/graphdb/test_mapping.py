"""A user's own files, described by a mapping, become the same graph as files named after types."""

from datetime import UTC, datetime

import pytest

from graphdb import SCHEMA, UpsertCounts
from graphdb.ingestion import ingest
from graphdb.io.mapped_tables import folder_tables

MAPPING = """
[[table]]
file = "catalogue.csv"
node = "Product"
columns = { product_id = "sku", title = "label", price = { column = "cents", scale = 0.01 } }

[[table]]
file = "catalogue.csv"
node = "Brand"
distinct = true
skip_missing = true
columns = { brand_id = "maker", name = "maker" }

[[table]]
file = "catalogue.csv"
relation = "MADE_BY"
skip_missing = true
columns = { source_id = "sku", target_id = "maker" }

[[table]]
file = "catalogue.csv"
node = "Tag"
distinct = true
skip_missing = true
columns = { tag_id = { column = "styles", split = "|" }, kind = { constant = "style" } }

[[table]]
file = "catalogue.csv"
relation = "TAGGED"
skip_missing = true
columns = { source_id = "sku", target_id = { column = "styles", split = "|" } }

[[table]]
file = "orders-*.csv"
node = "User"
distinct = true
columns = { user_id = "customer" }

[[table]]
file = "orders-*.csv"
relation = "PURCHASED"
[table.columns]
source_id = "customer"
target_id = "sku"
at = { column = "unix", unit = "s" }
event_id = "order"
channel = { constant = "live" }
"""


def test_own_tables_become_a_graph(tmp_path, store):
    (tmp_path / "mapping.toml").write_text(MAPPING)
    (tmp_path / "catalogue.csv").write_text(
        "sku,label,cents,maker,styles\n"
        "1,Cup,950,leaf,matte|round\n2,Pot,4999,leaf,round\n3,Spoon,100,,\n"
    )
    (tmp_path / "orders-a.csv").write_text("order,customer,sku,unix\n77,9,1,1700000000\n")
    (tmp_path / "orders-b.csv").write_text(
        "order,customer,sku,unix\n78,9,2,1700000001.5\n79,8,2,1700000000000000\n"
    )
    report = ingest(folder_tables(tmp_path, SCHEMA), store)

    products = store.read_nodes("Product", columns=["product_id", "price"]).read_all()
    assert products.to_pydict() == {"product_id": ["1", "2", "3"], "price": [9.5, 49.99, 1.0]}
    tagged = store.read_edges(SCHEMA.edge_type("TAGGED"), columns=["source_id", "target_id"])
    assert [tuple(row.values()) for row in tagged.read_all().to_pylist()] == [
        ("1", "matte"),
        ("1", "round"),
        ("2", "round"),
    ]
    purchases = store.read_edges(SCHEMA.edge_type("PURCHASED")).read_all().to_pylist()
    assert [(row["event_id"], row["at"], row["channel"]) for row in purchases] == [
        ("77", datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC), "live"),
        ("78", datetime(2023, 11, 14, 22, 13, 21, 500_000, tzinfo=UTC), "live"),
    ]
    assert store.counts()["User"] == 2
    assert store.counts()["Brand"] == 1
    assert store.counts()["Tag"] == 2
    assert report.reject_codes == {"not_a_time": 1}, "milliseconds given as seconds"
    by_name = {table.name: table for table in report.tables}
    brand = by_name["Brand from catalogue.csv"]
    assert (brand.read, brand.accepted, brand.merged, brand.skipped) == (3, 1, 1, 1)
    tag = by_name["Tag from catalogue.csv"]
    assert (tag.read, tag.accepted, tag.merged) == (3 + 1, 2, 1)


def test_own_time_formats(tmp_path, store):
    (tmp_path / "mapping.toml").write_text(
        '[[table]]\nfile = "p.csv"\nnode = "Product"\n'
        'columns = { product_id = "id", created_at = { column = "d", format = "%d/%m/%Y" } }\n'
    )
    (tmp_path / "p.csv").write_text("id,d\n1,31/12/2024\n2,12/31/2024\n3,\n")
    report = ingest(folder_tables(tmp_path, SCHEMA), store)
    assert report.counts == UpsertCounts(added=3)
    assert report.tables[0].lost_values == {"created_at": 1}
    times = store.read_nodes("Product", columns=["created_at"]).read_all()["created_at"]
    assert times.to_pylist() == [datetime(2024, 12, 31, tzinfo=UTC), None, None]


@pytest.mark.parametrize(
    "rows",
    ["9,leaf,,\n9,leaf,Leaf,\n9,leaf,Other,yes\n", "9,leaf,Leaf,\n9,leaf,,yes\n9,leaf,Other,no\n"],
)
def test_distinct_takes_every_value_from_the_first_row_that_has_it(tmp_path, store, rows):
    (tmp_path / "mapping.toml").write_text(
        '[[table]]\nfile = "c.csv"\nnode = "Brand"\ndistinct = true\n'
        'columns = { brand_id = "maker", name = "label", private_label = "own" }\n'
    )
    (tmp_path / "c.csv").write_text("sku,maker,label,own\n" + rows)
    report = ingest(folder_tables(tmp_path, SCHEMA), store)
    (brand,) = store.read_nodes("Brand").read_all().to_pylist()
    assert (brand["name"], brand["private_label"]) == ("Leaf", True)
    assert (report.tables[0].accepted, report.tables[0].merged) == (1, 2)


def test_two_blocks_of_one_type_and_file_keep_the_rejects_of_both(tmp_path, store):
    block = '[[table]]\nfile = "c.csv"\nnode = "Brand"\ncolumns = {{ brand_id = "{}" }}\n'
    (tmp_path / "mapping.toml").write_text(block.format("maker") + block.format("owner"))
    (tmp_path / "c.csv").write_text("maker,owner\na,b\n,c\nd,\ne,f\n")
    for _ in range(2):
        report = ingest(folder_tables(tmp_path, SCHEMA), store)
        assert report.rejected == 2
        assert [reject["row"] for reject in store.read_rejects().to_pylist()] == [2, 3]
    assert store.counts()["Brand"] == 6
    (tmp_path / "c.csv").write_text("maker,owner\na,b\n,c\nd,g\n")
    ingest(folder_tables(tmp_path, SCHEMA), store)
    assert [reject["row"] for reject in store.read_rejects().to_pylist()] == [2]
