"""What `where`, `map`, `null_values` and `skip_missing` read equals what a plain loop over the rows
says, from CSV and from Parquet alike."""

import csv
import datetime as dt
import json
from collections import Counter
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from graphdb import SCHEMA, open_store
from graphdb.ingestion import ingest
from graphdb.io.mapped_tables import folder_tables

NAMES = ("line", "user", "sku", "what", "qty", "paid", "place")
CHANNELS = ("live", "shop")
NOW = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
PURCHASED = SCHEMA.edge_type("PURCHASED")


@dataclass(frozen=True)
class Mapping:
    """What the mapping of the log says."""

    where: tuple[str, ...]
    null_values: tuple[str, ...]
    map: dict[str, str]
    skip_missing: bool

    def text(self, file):
        how = [f"null_values = {json.dumps(self.null_values)}"]
        how += [f"where = {{ what = {json.dumps(self.where)} }}"] if self.where else []
        how += [f"skip_missing = {str(self.skip_missing).lower()}"]
        map_ = ", ".join(f"{json.dumps(one)} = {json.dumps(two)}" for one, two in self.map.items())
        channel = f'{{ column = "place", map = {{ {map_} }} }}' if self.map else '"place"'
        return (
            '[[table]]\nfile = "users.csv"\nnode = "User"\ncolumns = { user_id = "user" }\n'
            '[[table]]\nfile = "products.csv"\nnode = "Product"\ncolumns = { product_id = "sku" }\n'
            f'[[table]]\nfile = "{file}"\nrelation = "PURCHASED"\n' + "\n".join(how) + "\n"
            '[table.columns]\nsource_id = "user"\ntarget_id = "sku"\nevent_id = "line"\n'
            'at = { constant = "2026-01-01" }\ncount = "qty"\nvalue = "paid"\n'
            f"channel = {channel}\n"
        )


def by_a_loop(rows, mapping):
    """The edges, the number of rejected and of skipped rows, and the bad values by property."""
    edges, rejected, skipped, lost = [], 0, 0, Counter()
    for row in rows:
        cells = dict(zip(NAMES, row, strict=True))
        if mapping.where and cells["what"] not in mapping.where:
            continue
        cells = {
            name: None if cell == "" or cell in mapping.null_values else cell
            for name, cell in cells.items()
        }
        if cells["user"] is None or cells["sku"] is None:
            skipped += mapping.skip_missing
            rejected += not mapping.skip_missing
            continue
        is_count = cells["qty"] is None or (cells["qty"].isdigit() and int(cells["qty"]) >= 1)
        if cells["user"] not in ("ann", "bob") or cells["sku"] != "pan" or not is_count:
            rejected += 1
            continue
        value = channel = None
        if cells["paid"] is not None:
            is_paid = cells["paid"].replace(".", "", 1).isdigit()
            value = float(cells["paid"]) if is_paid else None
            lost["value"] += not is_paid
        if cells["place"] is not None:
            meant = mapping.map.get(cells["place"]) if mapping.map else cells["place"]
            channel = meant if meant in CHANNELS else None
            lost["channel"] += channel is None
        count = None if cells["qty"] is None else int(cells["qty"])
        edges.append((cells["line"], cells["user"], count, value, channel))
    return sorted(edges), rejected, skipped, +lost


def by_ingest(folder, mapping, file):
    (folder / "mapping.toml").write_text(mapping.text(file))
    with open_store("duckdb:") as store:
        report = ingest(folder_tables(folder, SCHEMA), store, now=NOW).tables[-1]
        found = store.read_edges(PURCHASED).read_all().to_pylist()
    names = ("event_id", "source_id", "count", "value", "channel")
    edges = sorted(tuple(edge[name] for name in names) for edge in found)
    assert report.read == report.accepted + report.rejected + report.skipped
    return edges, report.rejected, report.skipped, Counter(report.lost_values)


ROW = st.tuples(
    st.sampled_from(["ann", "bob", "eve", "", "NULL"]),
    st.sampled_from(["pan", "pan", "pot", "", "-"]),
    st.sampled_from(["buy", "view", "", "NULL"]),
    st.sampled_from(["1", "2", "0", "x", "", "NULL"]),
    st.sampled_from(["1.5", "20", "-3", "free", "", "NULL", "-"]),
    st.sampled_from(["live", "shop", "1", "moon", "", "-"]),
)
MAPPINGS = st.builds(
    Mapping,
    where=st.sampled_from([(), ("buy",), ("buy", "view"), ("",), ("", "NULL"), ("buy", "")]),
    null_values=st.sampled_from([("NULL",), ("NULL", "-"), ("-",), ("NULL", "-", "1")]),
    map=st.sampled_from([{}, {"1": "live"}, {"1": "live", "moon": "shop", "live": "live"}]),
    skip_missing=st.booleans(),
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows=st.lists(ROW, min_size=1, max_size=25), mapping=MAPPINGS)
def test_a_mapping_reads_what_a_plain_loop_reads(tmp_path, rows, mapping):
    rows = [(f"l{number}", *row) for number, row in enumerate(rows)]
    (tmp_path / "users.csv").write_text("user\nann\nbob\n")
    (tmp_path / "products.csv").write_text("sku\npan\n")
    with (tmp_path / "log.csv").open("w", newline="") as file:
        csv.writer(file).writerows([NAMES, *rows])
    columns = {
        name: list(cells) for name, cells in zip(NAMES, zip(*rows, strict=True), strict=True)
    }
    pq.write_table(pa.table(columns), tmp_path / "log.parquet")
    wanted = by_a_loop(rows, mapping)
    assert by_ingest(tmp_path, mapping, "log.csv") == wanted
    assert by_ingest(tmp_path, mapping, "log.parquet") == wanted


@pytest.mark.parametrize(
    "numbers",
    [
        pa.array([0, 3, 0, 5]),
        pa.array([0.0, 3.0, 0.0, 5.0]),
        pa.array([0, 3, 0, 5], pa.uint8()).dictionary_encode(),
    ],
)
def test_a_number_may_mean_a_missing_value(tmp_path, store, numbers):
    """Here 0 stars mean no rating; skip_missing passes over the row."""
    users = ["a", "b", "c", "d"]
    ratings = {"user": users, "sku": ["p"] * 4, "day": [NOW] * 4, "stars": numbers}
    pq.write_table(pa.table(ratings), tmp_path / "ratings.parquet")
    nodes = (
        '[[table]]\nfile = "ratings.parquet"\nnode = "{}"\ndistinct = true\n'
        'columns = {{ {} = "{}" }}\n'
    )
    (tmp_path / "mapping.toml").write_text(
        nodes.format("User", "user_id", "user")
        + nodes.format("Product", "product_id", "sku")
        + '[[table]]\nfile = "ratings.parquet"\nrelation = "RATED"\nskip_missing = true\n'
        '[table.columns]\nsource_id = "user"\ntarget_id = "sku"\nat = "day"\n'
        'stars = { column = "stars", null_values = ["0"] }\n'
    )
    report = ingest(folder_tables(tmp_path, SCHEMA), store, now=NOW).tables[-1]
    assert (report.accepted, report.skipped, report.rejected) == (2, 2, 0)
    rated = store.read_edges(SCHEMA.edge_type("RATED")).read_all()["stars"].to_pylist()
    assert sorted(rated) == [3.0, 5.0]
