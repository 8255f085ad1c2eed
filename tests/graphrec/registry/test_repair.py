"""Damaged files of a registry: the error names the repair, the repair works, rollbacks survive."""

import json
import shutil

import pytest
from typer.testing import CliRunner

from graphdb.errors import BundleError, RegistryError, UnknownReleaseError
from graphrec import Registry, open_bundle
from graphrec.cli import build_app

NOT_JSON = "{"
DAMAGES = {
    "no JSON": NOT_JSON,
    "empty": "",
    "no text": b"\xff\xfe\x00",
    "a field too few": '{"number": 2}',
    "a field too many": None,
    "another form": "[]",
    "a number below 1": None,
    "NaN": '{"number": NaN}',
    "deep": "[" * 100_000,
    "no date": None,
}


def damaged(line, how):
    """A line that is no promotion any more, in a certain way."""
    changes = {
        "a field too many": {"more": 1},
        "a number below 1": {"number": 0},
        "no date": {"at": "soon"},
    }
    if how in changes:
        return json.dumps({**json.loads(line), **changes[how]}).encode()
    content = DAMAGES[how]
    return content if isinstance(content, bytes) else content.encode()


def current(registry):
    return next((one.name for one in registry.releases() if one.is_current), None)


def uses(registry):
    return (
        registry.history,
        registry.releases,
        registry.rollback,
        lambda: registry.promote("one"),
        lambda: registry.prune(2),
    )


def assert_repair_is_named(registry, message):
    for use in uses(registry):
        with pytest.raises(RegistryError, match=message) as caught:
            use()
        assert f"graphrec releases {registry.folder} --repair" in str(caught.value)


def asides(registry):
    return [path for path in registry.folder.iterdir() if ".damaged-" in path.name]


@pytest.mark.parametrize("how", DAMAGES)
def test_a_damaged_current_json_is_taken_from_the_history(filled, how):
    path = filled.folder / "current.json"
    before, whole = filled.history(), path.read_bytes()
    path.write_bytes(damaged(whole, how))
    assert_repair_is_named(filled, r"current.json' is not a promotion")
    with pytest.raises(RegistryError, match="--repair"):
        open_bundle(f"{filled.folder}@current")
    repaired = filled.repair()
    assert (repaired.current, repaired.kept, repaired.lost) == ("three", 3, 0)
    assert filled.history() == before
    (aside,) = asides(filled)
    assert aside.read_bytes() == damaged(whole, how)
    assert [filled.rollback().current for _ in range(2)] == ["two", "one"]
    assert open_bundle(f"{filled.folder}@current")
    assert filled.promote("three").changed


@pytest.mark.parametrize("line", [0, 1, 2])
@pytest.mark.parametrize("how", DAMAGES)
def test_a_damaged_line_is_lost_and_the_others_are_not(filled, how, line):
    path = filled.folder / "history.jsonl"
    names = ["one", "two", "three"]
    lines = path.read_bytes().splitlines()
    lines[line] = damaged(lines[line], how)
    path.write_bytes(b"\n".join(lines) + b"\n")
    assert_repair_is_named(filled, rf"line {line + 1} of .*history.jsonl' is not a promotion")
    assert open_bundle(f"{filled.folder}@current")  # readers need no history
    content = path.read_bytes()
    repaired = filled.repair()
    kept = [name for number, name in enumerate(names) if number != line or line == 2]
    assert (repaired.current, repaired.kept, repaired.lost) == ("three", len(kept), 1)
    assert [one.name for one in filled.history()] == kept
    (aside,) = asides(filled)
    assert aside.read_bytes() == content
    assert filled.rollback().current == kept[-2]
    assert filled.promote("three").changed
    assert [one.name for one in filled.history()] == [*kept, kept[-2], "three"]
    assert Registry(filled.folder).repair().set_aside == ()


@pytest.mark.parametrize("damage", ["concat", "gone", "gone and damaged"])
def test_both_files_may_be_damaged(filled, damage):
    path, history = filled.folder / "current.json", filled.folder / "history.jsonl"
    if damage.startswith("gone"):
        path.unlink()
    else:
        path.write_text(NOT_JSON)
    if damage != "gone":
        lines = history.read_bytes().splitlines(keepends=True)
        history.write_bytes(lines[0] + b"{\n" + lines[2])
    assert_repair_is_named(filled, r"current.json' is (not a promotion|missing)")
    assert filled.repair().current == "three"
    assert filled.rollback().current == ("two" if damage == "gone" else "one")


