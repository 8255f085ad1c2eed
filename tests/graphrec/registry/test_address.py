"""REGISTRY@NAME, wherever a bundle is asked for."""

import shutil

import pytest

from graphdb.errors import BundleMissingError, RegistryError, UnknownReleaseError
from graphrec import Recommender, Registry, open_bundle
from graphrec.bundle import reader
from graphrec.query.index import IndexConfig, build_index


def test_current_and_names(filled, releases):
    for name, release in (("current", "three"), ("two", "two")):
        opened = open_bundle(f"{filled.folder}@{name}")
        assert opened.manifest == releases[release].manifest
        assert opened.folder == filled.folder / "releases" / release


def test_from_within_the_registry(filled, releases, monkeypatch):
    monkeypatch.chdir(filled.folder)
    for address in ("@one", ".@one", "./@one"):
        assert open_bundle(address).manifest == releases["one"].manifest


def test_a_path_with_an_at_in_it_is_a_path(filled, releases, tmp_path):
    folder = shutil.copytree(releases["two"].folder, tmp_path / "registry@one")
    assert Recommender.open(folder).bundle.folder == folder
    assert open_bundle(str(folder)).manifest == releases["two"].manifest
    inside = shutil.copytree(filled.folder, tmp_path / "me@home" / "registry")
    assert open_bundle(f"{inside}@one").manifest == releases["one"].manifest
    with pytest.raises(BundleMissingError, match=r"no bundle at '.*me@home/bundle'"):
        open_bundle(tmp_path / "me@home" / "bundle")


@pytest.mark.parametrize(
    ("address", "error", "message"),
    [
        ("registry@on", UnknownReleaseError, r"no release 'on'; expected one of one, three, two"),
        ("registry@", UnknownReleaseError, r"has no release ''; .* see `graphrec releases"),
        ("registry@../x", BundleMissingError, r"no bundle at '.*registry@\.\./x'"),
        ("regstry@one", RegistryError, r"neither a folder nor a release: there is no registry at"),
        (
            "empty@current",
            RegistryError,
            r"the registry '.*empty' has no current release; graphrec",
        ),
    ],
)
def test_what_is_not_there(filled, tmp_path, address, error, message):  # noqa: ARG001
    (tmp_path / "empty" / "releases").mkdir(parents=True)
    with pytest.raises(error, match=message):
        Recommender.open(tmp_path / address)


def test_reload_serves_what_is_current(filled, releases):
    address = f"{filled.folder}@current"
    recommender = Recommender.open(address)
    filled.rollback()
    assert recommender.bundle.manifest == releases["three"].manifest
    assert recommender.reload(address)
    assert recommender.bundle.manifest == releases["two"].manifest


def test_reload_of_what_is_served_reads_only_the_manifest(filled, monkeypatch):
    address = f"{filled.folder}@current"
    recommender = Recommender.open(address)
    before = recommender.bundle

    def refuse(*_, **__):
        raise AssertionError("the files were looked at")

    with monkeypatch.context() as patched:
        patched.setattr(reader, "check_files", refuse)
        assert not recommender.reload(address)
        assert not recommender.reload(f"{filled.folder}@three")
    assert recommender.bundle is before
    # An index that was built meanwhile is worth opening it again.
    build_index(address, IndexConfig(kind="bounds", min_targets=1))
    assert recommender.reload(address)
    assert recommender.bundle.manifest.indexes
    assert recommender.bundle.manifest.release_id == before.manifest.release_id


def test_reload_of_a_folder_opens_it_again(releases):
    recommender = Recommender(releases["one"])
    assert recommender.reload(releases["one"].folder)
    assert recommender.bundle is not releases["one"]


def test_a_bad_current_leaves_the_old_one_serving(filled, tmp_path):
    recommender = Recommender.open(f"{filled.folder}@one")
    (filled.folder / "releases/three/vectors/User.npy").unlink()
    with pytest.raises(BundleMissingError, match=r"User.npy' is missing"):
        recommender.reload(f"{filled.folder}@current")
    with pytest.raises(RegistryError, match="there is no registry at"):
        recommender.reload(tmp_path / "nowhere@current")
    assert recommender.products_for_user("u2")
    assert Registry(filled.folder).releases()
