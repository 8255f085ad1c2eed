"""Columns of every Arrow type: read right, rejected row by row, or refused in one line that names
the file and the column. Nothing else may happen."""

import datetime as dt
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from graphdb import SCHEMA, open_store
from graphdb.errors import FileFormatError, GraphRecError
from graphdb.ingestion import ingest
from graphdb.io.mapped_tables import folder_tables

DAY = dt.datetime(2026, 1, 31, tzinfo=dt.UTC)
LOCAL_DAY = dt.datetime(2026, 1, 31)
MAPPING = (
    '[[table]]\nfile = "{file}"\nnode = "Product"\n'
    'columns = {{ product_id = "sku", {name} = {{ column = "x"{how} }} }}\n'
)
IDS_MAPPING = (
    '[[table]]\nfile = "products.arrow"\nnode = "Product"\ncolumns = { product_id = "x" }\n'
)


def write_arrow(path, **columns):
    table = pa.table(columns)
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)


def products(folder, store):
    report = ingest(folder_tables(folder, SCHEMA), store)
    return report, store.read_nodes("Product").read_all().to_pylist()


def float16(*values):
    return pa.array(np.array(values, np.float16))


def storage(extension, *values):
    return pa.ExtensionArray.from_storage(extension, pa.array(values, extension.storage_type))


READ = [
    ("price", "", float16(9.95), 9.95),
    ("price", "", pa.array([9.95], pa.float32()), 9.95),
    ("price", "", pa.array([2.0**27], pa.float32()), 2.0**27),
    ("price", "", pa.array([float("nan")], pa.float32()), None),
    ("price", "", pa.array([float("nan")]), None),
    ("price", "", pa.array([b"12.5"]), 12.5),
    ("price", "", pa.array([b"12.5"], pa.large_binary()), 12.5),
    ("price", "", pa.array([b"12.5"], pa.binary(4)), 12.5),
    ("price", "", pa.array([b"12.5"], pa.binary_view()), 12.5),
    ("price", "", pa.array(["12.5"], pa.string_view()), 12.5),
    ("price", "", pa.array(["12.5"], pa.large_string()), 12.5),
    ("price", "", pa.array(["12.5"]).dictionary_encode(), 12.5),
    ("price", "", pa.array([12.5]).dictionary_encode(), 12.5),
    ("price", "", pa.RunEndEncodedArray.from_arrays([1], [12.5]), 12.5),
    ("price", "", pa.array([Decimal("12.50")], pa.decimal32(5, 2)), 12.5),
    ("price", "", pa.array([Decimal("12.50")], pa.decimal64(5, 2)), 12.5),
    ("price", "", pa.array([Decimal("12.50")], pa.decimal128(38, 2)), 12.5),
    ("price", "", pa.array([Decimal("12.50")], pa.decimal256(70, 2)), 12.5),
    ("price", "", pa.array([Decimal(1200)], pa.decimal128(5, -2)), 1200.0),
    ("price", "", pa.array([12], pa.uint8()), 12.0),
    ("price", "", pa.nulls(1), None),
    ("stock", "", pa.array([2**62], pa.uint64()), 2**62),
    ("stock", "", pa.array([7.0]), 7),
    ("stock", "", pa.array([Decimal(7)], pa.decimal128(38, 0)), 7),
    ("title", "", pa.array([b"Caf\xc3\xa9"]), "Café"),
    ("title", "", pa.array([7.0]), "7"),
    ("title", "", storage(pa.json_(), "{}"), "{}"),
    ("title", "", storage(pa.uuid(), b"\0" * 15 + b"\1"), f"{'0' * 8}-0000-0000-0000-{'0' * 11}1"),
    ("created_at", "", pa.array([DAY.date()], pa.date32()), DAY),
    ("created_at", "", pa.array([DAY.date()], pa.date64()), DAY),
    ("created_at", "", pa.array([LOCAL_DAY], pa.timestamp("ns")), DAY),
    ("created_at", "", pa.array([LOCAL_DAY], pa.timestamp("s")), DAY),
    ("created_at", "", pa.array([DAY], pa.timestamp("ms", "Asia/Tokyo")), DAY),
    ("created_at", ', format = "%Y-%m-%d"', pa.array([LOCAL_DAY]), DAY),
    ("created_at", ', format = "%Y-%m-%d"', pa.array([DAY.date()]), DAY),
    ("created_at", ', unit = "s"', pa.array([LOCAL_DAY]), DAY),
    ("created_at", ', unit = "s"', pa.array([Decimal(1769817600)], pa.decimal128(20, 0)), DAY),
    ("created_at", ', unit = "ms"', pa.array(["1769817600000"]), DAY),
    ("created_at", ', format = "%Y%m%d"', pa.array([20260131]), DAY),
    ("created_at", ', format = "%Y%m%d"', pa.array([20260131.0]), DAY),
    (
        "created_at",
        ', format = "%y%m%d"',
        pa.array([60131]),
        dt.datetime(2006, 1, 31, tzinfo=dt.UTC),
    ),
    (
        "created_at",
        ', format = "%d%m%Y"',
        pa.array([1022026]),
        dt.datetime(2026, 2, 1, tzinfo=dt.UTC),
    ),
]


