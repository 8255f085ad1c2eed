"""Graphs of frames: the same as of files, whoever made the frame, and no good row is lost."""

import gc
import os
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.csv
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphdb import SCHEMA, Graph, Snapshot, ingest, open_source, open_store
from graphdb.errors import (
    FileFormatError,
    GraphRecError,
    MappingError,
    RejectedRowError,
    SchemaError,
    SnapshotError,
)
from graphdb.graph import snapshot_of

NOW = datetime(2026, 6, 1, tzinfo=UTC)
TABLES = {
    "User": {"user_id": ["u1", "u2", "u2"], "city": ["Graz", None, "Linz"]},
    "Product": {"product_id": ["1", "2", "3"], "price": [1.5, 2.5, 3.0], "stock": [None, -1, 0]},
    "PURCHASED": {
        "user_id": ["u1", "u1", "u9", "u2", None],
        "product_id": ["1", "3", "1", "2", "1"],
        "at": ["2026-05-01", "2026-05-02", "2026-05-01", "2026-05-01", "2026-05-01"],
        "count": [1, 2, 1, 1, 1],
    },
}
REJECTED = [  # frame, row, code
    ("User", 3, "duplicate_key"),
    ("Product", 2, "out_of_range"),
    ("PURCHASED", 3, "unknown_source"),
    ("PURCHASED", 4, "rejected_target"),
    ("PURCHASED", 5, "missing_value"),
]
MAKERS = {
    "pandas": pd.DataFrame,
    "polars": pl.DataFrame,
    "arrow": pa.table,
    "arrow batch": lambda columns: pa.RecordBatch.from_pydict(columns),
    "arrow stream": lambda columns: pa.table(columns).to_reader(),
    "duckdb": lambda columns: duckdb.from_arrow(pa.table(columns)),
    "pandas, arrow types": lambda columns: pd.DataFrame(columns).convert_dtypes(
        dtype_backend="pyarrow"
    ),
    "pandas, categories": lambda columns: pd.DataFrame(
        {
            name: pd.Series(cells, dtype="category" if isinstance(cells[0], str) else None)
            for name, cells in columns.items()
        }
    ),
    "pandas, some rows of more": lambda columns: pd.concat(
        [pd.DataFrame({name: cells[:1] for name, cells in columns.items()}), pd.DataFrame(columns)]
    ).iloc[1:],
}


def graph_of(tables=TABLES, make=pd.DataFrame, **options):
    frames = {name: make(columns) for name, columns in tables.items()}
    return Graph.from_frames(frames, now=NOW, **options)


def rejected(graph):
    order = list(TABLES)
    rows = graph.rejects().to_pylist()
    found = [(row["file"], row["row"], row["code"]) for row in rows]
    return sorted(found, key=lambda one: (order.index(one[0]), one[1]))


@pytest.fixture(scope="module")
def from_files(tmp_path_factory):
    """The same tables as CSV files: the id of their snapshot."""
    folder = tmp_path_factory.mktemp("files")
    for name, columns in TABLES.items():
        edges = name == "PURCHASED"
        renamed = {"user_id": "source_id", "product_id": "target_id"} if edges else {}
        table = pa.table({renamed.get(key, key): cells for key, cells in columns.items()})
        file = "User-PURCHASED-Product" if edges else name
        pyarrow.csv.write_csv(table, folder / f"{file}.csv")
    with open_store("duckdb:") as store:
        ingest(open_source(str(folder), SCHEMA), store, now=NOW)
        return Graph(store).snapshot().snapshot_id


@pytest.mark.parametrize("maker", MAKERS)
def test_a_graph_of_frames_is_that_of_files(from_files, maker):
    graph = graph_of(make=MAKERS[maker])
    assert rejected(graph) == REJECTED
    assert graph.snapshot().snapshot_id == from_files


ROWS = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "no"]),
        st.sampled_from(["x", "y", "no"]),
        st.sampled_from(["2026-05-01", "2026-05-02", "soon", None]),
        st.sampled_from([1, 2, 0]),
    ),
    max_size=12,
)


