"""Bundles whose hashes are right and whose content is not: none is opened, none becomes current."""

import shutil

import numpy as np
import pyarrow as pa
import pytest
from contracts.resigned import array, change_array, column, manifest, put, sign_again, table

from graphdb.errors import BundleError
from graphrec import Recommender, Registry, open_bundle
from graphrec.query.index import IndexConfig, build_index

PRODUCT, USER = "nodes/Product.parquet", "nodes/User.parquet"
BOUGHT = "edges/User-PURCHASED-Product"
YEAR_300000 = 10**13


def raw(name, content):
    return lambda folder: (folder / name).write_bytes(content)


def npy(header, version=b"\x01\x00"):
    size = len(header).to_bytes(2 if version == b"\x01\x00" else 4, "little")
    return b"\x93NUMPY" + version + size + header + b"\0" * 64


def as_type(name, column_name, arrow):
    def change(found):
        position = found.column_names.index(column_name)
        return found.set_column(position, column_name, found[column_name].cast(arrow))

    return table(name, change)


def add_column(found):
    return found.append_column("more", pa.nulls(found.num_rows, pa.string()))


FORGERIES = {
    # keys
    "a product twice": (column(PRODUCT, "product_id", put(1, "p1")), PRODUCT, "not sorted"),
    "keys out of order": (column(PRODUCT, "product_id", put(0, "z")), PRODUCT, "not sorted"),
    "an empty key": (column(PRODUCT, "product_id", put(0, "")), PRODUCT, "is '' in"),
    "a missing key": (column(PRODUCT, "product_id", put(0, None)), PRODUCT, "nonempty ids"),
    "keys in reverse": (column(USER, "user_id", lambda ids: ids[::-1]), USER, "not sorted"),
    # columns and types
    "keys as large text": (as_type(USER, "user_id", pa.large_string()), USER, "large_string"),
    "keys as a dictionary": (
        as_type(USER, "user_id", pa.dictionary(pa.int32(), pa.string())),
        USER,
        "dictionary",
    ),
    "a price as float32": (as_type(PRODUCT, "price", pa.float32()), PRODUCT, "price is float"),
    "a column too many": (table(USER, add_column), USER, "has the columns"),
    "a column twice": (
        table(USER, lambda one: one.append_column("city", one["city"])),
        USER,
        "has the columns",
    ),
    "a column too few": (table(USER, lambda one: one.drop_columns("city")), USER, "columns"),
    # values
    "a price of NaN": (column(PRODUCT, "price", put(0, np.nan)), PRODUCT, "'price' is nan"),
    "an endless price": (column(PRODUCT, "price", put(0, np.inf)), PRODUCT, "'price' is inf"),
    "a negative price": (column(PRODUCT, "price", put(0, -1.0)), PRODUCT, "at least 0"),
    "a negative stock": (column(PRODUCT, "stock", put(0, -1)), PRODUCT, "'stock' is -1"),
    "an unknown status": (column(PRODUCT, "status", put(0, "gone")), PRODUCT, "'gone'"),
    "a late beginning": (
        table(
            PRODUCT,
            lambda one: one.set_column(
                one.column_names.index("created_at"),
                "created_at",
                pa.array([2**62] * one.num_rows).cast(pa.timestamp("us", tz="UTC")),
            ),
        ),
        PRODUCT,
        "years 1 to 9999",
    ),
    # vectors
    "a vector of NaN": (array("vectors/User.npy", put((0, 0), np.nan)), "User.npy", "not finite"),
    "a vector of Inf": (array("vectors/User.npy", put((0, 1), -np.inf)), "User.npy", "not finite"),
    "another length": (array("vectors/User.norms.npy", put(0, 9.0)), "norms.npy", "length of row"),
    "a length of NaN": (array("vectors/User.norms.npy", put(0, np.nan)), "norms.npy", "nan"),
    "a negative length": (array("vectors/User.norms.npy", put(0, -1.0)), "norms.npy", "-1"),
    "vectors of rank 1": (array("vectors/User.npy", np.ravel), "User.npy", "holds float32"),
    "more vectors": (
        array("vectors/User.npy", lambda one: np.concatenate([one, one])),
        "User.npy",
        "holds float32",
    ),
    # edges
    "an index too high": (array(f"{BOUGHT}.indices.npy", put(0, 99)), BOUGHT, "not ascending"),
    "a negative index": (array(f"{BOUGHT}.indices.npy", put(0, -1)), BOUGHT, "not ascending"),
    "an edge twice": (array(f"{BOUGHT}.indices.npy", put(1, 0)), BOUGHT, "not ascending"),
    "edges unsorted": (
        array(f"{BOUGHT}.indices.npy", lambda one: one[::-1]),
        BOUGHT,
        "not ascending",
    ),
    "a falling indptr": (array(f"{BOUGHT}.indptr.npy", put(1, 5)), BOUGHT, "not ascending"),
    "an indptr below 0": (array(f"{BOUGHT}.indptr.npy", put(1, -1)), BOUGHT, "not ascending"),
    "an indptr too high": (array(f"{BOUGHT}.indptr.npy", put(1, 99)), BOUGHT, "not ascending"),
    "an indptr that begins late": (array(f"{BOUGHT}.indptr.npy", put(0, 1)), BOUGHT, "runs from"),
    "indices as int64": (
        array(f"{BOUGHT}.indices.npy", lambda one: one.astype(np.int64)),
        BOUGHT,
        "int64",
    ),
    # evidence
    "no event": (array(f"{BOUGHT}.counts.npy", put(0, 0)), BOUGHT, "happened 0 times"),
    "a negative count": (array(f"{BOUGHT}.counts.npy", put(0, -3)), BOUGHT, "happened -3"),
    "an event from the cut-off on": (
        array(f"{BOUGHT}.last_at_s.npy", put(0, 1_600_000_000)),
        BOUGHT,
        "none from the cut-off on",
    ),
    "a time beyond range": (
        array(f"{BOUGHT}.last_at_s.npy", put(0, YEAR_300000)),
        BOUGHT,
        "years 1 to 9999",
    ),
    "a time before the year 1": (
        array(f"{BOUGHT}.last_at_s.npy", put(0, -(2**60))),
        BOUGHT,
        "years 1 to 9999",
    ),
    "a newest event that is another": (
        manifest(lambda one: one.update(newest_event_at="2017-01-01T00:00:00Z")),
        "",
        "the newest event was at",
    ),
    # quality
    "a quality of NaN": (
        column("quality/Product.parquet", "quality", put(0, np.nan)),
        "quality/Product",
        "outside 0 to 1",
    ),
    "a quality above 1": (
        column("quality/Product.parquet", "quality", put(0, 1.5)),
        "quality/Product",
        "outside 0 to 1",
    ),
    "a negative number of orders": (
        column("quality/Product.parquet", "num_orders", put(0, -1)),
        "quality/Product",
        "num_orders of Product has empty or negative",
    ),
    # the manifest
    "NaN among the metrics": (
        manifest(lambda one: one["metrics"].update(recall=float("nan"))),
        "manifest.json",
        "NaN is not a JSON number",
    ),
    "Infinity in the config": (
        manifest(lambda one: one["config"].update(dim=float("inf"))),
        "manifest.json",
        "Infinity is not a JSON number",
    ),
    "an empty schema": (
        manifest(lambda one: one.update(graph_schema={"node_types": [], "relations": []})),
        "",
        "declares no node types",
    ),
    "a schema that is none": (
        manifest(lambda one: one.update(graph_schema=[])),
        "manifest.json",
        "graph_schema",
    ),
    "nodes of an unknown type": (
        manifest(lambda one: one["num_nodes"].update(Ghost=0)),
        "nodes/Ghost.parquet",
        "disagree",
    ),
    "a negative number of nodes": (
        manifest(lambda one: one["num_nodes"].update(User=-1)),
        "manifest.json",
        "greater than or equal to 0",
    ),
    "a number of nodes as text": (
        manifest(lambda one: one["num_nodes"].update(User="4")),
        "manifest.json",
        "valid integer",
    ),
    "no vectors at all": (
        manifest(
            lambda one: [one["files"].pop(name) for name in [*one["files"]] if "vectors" in name]
        ),
        "",
        "",
    ),
    # files that are none
    "an array that is a pickle": (raw("vectors/User.npy", b"\x80\x04N."), "User.npy", "no"),
    "an array that is an archive": (raw("vectors/User.npy", b"PK\x03\x04" * 9), "User.npy", "no"),
    "a header that nests": (raw("vectors/User.npy", npy(b"(" * 4_000)), "User.npy", "not a NumPy"),
    "a header without end": (
        raw("vectors/User.npy", npy(b" " * 100_000, b"\x02\x00")),
        "User.npy",
        "not a NumPy",
    ),
    "a header with an endless shape": (
        raw(
            "vectors/User.npy",
            npy(b"{'descr': '<f4', 'fortran_order': False, 'shape': (" + b"9" * 30 + b", 2)}\n"),
        ),
        "User.npy",
        "expected float32",
    ),
    "a header with a negative shape": (
        raw(
            "vectors/User.npy",
            npy(b"{'descr': '<f4', 'fortran_order': False, 'shape': (-4, 2)}\n"),
        ),
        "User.npy",
        "",
    ),
    "a header of another type": (
        raw("vectors/User.npy", npy(b"{'descr': ['<f4'], 'fortran_order': 0, 'shape': 4}\n")),
        "User.npy",
        "not a NumPy",
    ),
    "a table that is none": (raw(PRODUCT, b"PAR1" + b"\0" * 40 + b"PAR1"), PRODUCT, "Parquet"),
    "an empty array": (raw("vectors/User.npy", b""), "User.npy", "not a NumPy"),
}