@pytest.mark.parametrize(("name", "how", "column", "value"), READ)
def test_an_odd_column_is_read_right(tmp_path, store, name, how, column, value):
    write_arrow(tmp_path / "products.arrow", sku=["pan"], x=column)
    (tmp_path / "mapping.toml").write_text(
        MAPPING.format(file="products.arrow", name=name, how=how)
    )
    report, (product,) = products(tmp_path, store)
    assert product[name] == value
    assert report.rejected == 0


@pytest.mark.parametrize(
    "column", [float16(9.95), pa.array([b"12.5"]), pa.array([2**62], pa.uint64()), pa.nulls(1)]
)
def test_parquet_is_read_as_arrow_is(tmp_path, store, column):
    pq.write_table(pa.table({"sku": ["pan"], "x": column}), tmp_path / "products.parquet")
    (tmp_path / "mapping.toml").write_text(
        MAPPING.format(file="products.parquet", name="price", how="")
    )
    _, (product,) = products(tmp_path, store)
    (parquet_price,) = [product["price"]]
    with open_store("duckdb:") as other:
        (tmp_path / "products.parquet").unlink()
        write_arrow(tmp_path / "products.arrow", sku=["pan"], x=column)
        (tmp_path / "mapping.toml").write_text(
            MAPPING.format(file="products.arrow", name="price", how="")
        )
        assert products(tmp_path, other)[1][0]["price"] == parquet_price


BAD_CELLS = [
    ("price", "", pa.array([1.0, float("inf")]), "not_finite", "price is inf, not a finite"),
    ("price", "", pa.array([b"1", b"\xff\xfe"]), "bad_encoding", r"column 'x' is not UTF-8: \xff"),
    ("price", "", pa.array([b"1", b"a\0b"]), "not_a_number", "not a number"),
    ("stock", "", pa.array([1, 2**63 + 1], pa.uint64()), "out_of_range", f"is {2**63 + 1}, too la"),
    ("stock", "", pa.array([1.0, 1.5]), "not_an_integer", "stock is 1.5, not a whole number"),
    ("title", "", pa.array([b"a", b"\xff"]).dictionary_encode(), "bad_encoding", r"UTF-8: \xff"),
    (
        "created_at",
        "",
        pa.array([0, 2**60], pa.timestamp("s")),
        "out_of_range",
        f"column 'x' is {2**60} timestamp[s], not a time",
    ),
    (
        "created_at",
        "",
        pa.array([20_000, 2_932_897], pa.date32()),
        "out_of_range",
        "created_at is 10000-01-01, after 9999",
    ),
    (
        "created_at",
        "",
        pa.array(["2026-01-31", "10000-01-01 00:00"]),
        "out_of_range",
        "created_at is 10000-01-01 00:00, after 9999",
    ),
    (
        "created_at",
        "",
        pa.array([0, 10**15], pa.timestamp("ms", "UTC")),
        "out_of_range",
        "after 9999",
    ),
    (
        "created_at",
        ', format = "%Y%m%d"',
        pa.array([20260131, 31]),
        "not_a_time",
        "created_at is 31, not a time",
    ),
]


