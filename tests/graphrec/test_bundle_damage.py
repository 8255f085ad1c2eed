"""Every way a bundle can be broken on disk, and what opening it says then."""

import hashlib
import json
import shutil

import numpy as np
import pyarrow.parquet as pq
import pytest

from graphdb.errors import BundleCorruptError, BundleMissingError, BundleVersionError
from graphrec import open_bundle


@pytest.fixture
def folder(tmp_path, world_path):
    copy = tmp_path / "copy"
    shutil.copytree(world_path, copy)
    return copy


def edit_manifest(folder, change):
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    change(manifest)
    path.write_text(json.dumps(manifest))


def replace_array(folder, name, array):
    """Puts another array there, with its right hash: only the shape checks can notice."""
    np.save(folder / name, array)
    digest = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    edit_manifest(folder, lambda manifest: manifest["files"].update({name: digest}))


def test_no_folder(tmp_path):
    with pytest.raises(BundleMissingError, match=r"no bundle at .*missing; write one with"):
        open_bundle(tmp_path / "nowhere")


@pytest.mark.parametrize(
    "name",
    [
        "manifest.json",
        "nodes/User.parquet",
        "vectors/Brand.npy",
        "edges/User-PURCHASED-Product.indptr.npy",
        "edges/User-PURCHASED-Product.counts.npy",
        "edges/User-PURCHASED-Product.last_at_s.npy",
        "quality/Product.parquet",
    ],
)
@pytest.mark.parametrize("verify", [True, False])
def test_a_missing_file(folder, name, verify):
    (folder / name).unlink()
    with pytest.raises(BundleMissingError, match=f"{name}.*missing"):
        open_bundle(folder, verify=verify)


def all_files(folder):
    return sorted(json.loads((folder / "manifest.json").read_text())["files"])


def test_one_changed_byte_in_any_file(folder):
    for name in all_files(folder):
        path = folder / name
        whole = path.read_bytes()
        path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        with pytest.raises(BundleCorruptError, match=f"{name}' changed since the bundle"):
            open_bundle(folder)
        path.write_bytes(whole)
    open_bundle(folder)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("vectors/User.npy", "not a NumPy array"),
        ("edges/User-PURCHASED-Product.indices.npy", "not a NumPy array"),
        ("edges/User-PURCHASED-Product.last_at_s.npy", "not a NumPy array"),
        ("nodes/User.parquet", "not a Parquet file"),
        ("quality/Product.parquet", "not a Parquet file"),
    ],
)
def test_a_truncated_file_is_noticed_without_hashes(folder, name, message):
    path = folder / name
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(BundleCorruptError, match=message):
        open_bundle(folder, verify=False)


@pytest.mark.parametrize("name", ["vectors/User.npy", "nodes/User.parquet"])
def test_an_empty_file_is_noticed_without_hashes(folder, name):
    (folder / name).write_bytes(b"")
    with pytest.raises(BundleCorruptError, match=name):
        open_bundle(folder, verify=False)


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("vectors/User.npy", np.ones((4, 2)), r"float64 \[4, 2\]; expected float32 \[4, 2\]"),
        ("vectors/User.npy", np.ones((4, 3), np.float32), r"float32 \[4, 3\]; expected"),
        ("vectors/User.npy", np.ones((4, 2), np.float32, order="F"), r"holds float32 \[4, 2\]"),
        (
            "edges/User-PURCHASED-Product.indptr.npy",
            np.array([0, 2, 3, 6], np.int64),
            r"int64 \[4\]; expected int64 \[5\]",
        ),
        (
            "edges/User-PURCHASED-Product.indptr.npy",
            np.array([0, 2, 3, 6, 7], np.int64),
            "runs from 0 to 7; expected 0 to 6",
        ),
        (
            "edges/User-PURCHASED-Product.indices.npy",
            np.zeros(6, np.int64),
            r"int64 \[6\]; expected int32 \[6\]",
        ),
        (
            "edges/User-PURCHASED-Product.counts.npy",
            np.ones(7, np.int32),
            r"int32 \[7\]; expected int32 \[6\]",
        ),
        (
            "edges/User-PURCHASED-Product.last_at_s.npy",
            np.zeros(6, np.float64),
            r"float64 \[6\]; expected int64 \[6\]",
        ),
    ],
)
def test_arrays_that_are_not_as_the_manifest_says(folder, name, array, message):
    replace_array(folder, name, array)
    with pytest.raises(BundleCorruptError, match=message):
        open_bundle(folder)