@pytest.fixture
def folder(tmp_path, world_path):
    return shutil.copytree(world_path, tmp_path / "forged")


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forged_bundle_is_refused(folder, world_path, tmp_path, name):
    forge, part, message = FORGERIES[name]
    forge(folder)
    if "NaN" not in message and "Infinity" not in message:
        sign_again(folder)
    registry = Registry(tmp_path / "registry")
    registry.promote(world_path, name="good")
    serving = Recommender.open(f"{registry.folder}@current")
    for use in (open_bundle, Recommender.open, registry.promote, serving.reload):
        with pytest.raises(BundleError) as caught:
            use(folder)
        assert part in str(caught.value)
        assert message in str(caught.value)
    assert [one.name for one in registry.releases()] == ["good"]
    assert serving.products_for_user("ann").ids
    assert not serving.reload(f"{registry.folder}@current")


@pytest.mark.parametrize(
    ("part", "change", "message"),
    [
        ("rows.npy", put(0, 99), "names rows"),
        ("rows.npy", put(0, -1), "names rows"),
        ("rows.npy", lambda one: np.full_like(one, one[0]), "names a row twice"),
        ("heads.npy", put((0, 0), np.nan), "its heads are not finite"),
        ("lengths.npy", put(0, np.inf), "its lengths are not finite"),
        ("lengths.npy", lambda one: one[::-1], "its lengths are not descending"),
        ("lengths.npy", lambda one: -one, "its lengths are not descending"),
        ("rotation.npy", put((0, 0, 0), np.nan), "its rotation are not finite"),
    ],
)
def test_a_forged_index_is_refused(folder, part, change, message):
    build_index(folder, IndexConfig(kind="bounds", min_targets=1))
    change_array(folder, f"index/Product.dot.{part}", change)
    sign_again(folder)
    with pytest.raises(BundleError, match=message):
        open_bundle(folder)


def test_signing_again_alone_changes_nothing(folder):
    sign_again(folder)
    assert Recommender.open(folder).products_for_user("ann").ids


def test_a_manifest_of_endless_nesting_is_refused(folder):
    path = folder / "manifest.json"
    path.write_text(path.read_text().replace('"metrics": {', '"metrics": {"a": ' + "[" * 50_000))
    with pytest.raises(BundleError, match="nested too deeply"):
        open_bundle(folder)