@given(rows=ROWS, make=st.sampled_from([pd.DataFrame, pl.DataFrame, pa.table]))
def test_every_good_row_is_kept_and_every_other_has_a_reason(rows, make):
    days = ("2026-05-01", "2026-05-02")
    good = {row[:3] for row in rows if "no" not in row[:2] and row[2] in days and row[3]}
    names = ("user_id", "product_id", "at", "count")
    purchases = {name: [row[place] for row in rows] for place, name in enumerate(names)}
    tables = {
        "User": {"user_id": ["a", "b"]},
        "Product": {"product_id": ["x", "y"]},
        "PURCHASED": purchases,
    }
    graph = graph_of(tables, make)
    (report,) = [one for one in graph.report.tables if one.file == "PURCHASED"]
    assert report.read == len(rows) == report.accepted + report.rejected
    assert report.rejected == graph.rejects().num_rows
    stored = graph.store.read_edges(SCHEMA.edge_type("PURCHASED")).read_all().to_pylist()
    found = {(row["source_id"], row["target_id"], f"{row['at']:%Y-%m-%d}") for row in stored}
    assert found == good and len(stored) == report.accepted


ORDERS = pd.DataFrame(
    {
        "kind": ["buy", "look", "buy", "buy"],
        "customer": ["ann", "ann", "bob", "cat"],
        "sku": [17, 18, 17, None],
        "brand": ["acme", None, "acme", "acme"],
        "day": ["03/05/2026", "04/05/2026", "05/05/2026", "06/05/2026"],
    }
)
MAPPING = {
    "User": {"columns": {"user_id": "customer"}, "distinct": True},
    "Product": {"columns": {"product_id": "sku"}, "distinct": True, "skip_missing": True},
    "Brand": {"columns": {"brand_id": "brand"}, "distinct": True, "skip_missing": True},
    "MADE_BY": {
        "columns": {"product_id": "sku", "brand_id": "brand"},
        "distinct": True,
        "skip_missing": True,
    },
    "PURCHASED": {
        "columns": {
            "user_id": "customer",
            "target_id": "sku",
            "at": {"column": "day", "format": "%d/%m/%Y"},
        },
        "where": {"kind": "buy"},
    },
    "User-VIEWED-Product": {
        "columns": {
            "user_id": "customer",
            "product_id": "sku",
            "at": {"column": "day", "format": "%d/%m/%Y"},
        },
        "where": {"kind": "look"},
    },
}


@pytest.mark.parametrize("make", [lambda frame: frame, pl.from_pandas, pa.Table.from_pandas])
def test_one_frame_can_be_several_tables_with_all_that_a_mapping_file_has(make):
    orders = make(ORDERS)
    graph = Graph.from_frames(dict.fromkeys(MAPPING, orders), mapping=MAPPING, now=NOW)
    rows = {
        of: graph.store.read_edges(SCHEMA.parse_edge_type(of)).read_all().to_pylist()
        for of in ("User-PURCHASED-Product", "User-VIEWED-Product", "Product-MADE_BY-Brand")
    }
    ends = {
        of: [(one["source_id"], one["target_id"]) for one in found] for of, found in rows.items()
    }
    assert ends == {
        "User-PURCHASED-Product": [("ann", "17"), ("bob", "17")],  # 17.0 is the id 17
        "User-VIEWED-Product": [("ann", "18")],
        "Product-MADE_BY-Brand": [("17", "acme")],
    }
    assert graph.rejects()["code"].to_pylist() == ["missing_value"]
    assert repr(graph) == (
        "<Graph: 3 User, 2 Product, 1 Brand; 4 edges; 1 row rejected, see rejects()>"
    )


def users_of(frame, **options):
    graph = Graph.from_frames({"User": frame}, now=NOW, **options)
    return graph, graph.store.read_nodes("User").read_all()["user_id"].to_pylist()


def test_cells_of_several_types_count_one_by_one():
    ids = ["u1", 2, 3.0, True, Decimal("4.5"), date(2026, 1, 2), None, b"u7", "\ud800", np.int64(8)]
    graph, users = users_of(pd.DataFrame({"user_id": pd.Series(ids, dtype=object), "city": "Graz"}))
    assert users == ["2", "2026-01-02", "3", "4.5", "8", "true", "u1", "u7"]
    found = [(row["row"], row["code"]) for row in graph.rejects().to_pylist()]
    assert found == [(7, "missing_value"), (9, "bad_encoding")]


