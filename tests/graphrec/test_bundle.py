import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphdb.errors import BundleError, DiskFullError, QueryError, SchemaError, UnknownIdError
from graphdb.schema import SCHEMA
from graphdb.schema_types import EdgeType
from graphrec import Recommender, open_bundle, write_bundle
from graphrec.bundle import writer
from graphrec.bundle.reader import find_row

PURCHASED = EdgeType("User", "PURCHASED", "Product")


def file_bytes(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_round_trip(tmp_path, content):
    write_bundle(tmp_path / "b", **content)
    bundle = open_bundle(tmp_path / "b")
    assert bundle.schema == SCHEMA
    assert bundle.manifest.snapshot_id == "world"
    assert bundle.manifest.cutoff == content["cutoff"]
    assert bundle.manifest.dim == 2
    assert bundle.manifest.similarity == "dot"
    assert bundle.manifest.config == content["config"]
    assert bundle.manifest.metrics == content["metrics"]
    assert bundle.node_types == ("Brand", "Category", "Product", "User")
    for node_type, table in content["nodes"].items():
        assert bundle.num_nodes(node_type) == table.num_rows
        assert bundle.attributes(node_type).equals(table)
        assert bundle.ids(node_type).to_pylist() == table.column(0).to_pylist()
    for node_type, matrix in content["vectors"].items():
        assert np.array_equal(bundle.vectors(node_type), matrix)
        assert not bundle.vectors(node_type).flags.writeable
    assert set(bundle.edge_types) == set(content["edges"])
    for edge_type, adjacency in content["edges"].items():
        assert bundle.edges(edge_type).indptr.tolist() == adjacency.indptr.tolist()
        assert bundle.edges(edge_type).indices.tolist() == adjacency.indices.tolist()
        assert bundle.edges(edge_type).num_targets == adjacency.num_targets
        evidence = bundle.edges(edge_type).evidence
        assert (evidence is None) == (adjacency.evidence is None)
        if evidence is not None:
            assert evidence.counts.tolist() == adjacency.evidence.counts.tolist()
            assert evidence.last_at_s.tolist() == adjacency.evidence.last_at_s.tolist()
            assert not evidence.last_at_s.flags.writeable


def test_quality_is_kept_for_the_types_that_have_it(tmp_path, content):
    bundle = write_bundle(tmp_path / "b", **content)
    assert bundle.quality("Product").equals(content["quality"]["Product"].table)
    assert bundle.manifest.quality == {"Product": content["quality"]["Product"].rule}
    assert [bundle.has_quality(name) for name in ("Product", "Brand")] == [True, False]
    with pytest.raises(QueryError, match="has no quality for Brand; expected one of "):
        bundle.quality("Brand")
    with pytest.raises(SchemaError, match="did you mean 'Brand'"):
        bundle.quality("Brnd")


def test_evidence_is_kept_for_the_events_that_have_it(world_path):
    bundle = open_bundle(world_path)
    bought = bundle.edges(PURCHASED).evidence
    cutoff_s = int(bundle.manifest.cutoff.timestamp())
    assert bought.counts.tolist() == [1, 2, 1, 1, 1, 1]
    assert ((cutoff_s - bought.last_at_s) // 86_400).tolist() == [30, 5, 20, 40, 9, 2]
    others = [edge_type for edge_type in bundle.edge_types if edge_type != PURCHASED]
    assert others
    assert all(bundle.edges(edge_type).evidence is None for edge_type in others)


def test_rows_and_ids(world_path):
    bundle = open_bundle(world_path)
    assert [bundle.row_of("Product", f"p{i}") for i in range(1, 7)] == list(range(6))
    assert [bundle.id_of("User", row) for row in range(4)] == ["ann", "bob", "cat", "dan"]


def test_manifest_lists_the_hash_of_every_other_file(world_path):
    manifest = json.loads((world_path / "manifest.json").read_text())
    assert manifest["format"] == "graphrec-bundle"
    assert manifest["format_version"] == 4
    assert manifest["schema_fingerprint"] == SCHEMA.fingerprint
    assert set(manifest["files"]) == set(file_bytes(world_path)) - {"manifest.json"}


def test_same_content_gives_the_same_bytes(tmp_path, content):
    write_bundle(tmp_path / "one", **content)
    nodes = {}
    for node_type in reversed(list(content["nodes"])):  # other order, other chunks, other metadata
        table = content["nodes"][node_type]
        chunks = pa.concat_tables([table.slice(0, 1), table.slice(1)])
        nodes[node_type] = chunks.select(chunks.column_names[::-1]).replace_schema_metadata(
            {"from": "elsewhere"}
        )
    content["config"] = dict(reversed(content["config"].items()))
    write_bundle(tmp_path / "two", **{**content, "nodes": nodes})
    one, two = file_bytes(tmp_path / "one"), file_bytes(tmp_path / "two")
    manifests = [json.loads(files.pop("manifest.json")) for files in (one, two)]
    assert one == two
    first, second = ({**manifest, "created_at": None} for manifest in manifests)
    assert json.dumps(first) == json.dumps(second)  # order of keys included


def test_chunks_of_a_large_table_do_not_show_in_the_bytes(tmp_path, content, make_node_table):
    whole = make_node_table("Tag", {f"{row:08d}": {} for row in range(150_000)})
    chunked = pa.concat_tables([whole.slice(row, 777) for row in range(0, 150_000, 777)])
    assert chunked["tag_id"].num_chunks == 194
    for name, table in (("one", whole), ("two", chunked)):
        write_bundle(tmp_path / name, **{**content, "nodes": {**content["nodes"], "Tag": table}})
    one, two = (tmp_path / name / "nodes" / "Tag.parquet" for name in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()


def test_a_bundle_without_any_edges_or_nodes_of_a_type(tmp_path, content, make_node_table):
    content["edges"] = {}
    content["nodes"] = {**content["nodes"], "Tag": make_node_table("Tag", {})}
    content["vectors"]["Tag"] = np.zeros((0, 2), dtype=np.float32)
    bundle = write_bundle(tmp_path / "b", **content)
    assert bundle.num_nodes("Tag") == 0
    assert bundle.vectors("Tag").shape == (0, 2)
    assert bundle.edge_types == ()


def test_never_changes_an_existing_folder(tmp_path, content):
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "mine").write_text("keep")
    with pytest.raises(BundleError, match=r"exists already; bundles are never changed; choose"):
        write_bundle(tmp_path / "b", **content)
    assert file_bytes(tmp_path / "b") == {"mine": b"keep"}


def test_a_failure_midway_leaves_nothing(tmp_path, content, monkeypatch):
    calls = []

    def full_disk(path, *_args: Any, **_kwargs: Any):
        calls.append(path)
        raise OSError("no space left on device")

    monkeypatch.setattr(writer.np, "save", full_disk)
    with pytest.raises(DiskFullError, match="the disk is full"):
        write_bundle(tmp_path / "b", **content)
    assert len(calls) == 1  # the tables had been written by then
    assert list(tmp_path.iterdir()) == []


@given(st.sets(st.text(max_size=4), max_size=12), st.text(max_size=4))
def test_find_row_equals_list_index(known, wanted):
    ids = sorted(known)
    array = pa.array(ids, pa.string())
    assert [find_row("User", array, node_id) for node_id in ids] == list(range(len(ids)))
    if wanted not in known:
        with pytest.raises(UnknownIdError) as caught:
            find_row("User", array, wanted)
        assert caught.value.value == wanted


def test_ids_beyond_the_basic_plane_sort_by_code_point():
    ids = ["z", "\uffee", "\U0001f600"]  # UTF-16 order would put the last but one last
    assert find_row("User", pa.array(ids), "\uffee") == 1


@pytest.mark.parametrize(
    ("ask", "error", "message"),
    [
        (
            lambda b: b.row_of("Product", "p7"),
            UnknownIdError,
            r"no Product has the id 'p7'; similar ids: 'p4', 'p5', 'p6'",
        ),
        (lambda b: b.row_of("User", 7), UnknownIdError, r"strings, not int \(7\); use '7'"),
        (lambda b: b.row_of("Prodct", "p1"), SchemaError, "did you mean 'Product'"),
        (lambda b: b.ids("Shop"), QueryError, "no Shop nodes; expected one of Brand, Category"),
        (
            lambda b: b.vectors("Category"),
            QueryError,
            "no vectors for Category; expected one of Brand, Product, User",
        ),
        (
            lambda b: b.edges(EdgeType("User", "VIEWED", "Product")),
            QueryError,
            "does not have the edges User-VIEWED-Product; expected one of Category-CHILD_OF",
        ),
    ],
)
def test_asking_for_what_is_not_there(world_path, ask, error, message):
    with pytest.raises(error, match=message):
        ask(open_bundle(world_path))


def test_an_open_bundle_holds_no_file_open(world_path):
    """A server may hold several releases; a file for each array would be 76 for each of them."""
    descriptors = Path("/proc/self/fd")
    if not descriptors.exists():
        pytest.skip("this system does not list a process's open files")
    before = len(list(descriptors.iterdir()))
    recommender = Recommender.open(world_path)
    assert recommender.bundle.vectors("User").any()
    recommender.products_for_user(recommender.bundle.id_of("User", 0))
    assert len(list(descriptors.iterdir())) == before
