"""Every kind of broken row: rejected with its code and a reason a person understands, and no
other row lost."""

from datetime import UTC, datetime

import pytest

from graphdb import SCHEMA
from graphdb.errors import RejectedRowError

NOW = datetime(2026, 1, 1, tzinfo=UTC)

# File, the row to add (it is row 3, or 2 where the file has one row), code, reason.
BAD_ROWS = [
    ("User.csv", ",Rome", "missing_value", "user_id is empty"),
    ("User.csv", '"  ",Rome', "blank_id", "user_id is only spaces"),
    ("User.csv", " cid,Rome", "padded_id", "user_id is  cid has spaces around it"),
    ("User.csv", '"c\tid",Rome', "control_character", "user_id has a control character in it"),
    ("User.csv", f"{'x' * 257},Rome", "too_long", "user_id has 257 characters, over 256"),
    ("User.csv", "ann,Rome", "duplicate_key", "the same user_id as in row 1"),
    ("User.csv", "cid", "malformed_row", "it has 1 cells, the header has 2"),
    ("User.csv", "cid,Rome,Italy", "malformed_row", "it has 3 cells, the header has 2"),
    ("User.csv", b"cid,R\xff\xfeme", "bad_encoding", "column 'city' is not UTF-8"),
    ("User.csv", b"cid,R\xff\xfeme,Italy", "malformed_row", "it has 3 cells, the header has 2"),
    ("User.csv", b"\xff", "malformed_row", "it has 1 cells, the header has 2"),
    (
        "Category-CHILD_OF-Category.csv",
        "kitchen,kitchen",
        "self_loop",
        "it connects a node to itself",
    ),
    ("Category-CHILD_OF-Category.csv", "kitchen,", "missing_value", "target_id is empty"),
    ("Product-MADE_BY-Brand.csv", "pan,acme", "duplicate_key", "the same source_id as in row 1"),
    ("Product-MADE_BY-Brand.csv", "pot,acme", "unknown_source", "there is no Product pot"),
    ("Product-MADE_BY-Brand.csv", "tea,leaf", "unknown_target", "there is no Brand leaf"),
    ("User-RATED-Product.csv", "bob,tea,2024-06-09,6", "out_of_range", "stars is 6, above 5"),
    ("User-RATED-Product.csv", "bob,tea,2024-06-09,", "missing_value", "stars is empty"),
    ("User-PURCHASED-Product.csv", "ann,tea,,1,1,", "missing_value", "at is empty"),
    ("User-PURCHASED-Product.csv", "ann,tea,soon,1,1,", "not_a_time", "at is soon, not a time"),
    (
        "User-PURCHASED-Product.csv",
        "ann,tea,2026-01-02,1,1,",
        "in_the_future",
        "at is 2026-01-02, in the future",
    ),
    (
        "User-PURCHASED-Product.csv",
        "ann,tea,2024-06-03,0,1,",
        "out_of_range",
        "count is 0, below 1",
    ),
    (
        "User-PURCHASED-Product.csv",
        "ann,tea,2024-06-03,1.5,1,",
        "not_an_integer",
        "count is 1.5, not a whole number",
    ),
    ("User-PURCHASED-Product.csv", "ann,tea,2024-06-03,1e300,1,", "out_of_range", "too large"),
    (
        "User-PURCHASED-Product.csv",
        "ann,pan,2024-06-01T10:00:00Z,1,30,",
        "duplicate_key",
        "the same source_id, target_id, at, event_id as in row 1",
    ),
]


@pytest.mark.parametrize(("file", "row", "code", "reason"), BAD_ROWS)
def test_a_bad_row_is_rejected_and_no_other(shop, load, store, file, row, code, reason):
    load(shop, now=NOW)
    before = dict(store.counts())
    path = shop / file
    good = path.read_bytes()
    bad = row if isinstance(row, bytes) else row.encode()
    path.write_bytes(good + bad + b"\n")

    report = load(shop, now=NOW)

    assert report.reject_codes == {code: 1}
    (reject,) = store.read_rejects().to_pylist()
    assert (reject["file"], reject["code"]) == (file, code)
    assert reject["row"] == good.count(b"\n"), "rows count from 1, the header is none"
    assert reason in reject["reason"]
    assert dict(store.counts()) == before
    (table,) = (table for table in report.tables if table.file == file)
    assert table.read == table.accepted + table.rejected


# File, the row to add, the property that is lost, code, reason.
BAD_VALUES = [
    ("User.csv", f"cid,{'x' * 1001}", "city", "too_long", "city has 1001 characters, over 1000"),
    ("Product.csv", "cup,Cup,cheap,", "price", "not_a_number", "price is cheap, not a number"),
    ("Product.csv", 'cup,Cup,"1,5",', "price", "not_a_number", "price is 1,5, not a number"),
    ("Product.csv", "cup,Cup,-0.01,", "price", "out_of_range", "price is -0.01, below 0"),
    ("Product.csv", "cup,Cup,nan,", "price", "not_finite", "price is nan, not a finite number"),
    ("Product.csv", "cup,Cup,1e999,", "price", "not_finite", "price is 1e999, not a finite number"),
    (
        "Product.csv",
        "cup,Cup,1,31/12/2024",
        "created_at",
        "not_a_time",
        "created_at is 31/12/2024, not a time",
    ),
    (
        "Product.csv",
        "cup,Cup,1,infinity",
        "created_at",
        "not_a_time",
        "created_at is infinity, not a time",
    ),
    (
        "Product.csv",
        "cup,Cup,1,0001-01-01",
        "created_at",
        "out_of_range",
        "0001-01-01, before 1970",
    ),
    (
        "Brand.csv",
        "leaf,Leaf,perhaps",
        "private_label",
        "not_a_boolean",
        "is perhaps, not true or false",
    ),
    (
        "User-PURCHASED-Product.csv",
        "ann,tea,2024-06-03,1,1,tv",
        "channel",
        "not_a_choice",
        "channel is tv, not one of short_video, live, shop",
    ),
]