def test_a_named_index_is_a_column_and_one_without_a_name_is_none():
    frame = pd.DataFrame({"user_id": ["u1", "u2"], "city": ["Graz", "Linz"]})
    assert users_of(frame.set_index("user_id"))[1] == ["u1", "u2"]
    assert users_of(frame.iloc[[1]])[1] == ["u2"]
    numbers = pd.DataFrame({"user_id": [0, 1], "city": ["Graz", "Linz"]}).set_index("user_id")
    assert users_of(numbers)[1] == ["0", "1"]


def test_columns_that_are_not_read_do_no_harm():
    frame = pd.DataFrame(
        {"user_id": ["u1"], "any": [object()], "wait": [pd.Timedelta(1)], "map": [{"a": 1}]}
    )
    double = pd.concat([frame, frame[["map"]]], axis=1)
    for one in (frame, double):
        assert users_of(one, mapping={"User": {"user_id": "user_id"}})[1] == ["u1"]


def test_lists_in_cells_are_several_edges():
    products = pl.DataFrame({"product_id": ["p1", "p2"], "tags": [["a", "b"], ["b"]]})
    columns = {"columns": {"tag_id": "tags"}, "distinct": True}
    graph = Graph.from_frames(
        {"Product": products, "Tag": products, "TAGGED": products},
        mapping={
            "Product": {"product_id": "product_id"},
            "Tag": columns,
            "TAGGED": {"product_id": "product_id", "tag_id": "tags"},
        },
    )
    assert repr(graph) == "<Graph: 2 Product, 2 Tag; 3 edges>"


@pytest.mark.parametrize("maker", ["pandas", "polars", "arrow", "pandas, arrow types"])
def test_what_may_be_missing_costs_no_row(maker):
    """A missing value of every kind of property."""
    tables = {
        "User": {"user_id": ["u1", "u2"], "created_at": [NOW, None]},
        "Product": {"product_id": ["1", "2"], "price": [1.5, None], "stock": [None, 3]},
        "Brand": {"brand_id": ["a", "b"], "private_label": [None, True], "name": [None, "B"]},
    }
    graph = graph_of(tables, MAKERS[maker])
    assert graph.rejects().to_pylist() == []
    assert graph.store.read_nodes("Brand").read_all()["private_label"].to_pylist() == [None, True]


USERS = pd.DataFrame({"user_id": ["u1"]})
LAZY = pl.DataFrame({"user_id": ["u1"]}).lazy()
PURCHASES = pa.table({"user_id": ["u1"], "product_id": ["p1"], "at": ["2026-05-01"]})


@pytest.mark.parametrize(
    ("frames", "mapping", "error", "message"),
    [
        ({"user": USERS}, None, SchemaError, "'user' is named after no .*; did you mean 'User'"),
        ({"FOLLOWS": USERS}, None, SchemaError, "User-FOLLOWS-Creator, User-FOLLOWS-Brand"),
        ({"User": [1]}, None, FileFormatError, "'User' is a builtins.list; expected a frame of pa"),
        ({"User": LAZY}, None, FileFormatError, r"polars.LazyFrame; .*, with .collect\(\)"),
        ({"User": USERS}, {"Users": {}}, MappingError, "no frame 'Users'; did you mean 'User'"),
        (
            {"User": USERS.assign(town="Graz")},
            None,
            MappingError,
            "'User' has a column 'town', but User has no such property; drop the column, or name",
        ),
        (
            {"User": USERS.assign(citty="Graz")},
            None,
            MappingError,
            "no such property; did you mean 'city'",
        ),
        (
            {"User": USERS, "Product": USERS, "PURCHASED": USERS},
            {"Product": {"product_id": "user_id"}},
            MappingError,
            "'PURCHASED' has no column 'target_id' or 'product_id', which User-PURCHASED-Product",
        ),
        (
            {"User": USERS},
            {"User": {"user_id": "usr_id"}},
            MappingError,
            r"mapping\['User'\]\['columns'\]\['user_id'\]: 'User' has no column 'usr_id'; did you",
        ),
        (
            {"User": USERS},
            {"User": {"user_id": "user_id", "town": "user_id"}},
            MappingError,
            r"mapping\['User'\]\['columns'\]\['town'\]: User has no property 'town'",
        ),
        (
            {"User": USERS},
            {"User": {"city": "user_id"}},
            MappingError,
            "User needs a column for 'user_id'",
        ),
        (
            {"User": USERS},
            {"User": {"columns": {"user_id": "user_id"}, "distinkt": True}},
            MappingError,
            r"mapping\['User'\]\['distinkt'\]: unknown key 'distinkt'; did you mean 'distinct'",
        ),
        (
            {"User": USERS},
            {"User": {"columns": {"user_id": "user_id"}, "separator": ";"}},
            MappingError,
            "'separator' is for files",
        ),
        (
            {"User": USERS, "PURCHASED": PURCHASES},
            None,
            MappingError,
            "'PURCHASED' needs Product nodes, and there are none; expected a frame 'Product'; it "
            "can be the same frame again: .*'product_id': 'COLUMN'",
        ),
        (
            {"User": pd.concat([USERS, USERS], axis=1)},
            None,
            FileFormatError,
            "several columns named 'user_id'",
        ),
    ],
)
def test_what_is_wrong_is_told_with_what_to_do(frames, mapping, error, message):
    with pytest.raises(error, match=message):
        Graph.from_frames(frames, mapping=mapping)