def test_pickles_are_never_read(folder):
    np.save(folder / "vectors/User.npy", np.array([[print]], dtype=object), allow_pickle=True)
    with pytest.raises(BundleCorruptError, match="not a NumPy array"):
        open_bundle(folder, verify=False)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (
            lambda m: m.update(format="graphrec-snapshot"),
            BundleMissingError,
            "is not a bundle: its manifest says format 'graphrec-snapshot'",
        ),
        (
            lambda m: m.update(format_version=1),
            BundleVersionError,
            "has format version 1; expected 4; train again",
        ),
        (lambda m: m.pop("format_version"), BundleVersionError, "format version None"),
        (lambda m: m.pop("dim"), BundleCorruptError, "is damaged: dim: Field required"),
        (lambda m: m.update(dim=0), BundleCorruptError, "is damaged: dim: Input should be greater"),
        (lambda m: m.update(extra=1), BundleCorruptError, "extra: Extra inputs are not permitted"),
        (
            lambda m: m.update(similarity="euclidean"),
            BundleCorruptError,
            "similarity: Input should be 'dot'",
        ),
        (
            lambda m: m.update(cutoff="2017-12-01T00:00:00"),
            BundleCorruptError,
            "cutoff: Input should have timezone",
        ),
        (
            lambda m: m["graph_schema"]["node_types"][0].update(doc="Somebody."),
            BundleCorruptError,
            "the bundle's schema has the fingerprint",
        ),
        (
            lambda m: m["graph_schema"]["node_types"].pop(),
            BundleCorruptError,
            "the bundle's schema cannot be read: relation MANAGED_BY ends at",
        ),
        (
            lambda m: m["graph_schema"].pop("relations"),
            BundleCorruptError,
            "the bundle's schema cannot be read",
        ),
        (
            lambda m: m["files"].pop("nodes/User.parquet"),
            BundleCorruptError,
            "disagree about 'nodes/User.parquet'",
        ),
        (
            lambda m: m["files"].update({"../outside": "0"}),
            BundleCorruptError,
            r"disagree about '\.\./outside'",
        ),
        (
            lambda m: m["files"].pop("edges/User-PURCHASED-Product.counts.npy"),
            BundleCorruptError,
            "disagree about 'edges/User-PURCHASED-Product.counts.npy'",
        ),
        (
            lambda m: m["files"].update({"edges/User-FOLLOWS-Brand.last_at_s.npy": "0"}),
            BundleCorruptError,
            "disagree about 'edges/User-FOLLOWS-Brand.counts.npy'",
        ),
        (
            lambda m: m["num_nodes"].update(User=5),
            BundleCorruptError,
            r"expected float32 \[5, 2\]",
        ),
        (
            lambda m: m["num_nodes"].update(Category=7),
            BundleCorruptError,
            r"expected int64 \[8\]",
        ),
        (
            lambda m: m["quality"].pop("Product"),
            BundleCorruptError,
            "disagree about 'quality/Product.parquet'",
        ),
        (
            lambda m: m["quality"].update(Brand=m["quality"]["Product"]),
            BundleCorruptError,
            "disagree about 'quality/Brand.parquet'",
        ),
        (
            lambda m: m["quality"]["Product"]["parts"]["return_rate"].update(weight=-1),
            BundleCorruptError,
            "quality.Product.parts.return_rate.weight: Input should be greater than 0",
        ),
        (
            lambda m: m["num_edges"].pop("User-FOLLOWS-Brand"),
            BundleCorruptError,
            "disagree about 'edges/User-FOLLOWS-Brand",
        ),
    ],
)
def test_a_changed_manifest(folder, change, error, message):
    edit_manifest(folder, change)
    with pytest.raises(error, match=message):
        open_bundle(folder)


def test_a_node_file_with_another_number_of_rows(folder):
    shutil.copy(folder / "nodes/Brand.parquet", folder / "nodes/User.parquet")
    with pytest.raises(BundleCorruptError, match=r"User.parquet' holds 2 rows; expected 4"):
        open_bundle(folder, verify=False)


def replace_quality(folder, table):
    pq.write_table(table, folder / "quality/Product.parquet")


def test_quality_of_another_number_of_nodes(folder):
    table = pq.read_table(folder / "quality/Product.parquet")
    replace_quality(folder, table.slice(1))
    with pytest.raises(BundleCorruptError, match=r"Product.parquet' holds 5 rows; expected 6"):
        open_bundle(folder, verify=False)


def test_quality_with_other_columns(folder):
    table = pq.read_table(folder / "quality/Product.parquet")
    replace_quality(folder, table.drop_columns(["num_ratings"]))
    with pytest.raises(BundleCorruptError, match=r"has the columns .*expected quality \(double\)"):
        open_bundle(folder, verify=False)


def test_quality_of_nodes_that_are_not_there(folder):
    def add(manifest):
        name = "quality/Product.parquet"
        manifest["quality"]["Shop"] = manifest["quality"]["Product"]
        manifest["files"]["quality/Shop.parquet"] = manifest["files"][name]
        shutil.copy(folder / name, folder / "quality/Shop.parquet")

    edit_manifest(folder, add)
    with pytest.raises(BundleCorruptError, match="has a quality of Shop, but no Shop nodes"):
        open_bundle(folder)


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("{", BundleCorruptError, "not valid JSON"),
        ("[]", BundleMissingError, "is not a bundle"),
        ("null", BundleMissingError, "is not a bundle"),
    ],
)
def test_a_manifest_that_is_none(folder, text, error, message):
    (folder / "manifest.json").write_text(text)
    with pytest.raises(error, match=message):
        open_bundle(folder)


def test_a_manifest_that_counts_edges_of_an_unknown_type(folder):
    def rename(manifest):
        manifest["num_edges"]["User-EATS-Product"] = 0
        for part in ("indptr", "indices"):
            name = f"edges/User-EATS-Product.{part}.npy"
            shutil.copy(folder / f"edges/User-FOLLOWS-Brand.{part}.npy", folder / name)
            manifest["files"][name] = manifest["files"][f"edges/User-FOLLOWS-Brand.{part}.npy"]

    edit_manifest(folder, rename)
    with pytest.raises(BundleCorruptError, match="counts edges that are not in its schema"):
        open_bundle(folder)