@pytest.mark.parametrize(("file", "row", "column", "code", "reason"), BAD_VALUES)
def test_a_bad_value_of_an_optional_property_costs_the_value_and_not_the_row(
    shop, load, store, file, row, column, code, reason
):
    load(shop, now=NOW)
    path = shop / file
    good = path.read_text()
    path.write_text(good + row + "\n")

    report = load(shop, now=NOW)

    assert (report.rejected, report.reject_codes) == (0, {})
    (table,) = (table for table in report.tables if table.file == file)
    assert (table.counts.added, table.accepted) == (1, table.read)
    assert table.lost_values == {column: 1}
    (reject,) = store.read_rejects().to_pylist()
    number = good.count("\n")
    assert (reject["row"], reject["code"], reject["column"]) == (number, code, column)
    assert reason in reject["reason"]
    (warning,) = report.warnings
    said = f"1 value is left out and the rows kept, such as row {number}: {reject['reason']}"
    assert (warning.column, warning.message) == (column, said)
    with pytest.raises(RejectedRowError, match=f"{file}, row {number}: {column} is|{column} has"):
        load(shop, now=NOW, strict=True)


def test_the_row_of_a_bad_value_keeps_its_good_values(shop, load, store):
    path = shop / "Product.csv"
    path.write_text("product_id,title,price,created_at\npan,Iron pan,n/a,2024-05-01\ntea,,4.5,x\n")
    load(shop, now=NOW)
    found = store.read_nodes("Product", columns=["product_id", "title", "price", "created_at"])
    pan, tea = sorted(found.read_all().to_pylist(), key=lambda row: row["product_id"])
    assert pan == {**pan, "title": "Iron pan", "price": None}
    assert pan["created_at"] == datetime(2024, 5, 1, tzinfo=UTC)
    assert tea == {**tea, "price": 4.5, "created_at": None}
    assert [(row["row"], row["column"]) for row in store.read_rejects().to_pylist()] == [
        (1, "price"),
        (2, "created_at"),
    ]


def test_a_bad_value_does_not_erase_a_good_one_that_is_stored(shop, load, store):
    load(shop, now=NOW)
    (shop / "Product.csv").write_text("product_id,price\npan,free\ntea,5\n")
    load(shop, now=NOW)
    found = store.read_nodes("Product", columns=["product_id", "price"]).read_all().to_pylist()
    assert sorted(row["price"] for row in found) == [5.0, 30.0]


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("Product.csv", "product_id,status\npan,sold\ntea,active\n"),
        ("Product.csv", "product_id,stock\npan,-1\ntea,2\n"),
        ("Product-MADE_BY-Brand.csv", "source_id,target_id,since\npan,acme,soon\n"),
        ("User-PURCHASED-Product.csv", "source_id,target_id,at,count\nann,pan,2024-01-01,0\n"),
    ],
)
def test_a_bad_value_costs_the_row_where_an_empty_one_would_say_something(shop, load, file, text):
    """Without its status, a product would be on sale; without its count, one unit was bought."""
    (shop / file).write_text(text)
    (table,) = (table for table in load(shop, now=NOW).tables if table.file == file)
    assert (table.rejected, table.lost_values) == (1, {})


def test_an_edge_names_the_row_of_the_node_that_it_lacks(shop, load, store):
    (shop / "Product.csv").write_text("product_id,stock\npan,-1\ntea,2\n")
    path = shop / "User-PURCHASED-Product.csv"
    path.write_text(path.read_text() + "ann,pot,2024-06-01,1,30,\n")
    report = load(shop, now=NOW)
    assert list(report.reject_codes.items()) == [
        ("out_of_range", 1),
        ("unknown_target", 1),
        ("rejected_source", 1),
        ("rejected_target", 2),
    ]
    reasons = {row["reason"] for row in store.read_rejects().to_pylist()}
    assert reasons == {
        "stock is -1, below 0",
        "there is no Product pot",
        "there is no Product pan: row 1 of Product.csv was rejected",
    }


def test_good_rows_around_many_bad_ones_all_arrive(shop, load, store):
    lines = ["user_id,city"]
    for number in range(300):
        lines.append(f"user{number:03},Rome")
        lines.append(["broken", ",nobody", f"user{number:03},twice"][number % 3])
    (shop / "User.csv").write_text("\n".join(lines) + "\n")
    path = shop / "User-PURCHASED-Product.csv"
    path.write_text("source_id,target_id,at\nuser007,tea,2024-01-01\nann,tea,2024-01-01\n")
    (shop / "User-RATED-Product.csv").unlink()
    report = load(shop, now=NOW)
    assert store.counts()["User"] == 300
    assert store.counts()[SCHEMA.edge_type("PURCHASED")] == 1
    assert report.reject_codes == {
        "malformed_row": 100,
        "missing_value": 100,
        "duplicate_key": 100,
        "unknown_source": 1,
    }
    users = [row for row in store.read_rejects().to_pylist() if row["file"] == "User.csv"]
    assert [row["row"] for row in users] == list(range(2, 601, 2))