def test_strict_stops_before_a_bad_frame_is_written():
    with pytest.raises(RejectedRowError, match="User, row 3: the same user_id"):
        graph_of(strict=True)


def test_more_frames_add_and_update(tmp_path):
    path = str(tmp_path / "shop.duckdb")
    with graph_of(store=path) as graph:
        before = graph.snapshot().snapshot_id
        report = graph.ingest({"User": pl.DataFrame({"user_id": ["u1", "u3"], "city": "Wien"})})
        assert report is graph.report and report.counts[:3] == (1, 1, 0)
        assert repr(report) == "<2 rows read, 1 added>"
        after = graph.snapshot(tmp_path / "snapshot")
        assert after.snapshot_id != before and after.num_nodes("User") == 3
        with pytest.raises(SnapshotError, match="exists"):
            graph.snapshot(tmp_path / "snapshot")
    with Graph(open_store(path, create=False)) as again:
        assert again.snapshot().snapshot_id == after.snapshot_id


def test_a_graph_that_cannot_be_made_leaves_its_store_open_to_others(tmp_path):
    path = str(tmp_path / "shop.duckdb")
    with pytest.raises(GraphRecError):
        Graph.from_frames({"User": [1]}, store=path)
    Path(path).rename(tmp_path / "other.duckdb")
    with open_store(str(tmp_path / "other.duckdb"), create=False) as store:
        assert not any(store.counts().values())


def test_a_temporary_snapshot_goes_when_nobody_uses_it():
    snapshot = graph_of().snapshot()
    folder = snapshot.folder
    child = os.fork()
    if not child:  # what a forked process drops is still used by its parent
        del snapshot
        gc.collect()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0 and folder.is_dir()
    assert snapshot.nodes("User").num_rows == 2
    del snapshot
    gc.collect()
    assert not folder.parent.exists()


def test_what_stands_for_a_snapshot(tmp_path):
    graph = graph_of()
    kept = graph.snapshot(tmp_path / "snapshot")
    assert snapshot_of(kept) is kept
    for data in (graph, tmp_path / "snapshot", str(tmp_path / "snapshot")):
        found = snapshot_of(data)
        assert isinstance(found, Snapshot) and found.snapshot_id == kept.snapshot_id
    with pytest.raises(SchemaError, match=r"a DataFrame is no snapshot; .*make a graph of frames"):
        snapshot_of(USERS)


def test_graphs_and_reports_show_themselves():
    graph = graph_of()
    assert repr(graph) == (
        "<Graph: 2 User, 2 Product, 2 PriceBand; 4 edges; 5 rows rejected, see rejects()>"
    )
    page = graph._repr_html_()
    assert ">User-PURCHASED-Product</td>" in page and "5 rows rejected" in page
    frame = graph.report.to_pandas()
    assert frame.set_index("file")["rejected"].to_dict() == {
        "User": 1,
        "Product": 1,
        "PURCHASED": 3,
    }
    assert repr(graph.report) == (
        "<11 rows read, 6 added, 5 rejected (duplicate_key 1, out_of_range 1, missing_value 1, "
        "unknown_source 1, rejected_target 1)>"
    )
    assert "unknown_source 1" in graph.report._repr_html_()