@pytest.mark.parametrize(("name", "how", "column", "code", "reason"), BAD_CELLS)
def test_a_cell_that_cannot_be_read_costs_its_value_or_its_row_alone(
    tmp_path, store, name, how, column, code, reason
):
    write_arrow(tmp_path / "products.arrow", sku=["pan", "tea"], x=column)
    (tmp_path / "mapping.toml").write_text(
        MAPPING.format(file="products.arrow", name=name, how=how)
    )
    report, (product, *others) = products(tmp_path, store)
    (reject,) = store.read_rejects().to_pylist()
    assert product["product_id"] == "pan"
    if reject["column"] is None:
        assert (report.reject_codes, others) == ({code: 1}, [])
    else:
        assert (reject["code"], report.tables[0].lost_values) == (code, {name: 1})
        assert [other[name] for other in others] == [None]
    assert reject["file"] == "products.arrow"
    assert reject["row"] == 2
    assert reason in reject["reason"]


REFUSED = [
    ("price", "", pa.array([{"a": 1}]), "holds struct<a: int64>; expected text, numbers"),
    ("price", "", pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int64())), "holds map<string"),
    ("price", "", pa.array([[["a"]]]), "holds list<item: list<"),
    ("price", "", pa.array([dt.timedelta(1)]), r"holds duration\[us\]; expected"),
    ("price", "", pa.array([(1, 2, 3)], pa.month_day_nano_interval()), "holds month_day_nano"),
    ("price", "", pa.array([True]), "holds bool and cannot be price; expected numbers"),
    ("price", "", pa.array([LOCAL_DAY]), "cannot be price; expected numbers"),
    ("price", "", pa.array([dt.time(10)]), "cannot be price; expected numbers"),
    ("created_at", "", pa.array([dt.time(10)], pa.time32("s")), "expected dates or times"),
    ("created_at", ', unit = "s"', pa.array([dt.time(10)]), "expected dates or times"),
    ("created_at", ', unit = "s"', pa.array([True]), "expected dates or times"),
    ("created_at", "", pa.array([1]), r'expected times; .*unit = "s" or "ms".*format = '),
    ("created_at", "", pa.array([1.5]), "expected times"),
    ("private_label", "", pa.array([LOCAL_DAY]), "expected true or false"),
    ("title", ', split = "|"', pa.array([7]), "expected text, which split needs; remove split"),
]


@pytest.mark.parametrize(("name", "how", "column", "message"), REFUSED)
def test_a_column_that_never_fits_is_refused(tmp_path, store, name, how, column, message):
    write_arrow(tmp_path / "products.arrow", sku=["pan"], x=column)
    text = MAPPING.format(file="products.arrow", name=name, how=how)
    if name == "private_label":
        text = text.replace("Product", "Brand").replace("product_id", "brand_id")
    (tmp_path / "mapping.toml").write_text(text)
    with pytest.raises(FileFormatError, match=rf"products.arrow': column 'x' .*{message}"):
        products(tmp_path, store)


EXACT = 2**53


@pytest.mark.parametrize(
    ("ids", "kept"),
    [
        (pa.array([12.0, 7.0]), ["12", "7"]),
        (float16(12.0, 7.0), ["12", "7"]),
        (pa.array([12.0, 12.5, None, float("nan"), float("inf")]), ["12"]),
        (pa.array([float(EXACT - 1), float(EXACT), 1e16, 1e300]), [str(EXACT - 1)]),
        (pa.array([2.0**24 - 1, 2.0**24, 2.0**27], pa.float32()), [str(2**24 - 1)]),
        (pa.array([EXACT + 1, 2**62]), [str(2**62), str(EXACT + 1)]),
        (pa.array([2**64 - 1], pa.uint64()), [str(2**64 - 1)]),
        (pa.array([-0.0]), ["0"]),
        (pa.array([Decimal(10**30)], pa.decimal128(38, 0)), [str(10**30)]),
        (pa.array([Decimal("12.00"), Decimal("12.50")], pa.decimal128(10, 2)), ["12"]),
        (pa.array(["007", "12.0", "1e16"]), ["007", "12.0", "1e16"]),
    ],
)
def test_ids_are_never_changed(tmp_path, store, ids, kept):
    """A whole number is its digits, also in a column of floats; one that may be rounded is none."""
    write_arrow(tmp_path / "products.arrow", x=ids)
    (tmp_path / "mapping.toml").write_text(IDS_MAPPING)
    report, found = products(tmp_path, store)
    assert sorted(product["product_id"] for product in found) == sorted(kept)
    assert report.rejected == len(ids) - len(kept)


