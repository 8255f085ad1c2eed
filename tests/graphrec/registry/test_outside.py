"""Bundles and registries whose names or links lead elsewhere: nothing outside is touched."""

import json
import shutil

import pytest

from graphdb.checked_schema import Schema
from graphdb.errors import BundleCorruptError, BundleError, RegistryError, UnknownReleaseError
from graphrec import Recommender, open_bundle

OUTSIDE = ["../../x", "..", "/tmp/x", "a\\b", "NUL", "Us\ner", "Us er"]


@pytest.fixture
def folder(tmp_path, releases):
    return shutil.copytree(releases["one"].folder, tmp_path / "deep" / "in" / "bundle")


def all_paths(folder):
    return sorted(str(path) for path in folder.rglob("*"))


def rename_type(folder, old, new):
    """Renames a type everywhere in a bundle, hashes and fingerprint all right."""
    path = folder / "manifest.json"
    manifest = json.loads(json.dumps(json.loads(path.read_text())).replace(old, new))
    manifest["schema_fingerprint"] = Schema.from_dict(manifest["graph_schema"]).fingerprint
    path.write_text(json.dumps(manifest))


@pytest.mark.parametrize("name", OUTSIDE)
def test_a_type_in_a_manifest_names_no_file_outside(folder, registry, monkeypatch, tmp_path, name):
    with monkeypatch.context() as unchecked:  # as a forger would, who has no such checks
        unchecked.setattr("graphdb.checked_schema._check_declared", lambda _: None)
        rename_type(folder, "Agency", json.dumps(name)[1:-1])
    before = all_paths(tmp_path)
    for use in (open_bundle, Recommender.open, registry.promote):
        with pytest.raises(
            BundleCorruptError, match=r"schema cannot be read: .* cannot be the name"
        ):
            use(folder)
    assert all_paths(tmp_path) == before


@pytest.mark.parametrize("name", ["manifest.json", "nodes/User.parquet", "vectors", "edges"])
def test_a_link_that_leads_out_of_a_bundle_is_refused(folder, registry, tmp_path, name):
    (folder / name).rename(tmp_path / "outside")
    (folder / name).symlink_to(tmp_path / "outside")
    for use in (open_bundle, registry.promote):
        with pytest.raises(BundleCorruptError, match="is a link that leads out of the folder"):
            use(folder)


@pytest.mark.parametrize("name", [*OUTSIDE, "", ".", "current", "con", "x" * 101, "one\n"])
def test_names_of_releases_hold_for_current_json_and_the_history(filled, releases, tmp_path, name):
    shutil.copytree(releases["one"].folder, tmp_path / "x", dirs_exist_ok=True)
    with pytest.raises(RegistryError, match="is not a valid name for a release"):
        filled.promote(releases["two"].folder, name=name)
    history = filled.folder / "history.jsonl"
    for path in (filled.folder / "current.json", history):
        whole = path.read_text()
        lines = whole.splitlines(keepends=True)
        lines[0] = json.dumps({**json.loads(lines[0]), "name": name}) + "\n"
        path.write_text("".join(lines))
        with pytest.raises(
            RegistryError, match=r"is not a promotion: .*is not a valid name for a release"
        ):
            filled.history()
        path.write_text(whole)
    assert open_bundle(f"{filled.folder}@current")


def test_a_release_that_is_a_link_out_of_the_registry_is_refused(filled, releases, tmp_path):
    outside = shutil.copytree(releases["three"].folder, tmp_path / "outside")
    shutil.rmtree(filled.folder / "releases" / "three")
    (filled.folder / "releases" / "three").symlink_to(outside)
    for look in (
        lambda: open_bundle(f"{filled.folder}@current"),
        lambda: open_bundle(f"{filled.folder}@three"),
        lambda: filled.promote("three"),
    ):
        with pytest.raises(RegistryError, match="is a link that leads out of the folder"):
            look()
    assert filled.promote("one").changed


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("lock", "link that leads out"),
        ("current.json", "not a file"),
        ("history.jsonl", "not a file"),
    ],
)
def test_a_link_out_of_the_registry_is_not_written_through(filled, tmp_path, name, message):
    (filled.folder / name).unlink()
    (filled.folder / name).symlink_to(tmp_path / "outside")
    with pytest.raises(RegistryError, match=message):
        filled.promote("one")
    assert not (tmp_path / "outside").exists()


def test_a_folder_with_another_name_is_no_release(filled, releases):
    for name in ("my release", ".hidden", "current", "nul"):
        shutil.copytree(releases["one"].folder, filled.folder / "releases" / name)
        if name != "current":
            with pytest.raises(UnknownReleaseError):
                open_bundle(f"{filled.folder}@{name}")
        with pytest.raises(RegistryError, match="is not a valid name for a release"):
            filled.promote(filled.folder / "releases" / name)
    assert {one.name for one in filled.releases()} == {"one", "two", "three"}


def test_an_index_names_no_file_outside(folder):
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    entry = {
        "kind": "ivf",
        "target_type": "../../x",
        "similarity": "dot",
        "num_rows": 1,
        "queries": {},
        "measured": [
            {
                "k": 1,
                "share": 1.0,
                "recall": 1.0,
                "read_once": 0,
                "read_in_line": 0,
                "read_at_random": 0,
                "probes": 1,
            }
        ],
    }
    manifest["indexes"] = {"../../x.dot": entry}
    manifest["files"]["index/../../x.dot.faiss"] = "0" * 64
    path.write_text(json.dumps(manifest))
    (folder.parent / "x.dot.faiss").write_text("")
    with pytest.raises(BundleError, match="leads out of the folder"):
        open_bundle(folder)