def test_where_nothing_can_be_read_one_begins_anew(filled):
    for name in ("current.json", "history.jsonl"):
        (filled.folder / name).write_text("{\n")
    repaired = filled.repair()
    assert (repaired.current, repaired.kept, repaired.lost) == (None, 0, 1)
    assert len(asides(filled)) == 2
    assert filled.history() == ()
    assert filled.promote("two").current == "two"
    assert [one.name for one in filled.history()] == ["two"]


@pytest.mark.parametrize("name", ["current.json", "history.jsonl"])
@pytest.mark.parametrize("kind", ["folder", "link out"])
def test_what_is_no_file_is_set_aside(filled, tmp_path, name, kind):
    path = filled.folder / name
    (tmp_path / "outside").write_text("mine")
    path.unlink()
    if kind == "folder":
        path.mkdir()
        (path / "mine").write_text("mine")
    else:
        path.symlink_to(tmp_path / "outside")
    with pytest.raises(RegistryError, match="is not a file"):
        filled.promote("one")
    filled.repair()
    assert current(filled) == "three"
    assert filled.promote("one").changed
    assert (tmp_path / "outside").read_text() == "mine"
    assert len(asides(filled)) == 1


def test_a_current_json_from_before_does_not_cut_the_history_in_silence(filled):
    path = filled.folder / "current.json"
    old = path.read_bytes()
    filled.promote("one")
    path.write_bytes(old)
    with pytest.raises(RegistryError, match=r"has promotions after the current one.*--repair"):
        filled.promote("two")
    repaired = filled.repair()
    assert (repaired.current, repaired.kept, repaired.lost) == ("three", 3, 1)
    assert filled.rollback().current == "two"


def test_where_nothing_is_damaged_a_repair_changes_nothing(filled, registry, releases):
    before = {path.name: path.read_bytes() for path in filled.folder.glob("*.json*")}
    assert filled.repair().set_aside == ()
    history = filled.folder / "history.jsonl"
    history.write_bytes(history.read_bytes()[:-10])  # a crash
    assert filled.repair().set_aside == ()
    filled.promote("one")
    assert history.read_bytes().startswith(before["history.jsonl"])
    registry.promote(releases["one"].folder, name="one")
    assert registry.repair().current == "one"


def test_a_rollback_whose_goal_is_lost_takes_one_back(filled):
    """Promoted were one, two, three; two is current again, but its first line is damaged."""
    filled.rollback()
    path = filled.folder / "history.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + b"{\n" + b"".join(lines[2:]))
    filled.repair()
    assert filled.rollback().current == "one"  # not three, which was taken back


def test_a_current_release_that_is_gone_is_no_dead_end(filled):
    shutil.rmtree(filled.folder / "releases" / "three")
    with pytest.raises(UnknownReleaseError, match=r"'three', is missing; graphrec rollback"):
        open_bundle(f"{filled.folder}@current")
    assert filled.rollback().current == "two"


def test_a_damaged_release_names_the_way_out(filled, releases):
    (filled.folder / "releases" / "one" / "manifest.json").write_text(NOT_JSON)
    with pytest.raises(RegistryError, match=r"'one' already exists.*choose another --name"):
        filled.promote(releases["one"].folder, name="one")
    assert filled.promote(releases["one"].folder, name="one-again").changed
    with pytest.raises(BundleError):
        filled.rollback(to="one")
    assert filled.rollback().current == "three"


def run(*arguments):
    return CliRunner().invoke(build_app(), [str(argument) for argument in arguments])


def test_the_command_that_is_named_repairs(filled):
    (filled.folder / "current.json").write_text(NOT_JSON)
    failed = run("releases", filled.folder)
    assert failed.exit_code == 7
    assert f"graphrec releases {filled.folder} --repair" in " ".join(failed.stderr.split())
    said = run("releases", filled.folder, "--repair").stdout
    assert said.startswith("3 promotions kept, 0 lines lost; three is current; the old files are")
    assert run("releases", filled.folder, "--repair").stdout.startswith("nothing is damaged\n")
    assert run("rollback", filled.folder).stdout == "two is current in place of three.\n"
    (filled.folder / "current.json").write_text(NOT_JSON)
    told = json.loads(run("releases", filled.folder, "--repair", "--json").stdout)
    assert (told["current"], told["repaired"]["kept"]) == ("two", 4)
