"""Tables go in whole, once, and come out as they were."""

from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from graphdb import SCHEMA, UpsertCounts, open_store
from graphdb.errors import RejectedRowError
from graphdb.ingestion import ingest
from graphdb.io.mapped_tables import folder_tables
from graphdb.stores.duckdb_store import DuckDBStore

PURCHASED = SCHEMA.edge_type("PURCHASED")


def test_a_folder_named_after_types_needs_no_mapping(shop, load, store):
    report = load(shop)
    counts = {str(of): number for of, number in store.counts().items() if number}
    assert counts == {
        "User": 2,
        "Product": 2,
        "Category": 2,
        "Brand": 1,
        "PriceBand": 2,
        "User-PURCHASED-Product": 2,
        "User-RATED-Product": 1,
        "Product-MADE_BY-Brand": 1,
        "Product-IN_PRICE_BAND-PriceBand": 2,
        "Category-CHILD_OF-Category": 1,
    }
    assert report.rejected == 0
    assert report.counts == UpsertCounts(added=12)
    assert [table.of for table in report.tables][-1].count("-") == 2, "edges come after nodes"


def test_values_arrive_typed_and_in_utc(shop, load, store):
    load(shop)
    events = store.read_edges(PURCHASED).read_all().to_pylist()
    assert events == [
        {
            "source_id": "ann",
            "target_id": "pan",
            "at": datetime(2024, 6, 1, 10, tzinfo=UTC),
            "event_id": "",
            "count": 1,
            "value": 30.0,
            "channel": "live",
            "discount": None,
        },
        {
            "source_id": "bob",
            "target_id": "tea",
            "at": datetime(2024, 6, 2, 0, tzinfo=UTC),
            "event_id": "",
            "count": 2,
            "value": 9.0,
            "channel": None,
            "discount": None,
        },
    ]


def test_the_same_folder_twice_changes_nothing(shop, load, store):
    (shop / "User.csv").write_text("user_id,city\nann,Paris\nbob,\nann,Rome\n")
    first = load(shop)
    graph = [store.read_edges(PURCHASED).read_all(), store.read_nodes("User").read_all()]
    rejects = store.read_rejects()
    second = load(shop)
    assert second.counts == UpsertCounts(unchanged=first.counts.added)
    assert [store.read_edges(PURCHASED).read_all(), store.read_nodes("User").read_all()] == graph
    assert store.read_rejects() == rejects
    assert rejects.num_rows == 1


def test_a_corrected_file_clears_its_rejects(shop, load, store):
    (shop / "User.csv").write_text("user_id\nann\nbob\nann\n")
    assert load(shop).rejected == 1
    (shop / "User.csv").write_text("user_id\nann\nbob\ncid\n")
    assert load(shop).rejected == 0
    assert store.read_rejects().num_rows == 0


def test_strict_stops_before_the_table_with_a_bad_row(shop, load, store):
    path = shop / "User-PURCHASED-Product.csv"
    path.write_text(path.read_text() + "bob,tea,2024-06-03,-1,1,\n")
    message = "User-PURCHASED-Product.csv, row 3: count is -1, below 1"
    with pytest.raises(RejectedRowError, match=message):
        load(shop, strict=True)
    assert store.counts()[PURCHASED] == 0
    assert store.counts()["User"] == 2


def test_parquet_arrow_gzip_and_tsv_give_the_same_graph(shop, load, store, tmp_path):
    load(shop)
    other = tmp_path / "other"
    other.mkdir()
    for name in ("User", "Brand", "Category", "Product"):
        table = store.read_nodes(name).read_all()
        pq.write_table(table, other / f"{name}.parquet")
    edges = store.read_edges(PURCHASED).read_all()
    with pa.ipc.new_file(other / f"{PURCHASED}.arrow", edges.schema) as file:
        file.write(edges)
    (other / "Product-MADE_BY-Brand.tsv").write_text("source_id\ttarget_id\npan\tacme\n")
    with pa.CompressedOutputStream(str(other / "User-RATED-Product.csv.gz"), "gzip") as compressed:
        compressed.write((shop / "User-RATED-Product.csv").read_bytes())
    with open_store("duckdb:") as second:
        report = ingest(folder_tables(other, SCHEMA), second)
        assert report.rejected == 0
        assert second.read_edges(PURCHASED).read_all() == edges
        for of in ("User", "Product", "PriceBand"):
            assert second.read_nodes(of).read_all() == store.read_nodes(of).read_all()
        assert second.counts()[SCHEMA.edge_type("RATED")] == 1


def test_quotes_commas_newlines_and_marks_survive_csv(shop, load, store):
    (shop / "Product.csv").write_bytes(
        b'\xef\xbb\xbfproduct_id,title,price\r\npan,"Pan, ""iron""\nbig",30\r\ntea,T\xc3\xa9,4\r\n'
    )
    assert load(shop).rejected == 0
    titles = store.read_nodes("Product", columns=["title"]).read_all()["title"].to_pylist()
    assert titles == ['Pan, "iron"\nbig', "Té"]


def test_price_bands_follow_the_price(shop, load, store):
    load(shop)
    edges = store.read_edges(SCHEMA.edge_type("IN_PRICE_BAND"), columns=["source_id", "target_id"])
    assert edges.read_all().to_pydict() == {
        "source_id": ["pan", "tea"],
        "target_id": ["20-50", "2-5"],
    }
    (shop / "Product.csv").write_text("product_id,price\npan,50\n")
    load(shop)
    edges = store.read_edges(SCHEMA.edge_type("IN_PRICE_BAND"), columns=["source_id", "target_id"])
    assert edges.read_all().to_pydict()["target_id"] == ["50-100", "2-5"]


def test_a_store_gets_no_more_rows_at_once_than_it_asks_for(shop, load, monkeypatch):
    monkeypatch.setattr(DuckDBStore, "batch_rows", 1)
    written = []
    load(shop, on_progress=lambda table, step, rows: written.append((table.of, step, rows)))
    assert [entry for entry in written if entry[:2] == ("User", "write")] == [
        ("User", "write", 1),
        ("User", "write", 1),
    ]


def test_progress_tells_every_row_once(shop, load):
    seen: dict[tuple[str, str], int] = {}

    def note(table, step, rows):
        seen[table.name, step] = seen.get((table.name, step), 0) + rows

    report = load(shop, on_progress=note)
    for table in report.tables:
        assert seen[table.name, "read"] == table.read
        assert seen[table.name, "write"] == table.accepted


def test_an_inch_mark_is_no_open_quote(shop, load, store):
    (shop / "Product.csv").write_text('product_id,title,price\npan,5" pan,30\ntea,Tea,4\n')
    assert load(shop).rejected == 0
    titles = store.read_nodes("Product", columns=["title"]).read_all()["title"].to_pylist()
    assert titles == ['5" pan', "Tea"]
