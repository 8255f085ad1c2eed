"""Promote, roll back, prune: who is current, and what is refused."""

import errno
import fcntl
import os
import shutil
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from contracts.market import make_market

from graphdb.errors import BundleCorruptError, DiskFullError, RegistryError, UnknownReleaseError
from graphdb.schema import extend_schema
from graphrec import Recommender, Registry, open_bundle
from graphrec.registry import places


def current(registry):
    return next(one.name for one in registry.releases() if one.is_current)


def names(registry):
    return {one.name for one in registry.releases()}


def files_of(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_a_bundle_is_copied_in_and_becomes_current(registry, releases):
    bundle = releases["one"]
    switch = registry.promote(bundle.folder)
    name = f"{bundle.manifest.created_at:%Y-%m-%d}-{bundle.manifest.release_id}"
    assert (switch.current, switch.before, switch.added, switch.changed) == (name, None, True, True)
    (listed,) = registry.releases()
    assert (listed.name, listed.is_current, listed.problem) == (name, True, None)
    assert listed.release_id == bundle.manifest.release_id
    assert listed.created_at == bundle.manifest.created_at
    assert (listed.snapshot_id, listed.cutoff) == ("market", None)
    assert listed.metrics == {"recall@20": 0.5, "ndcg@20": 0.25}
    copied = open_bundle(registry.folder / "releases" / name)
    assert copied.manifest == bundle.manifest
    assert files_of(copied.folder) == files_of(bundle.folder)


def clone(written, _, source):
    """What FICLONE does, where the file system can."""
    with os.fdopen(source, "rb", closefd=False) as read:
        written.write(read.read())


def cannot(*_):
    raise OSError(errno.EOPNOTSUPP, "the file system cannot")


@pytest.mark.parametrize("ioctl", [clone, cannot])
def test_what_happens_to_the_source_later_changes_nothing(
    registry, releases, tmp_path, monkeypatch, ioctl
):
    folder = shutil.copytree(releases["one"].folder, tmp_path / "bundle")
    monkeypatch.setattr(fcntl, "ioctl", ioctl)
    registry.promote(folder, name="one")
    copied = registry.folder / "releases" / "one"
    for name in files_of(folder):
        assert (copied / name).read_bytes() == (folder / name).read_bytes()
        assert not (copied / name).samefile(folder / name)
    serving = Recommender.open(f"{registry.folder}@current")
    for name in files_of(folder):
        os.truncate(folder / name, 1)  # with a link, this would end the process
    expected = Recommender(releases["one"]).products_for_user("u2").ids
    assert serving.products_for_user("u2").ids == expected
    assert Recommender.open(f"{registry.folder}@current").products_for_user("u2").ids == expected


def test_a_full_disk_while_copying_is_no_reason_to_copy_in_another_way(
    filled, releases, monkeypatch
):
    def full(*_):
        raise OSError(errno.ENOSPC, "no space left on device")

    monkeypatch.setattr(fcntl, "ioctl", full)
    with pytest.raises(DiskFullError, match="the disk is full"):
        filled.promote(releases["one"].folder, name="again")
    assert (names(filled), current(filled)) == ({"one", "two", "three"}, "three")


def test_a_bundle_that_is_written_anew_while_it_is_copied_is_refused(
    registry, releases, tmp_path, monkeypatch
):
    folder = shutil.copytree(releases["one"].folder, tmp_path / "bundle")
    copy = places._copy

    def write_anew(source, target):
        if not target.parent.joinpath("User.parquet").exists() and folder.exists():
            shutil.rmtree(folder)
            shutil.copytree(releases["two"].folder, folder)
        copy(source, target)

    monkeypatch.setattr(places, "_copy", write_anew)
    with pytest.raises(RegistryError, match="was overwritten during the copy"):
        registry.promote(folder, name="one")
    assert registry.releases() == ()


def test_what_is_current_is_what_was_promoted(filled, releases):
    """Another release in its place, all hashes right, is noticed."""
    serving = Recommender.open(f"{filled.folder}@current")
    place = filled.folder / "releases" / "three"
    shutil.rmtree(place)
    shutil.copytree(releases["one"].folder, place)
    one, three = (releases[name].manifest.release_id for name in ("one", "three"))
    message = f"is not the promoted release: 'three' holds the release {one}; expected {three}"
    for look in (open_bundle, Recommender.open, serving.reload):
        with pytest.raises(BundleCorruptError, match=message):
            look(f"{filled.folder}@current")
    assert serving.bundle.manifest.release_id == three
    assert filled.rollback().current == "two"
    assert open_bundle(f"{filled.folder}@current")


def test_rollback_refuses_what_is_not_what_was_promoted(filled, releases):
    place = filled.folder / "releases" / "two"
    shutil.rmtree(place)
    shutil.copytree(releases["one"].folder, place)
    with pytest.raises(BundleCorruptError, match="@two' is not the promoted release: 'two' holds"):
        filled.rollback()
    assert filled.rollback(to="one").current == "one"


def test_only_what_the_manifest_lists_comes_along(registry, releases, tmp_path):
    folder = shutil.copytree(releases["one"].folder, tmp_path / "bundle")
    (folder / "notes.txt").write_text("mine")
    registry.promote(folder, name="one")
    assert files_of(registry.folder / "releases/one") == files_of(releases["one"].folder)


def test_a_release_that_stands_is_promoted_by_name_or_address(filled):
    assert filled.promote("one").changed
    assert current(filled) == "one"
    switch = filled.promote(f"{filled.folder}@two")
    assert (switch.current, switch.before, switch.added) == ("two", "one", False)
    assert names(filled) == {"one", "two", "three"}


def test_to_promote_what_is_current_changes_nothing(filled, releases):
    before = filled.history()
    assert not filled.promote("three").changed
    assert not filled.promote(releases["three"].folder, name="three").changed
    assert filled.history() == before


def test_the_same_content_twice_is_one_release(registry, releases):
    first = registry.promote(releases["one"].folder)
    registry.promote(releases["two"].folder)
    again = registry.promote(releases["one"].folder)
    assert (again.current, again.added) == (first.current, False)
    assert len(registry.releases()) == 2


def test_from_one_registry_to_another(filled, tmp_path):
    other = Registry(tmp_path / "production")
    other.promote(f"{filled.folder}@current", name="may")
    assert other.releases()[0].release_id == filled.history()[-1].release_id


def test_rollback_goes_back_step_by_step(filled):
    assert filled.rollback().current == "two"
    assert filled.rollback().current == "one"
    with pytest.raises(RegistryError, match=r"no release of .* was current before this one"):
        filled.rollback()
    assert current(filled) == "one"


def test_what_is_promoted_after_a_rollback_goes_on_top(filled):
    filled.rollback()
    filled.promote("three")
    assert [filled.rollback().current for _ in range(2)] == ["two", "one"]


def test_rollback_to_a_release_and_then_one_further(filled):
    filled.promote("one")
    assert filled.rollback(to="two").current == "two"
    assert filled.rollback().current == "one"


@pytest.mark.parametrize(
    ("to", "error", "message"),
    [
        ("three", RegistryError, r"'three' is not one of .* one of two, one; to make another one"),
        ("none", RegistryError, r"'none' is not one of the releases that were current before"),
    ],
)
def test_rollback_refuses_what_was_not_current_before(filled, to, error, message):
    with pytest.raises(error, match=message):
        filled.rollback(to=to)
    assert current(filled) == "three"


def test_rollback_to_what_is_gone(filled):
    shutil.rmtree(filled.folder / "releases/two")
    with pytest.raises(UnknownReleaseError, match=r"no release 'two'; expected one of one, three"):
        filled.rollback()
    assert filled.rollback(to="one").current == "one"


def test_history_says_who_was_current_from_when_to_when(filled):
    filled.rollback()
    history = filled.history()
    assert [one.name for one in history] == ["one", "two", "three", "two"]
    assert [one.action for one in history] == ["promote"] * 3 + ["rollback"]
    assert [one.until for one in history] == [*(one.since for one in history[1:]), None]
    assert sorted(one.since for one in history) == [one.since for one in history]


def test_a_file_among_the_releases_is_none(filled):
    (filled.folder / "releases" / "notes.txt").write_text("mine")
    assert names(filled) == {"one", "two", "three"}
    with pytest.raises(UnknownReleaseError, match=r"no release 'notes.txt'"):
        open_bundle(f"{filled.folder}@notes.txt")


def test_prune_keeps_the_current_one_and_the_one_to_go_back_to(filled, releases):
    filled.rollback()  # current: two; before it: one
    assert filled.prune(3) == ()
    assert filled.prune(2) == ("three",)
    assert names(filled) == {"one", "two"}
    assert filled.rollback().current == "one"
    assert open_bundle(releases["three"].folder)  # what it was copied from is still there


def test_prune_keeps_those_that_were_current_last(filled):
    filled.promote("one")
    assert filled.prune(2) == ("two",)
    with pytest.raises(RegistryError, match=r"keep_last is 1; expected 2 or more"):
        filled.prune(1)


def test_a_corrupt_bundle_is_refused(filled, releases, tmp_path):
    broken = shutil.copytree(releases["one"].folder, tmp_path / "broken")
    vectors = broken / "vectors" / "User.npy"
    vectors.write_bytes(vectors.read_bytes()[:-1] + b"x")
    with pytest.raises(BundleCorruptError, match=r"changed since the bundle was written"):
        filled.promote(broken, name="broken")
    assert (names(filled), current(filled)) == ({"one", "two", "three"}, "three")
    assert filled.promote("one").changed
    assert not list((filled.folder / "releases").glob(".*"))


def test_a_release_that_was_damaged_later_is_refused(filled):
    vectors = filled.folder / "releases/two/vectors/User.npy"
    content = vectors.read_bytes()
    vectors.write_bytes(content[:-1] + b"x")
    for change in (filled.rollback, lambda: filled.promote("two")):
        with pytest.raises(BundleCorruptError, match=r"changed since"):
            change()
    assert current(filled) == "three"
    assert filled.rollback(verify=False).current == "two"


def test_a_damaged_current_release_is_no_reason_to_keep_it(filled, releases):
    shutil.rmtree(filled.folder / "releases/three")
    assert filled.promote(releases["one"].folder).changed
    assert current(filled) == filled.history()[-1].name


def test_a_release_whose_manifest_is_damaged_is_listed_with_the_problem(filled):
    manifest = filled.folder / "releases/one/manifest.json"
    manifest.unlink()
    manifest.write_text("{")
    problems = {one.name: one.problem for one in filled.releases()}
    assert "is not valid JSON" in problems.pop("one")
    assert problems == {"two": None, "three": None}


def test_another_schema_needs_a_word(filled, tmp_path):
    (tmp_path / "schema.toml").write_text('[node.Venue]\ndoc = "A place."\n')
    schema = extend_schema(tmp_path / "schema.toml")
    other = make_market(tmp_path / "other", schema=schema)
    with pytest.raises(RegistryError, match=r"which differs in Venue; .* with --new-schema"):
        filled.promote(other.folder, name="venues")
    assert names(filled) == {"one", "two", "three"}
    assert filled.promote(other.folder, name="venues", new_schema=True).current == "venues"
    assert filled.rollback().current == "three"  # nothing may be in the way of going back


def test_names(registry, releases):
    for name in ("current", "a/b", "../x", ".hidden", "-x", "", "x" * 101, "a b"):
        with pytest.raises(RegistryError, match="is not a valid name for a release"):
            registry.promote(releases["one"].folder, name=name)
    registry.promote(releases["one"].folder, name="2026-11.2_a")
    with pytest.raises(RegistryError, match=r"another release named '2026-11.2_a'.*--name"):
        registry.promote(releases["two"].folder, name="2026-11.2_a")


def test_a_name_that_is_also_a_path_is_asked_back(filled, releases, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("one").symlink_to(releases["three"].folder)
    with pytest.raises(RegistryError, match=r"and a path; write .*registry@one .*, \./one"):
        filled.promote("one")
    assert filled.promote("./one", name="three").current == "three"


def test_what_is_neither_a_name_nor_a_bundle(filled, tmp_path):
    with pytest.raises(UnknownReleaseError, match=r"'onne' is neither .* did you mean 'one'\?"):
        filled.promote("onne")
    with pytest.raises(UnknownReleaseError, match=r"give the folder that `graphrec train` wrote"):
        Registry(tmp_path / "new").promote("bundle")
    assert not (tmp_path / "new").exists()


def test_a_folder_with_other_things_does_not_become_a_registry(releases, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(RegistryError, match="is not a registry: it holds other files"):
        Registry(tmp_path).promote(releases["one"].folder)
    assert files_of(tmp_path) == {"notes.txt"}


def test_a_file_does_not_become_a_registry(releases, tmp_path):
    path = tmp_path / "shop.duckdb"
    path.write_text("mine")
    with pytest.raises(RegistryError, match="is not a registry: it is a file"):
        Registry(path).promote(releases["one"].folder)
    assert path.read_text() == "mine"


def test_there_is_no_registry(tmp_path):
    registry = Registry(tmp_path)
    for ask in (registry.releases, registry.history, registry.rollback):
        with pytest.raises(RegistryError, match=r"no registry at .* `graphrec promote"):
            ask()


def test_promotions_at_the_same_time_are_all_kept(registry, releases):
    bundles = [releases[name] for name in ("one", "two", "three")] * 5
    with ThreadPoolExecutor(8) as pool:
        done = [pool.submit(Registry(registry.folder).promote, one.folder) for one in bundles]
        switches = [one.result() for one in done]
    changes = [one for one in switches if one.changed]
    history = registry.history()
    assert len(history) == len(changes)
    assert sum(one.added for one in switches) == 3
    # Each saw the one before it, so that they form one chain.
    chain = [one.name for one in history]
    steps = zip([None, *chain[:-1]], chain, strict=True)
    assert Counter((one.before, one.current) for one in changes) == Counter(steps)