def test_ends_of_edges_fit_ids_of_another_type(tmp_path, store):
    write_arrow(tmp_path / "users.arrow", user=pa.array([1, 2]))
    write_arrow(tmp_path / "products.arrow", x=pa.array(["7"]))
    day = pa.array([DAY.date()] * 2)
    write_arrow(
        tmp_path / "views.arrow", user=pa.array([1.0, None]), sku=pa.array([b"7"] * 2), day=day
    )
    (tmp_path / "mapping.toml").write_text(
        IDS_MAPPING
        + '[[table]]\nfile = "users.arrow"\nnode = "User"\ncolumns = { user_id = "user" }\n'
        '[[table]]\nfile = "views.arrow"\nrelation = "VIEWED"\n'
        'columns = { source_id = "user", target_id = "sku", at = "day" }\n'
    )
    report, _ = products(tmp_path, store)
    (view,) = store.read_edges(SCHEMA.edge_type("VIEWED")).read_all().to_pylist()
    assert (view["source_id"], view["target_id"]) == ("1", "7")
    assert report.reject_codes == {"missing_value": 1}


NUMBERS = st.integers(-(2**63), 2**63 - 1)
FLOATS = st.floats(width=32)
VALUES = [
    NUMBERS.map(lambda value: pa.array([value])),
    st.integers(0, 2**64 - 1).map(lambda value: pa.array([value], pa.uint64())),
    st.floats().map(lambda value: pa.array([value])),
    FLOATS.map(lambda value: pa.array([value], pa.float32())),
    st.floats(width=16).map(float16),
    st.binary(max_size=8).map(lambda value: pa.array([value])),
    st.text(max_size=8).map(lambda value: pa.array([value.encode("utf-8", "replace")])),
    st.decimals(-(10**9), 10**9, places=3).map(lambda value: pa.array([value])),
    NUMBERS.map(lambda value: pa.array([value], pa.timestamp("s"))),
    NUMBERS.map(lambda value: pa.array([value], pa.timestamp("ns", "Asia/Tokyo"))),
    st.integers(-(2**31), 2**31 - 1).map(lambda value: pa.array([value], pa.date32())),
    st.times().map(lambda value: pa.array([value])),
    st.timedeltas().map(lambda value: pa.array([value.days], pa.duration("s"))),
    st.booleans().map(lambda value: pa.array([value])),
    st.lists(st.text(max_size=3), max_size=3).map(
        lambda value: pa.array([value], pa.list_(pa.string()))
    ),
]
HOWS = [
    "",
    ', unit = "s"',
    ', unit = "ms"',
    ', format = "%Y%m%d"',
    ', split = "|"',
    ", scale = 0.01",
]
PROPERTIES = ["title", "price", "stock", "created_at"]


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(column=st.one_of(VALUES), how=st.sampled_from(HOWS), name=st.sampled_from(PROPERTIES))
def test_every_column_is_read_rejected_or_refused(tmp_path, column, how, name):
    write_arrow(tmp_path / "products.arrow", sku=pa.array(["pan"]), x=column)
    (tmp_path / "mapping.toml").write_text(
        MAPPING.format(file="products.arrow", name=name, how=how)
    )
    with open_store("duckdb:") as store:
        try:
            report, found = products(tmp_path, store)
        except GraphRecError as error:
            assert "products.arrow" in str(error) or "mapping.toml" in str(error)
            assert "\n" not in str(error)
            return
        (table,) = report.tables
        assert table.read == table.accepted + table.rejected + table.merged
        assert len(found) == min(table.accepted, 1)
        for reject in store.read_rejects().to_pylist():
            assert reject["row"] == 1
            assert any(word in reject["reason"] for word in (name, "'x'", "product_id"))
