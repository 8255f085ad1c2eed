"""What the operating system refuses: every command says it in one line, with a code of its own."""

import errno
import json
import os

import pytest
from contracts.limits import free_descriptors, largest_file
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

import graphdb.ingestion
import graphdb.sources  # noqa: F401
from graphdb import open_snapshot, open_store, write_snapshot
from graphdb.errors import DiskFullError, FileAccessError
from graphdb.file_access import file_access, number_in, refused
from graphrec import Recommender, open_bundle
from graphrec.cli import build_app

PLACE = "{place}"
READ = {
    "rejects": ["rejects", f"{PLACE}/s.duckdb"],
    "snapshot of": ["snapshot", f"{PLACE}/s.duckdb", "{free}/snapshot"],
    "recommend": ["recommend", f"{PLACE}/bundle", "User:ann"],
    "with a policy": ["recommend", "{bundle}", "User:ann", "--policy", f"{PLACE}/policy.toml"],
    "similar": ["similar", f"{PLACE}/bundle", "Product:p1"],
    "excluded": ["excluded", "{bundle}", "Product:p1", "--policy", f"{PLACE}/policy.toml"],
    "explain": ["explain", f"{PLACE}/bundle", "User:ann", "Product:p2"],
    "explain by": ["explain", "{bundle}", "User:ann", "Product:p2", "--store", f"{PLACE}/s.duckdb"],
    "lookalike": ["lookalike", f"{PLACE}/bundle", "Brand:acme"],
    "portfolio": ["portfolio", f"{PLACE}/bundle", "Brand:acme", "-k", "1"],
    "compare": ["compare", f"{PLACE}/bundle", "{bundle}"],
    "promote from": ["promote", "{free}/registry", f"{PLACE}/bundle"],
    "rollback": ["rollback", f"{PLACE}/registry"],
    "releases": ["releases", f"{PLACE}/registry"],
    "publish": ["publish", f"{PLACE}/bundle", "neo4j://127.0.0.1:1"],
    "info": ["info", f"{PLACE}/bundle"],
    "ingest from": ["ingest", f"{PLACE}/tables", "{free}/s.duckdb"],
}
WRITE = {
    "ingest": ["ingest", "synthetic:200", f"{PLACE}/s.duckdb"],
    "snapshot": ["snapshot", "{store}", f"{PLACE}/snapshot"],
    "batch": ["batch", "{bundle}", "users", f"{PLACE}/answers.parquet"],
    "explain": ["explain", "{bundle}", "User:ann", "Product:p2", "-o", f"{PLACE}/why.html"],
    "promote": ["promote", f"{PLACE}/registry", "{bundle}"],
    "explore-files": ["explore-files", f"{PLACE}/browser"],
}
UNFIT = ["too long", "below a file", "a circle of links"]


@pytest.fixture(scope="module")
def places(world_path, tmp_path_factory):
    folder = tmp_path_factory.mktemp("places")
    with open_store(str(folder / "s.duckdb")):
        pass
    return {"bundle": world_path, "store": folder / "s.duckdb"}


@pytest.fixture(scope="module")
def app():
    return build_app()


@pytest.fixture
def run(places, tmp_path, app):
    def call(arguments, place, *options):
        known = {**places, "place": place, "free": tmp_path / "free"}
        words = [word.format(**known) for word in arguments]
        return CliRunner().invoke(app, [*words, *options])

    return call


def is_one_line(result):
    assert isinstance(result.exception, SystemExit), result.exception
    assert result.stderr.startswith("Error: ") and result.stderr.count("\n") == 1, result.stderr
    assert "None" not in result.stderr and "Errno" not in result.stderr
    return result


def unfit(tmp_path, kind):
    """A path below which nothing can be."""
    if kind == "too long":
        return tmp_path / ("n" * 300)
    path = tmp_path / "unfit"
    if kind == "below a file":
        path.write_text("")
    else:
        path.symlink_to("unfit")
    return path


@pytest.mark.parametrize("kind", UNFIT)
@pytest.mark.parametrize("command", READ)
def test_reading_where_nothing_can_be(run, tmp_path, command, kind):
    place = unfit(tmp_path, kind)
    result = is_one_line(run(READ[command], place))
    assert result.exit_code in (4, 5, 7, 8, 9)
    assert str(place) in result.stderr
    assert not (tmp_path / "free").exists()


@pytest.mark.parametrize("kind", UNFIT)
@pytest.mark.parametrize("command", WRITE)
def test_writing_where_nothing_can_be(run, tmp_path, command, kind):
    place = unfit(tmp_path, kind)
    before = sorted(tmp_path.iterdir())
    result = is_one_line(run(WRITE[command], place))
    assert result.exit_code in (4, 5, 7, 9)
    assert str(place) in result.stderr
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("command", WRITE)
def test_a_full_disk_is_no_conflict_and_leaves_nothing(run, tmp_path, command):
    (tmp_path / "place").mkdir()
    with largest_file(16):
        result = run(WRITE[command], tmp_path / "place", "--json")
    told = json.loads(result.stderr)
    assert (result.exit_code, told["exit_code"], told["error"]) == (9, 9, "DiskFullError")
    assert told["retryable"] is False
    assert "the file would exceed the size limit" in told["what"]
    left = [path for path in (tmp_path / "place").rglob("*") if path.is_file()]
    assert [path.name for path in left if path.stat().st_size] == []
    assert {path.name for path in left} <= {"lock"}


@pytest.mark.parametrize("command", [*READ, *WRITE])
def test_too_many_open_files(run, tmp_path, command, places):
    words = {**READ, **WRITE}[command]
    with free_descriptors(0):
        result = run(words, places["store"].parent, "--json")
    told = json.loads(result.stderr)
    if f"{PLACE}/bundle" not in words and ("{bundle}" in words or command in WRITE):
        assert (told["error"], told["exit_code"]) == ("FileAccessError", 9)
        assert told["retryable"] and "too many files open" in told["message"]
    assert result.exit_code == told["exit_code"]
    assert not (tmp_path / "free").exists()


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_what_no_reader_translated_is_translated_at_the_end(monkeypatch, run, tmp_path, options):
    def refuse(*_, **__):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), "/etc/secret")

    monkeypatch.setattr("graphrec.cli.info_command.describe", refuse)
    result = run(READ["info"], tmp_path, *options)
    assert result.exit_code == 9
    assert "cannot read or write '/etc/secret': permission is denied" in result.stderr
    assert bool(options) == result.stderr.startswith('{"error": "FileAccessError"')


NUMBERS = sorted(errno.errorcode)


@given(st.sampled_from(NUMBERS), st.sampled_from([None, "a b", b"\xff", 7]))
def test_every_refusal_is_told(number, name):
    error = refused(OSError(number, os.strerror(number), name), "write")
    assert isinstance(error, FileAccessError) and error.errno == number
    assert str(error).startswith("cannot write") and error.next_step
    assert "None" not in str(error) and "Errno" not in str(error)
    full = number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    assert isinstance(error, DiskFullError) == full
    assert not (full and error.retryable)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ('IO Error: Could not write file "a": No space left on device', errno.ENOSPC),
        ("Error while serializing: I/O error: File too large (os error 27)", errno.EFBIG),
        ("1000000 requested and 262128 written", errno.ENOSPC),
        ("failed to offload data block; set by the 'max_temp_directory_size'", errno.ENOSPC),
        ('IO Error: Cannot open file "x": Permission denied', errno.EACCES),
        ("Binder Error: no such column", None),
    ],
)
def test_what_libraries_say_is_understood(text, number):
    assert number_in(text) == number
    if number is not None:
        with pytest.raises(FileAccessError), file_access("write", "a"):
            raise OSError(text)


def test_opening_a_bundle_is_told_in_python_too():
    with pytest.raises(FileAccessError, match="cannot read 'xxx"):
        open_bundle("x" * 5_000)


def test_what_is_read_later_is_told_as_well(world_path, tmp_path):
    recommender = Recommender.open(world_path)
    with free_descriptors(0), pytest.raises(FileAccessError, match="too many files open"):
        recommender.products_for_user("ann")
    assert recommender.products_for_user("ann").ids
    with open_store("duckdb:") as store:
        snapshot = write_snapshot(store, tmp_path / "snapshot")
    with free_descriptors(0), pytest.raises(FileAccessError, match="too many files open"):
        snapshot.nodes("User")
    with free_descriptors(0), pytest.raises(FileAccessError, match="too many files open"):
        open_snapshot(tmp_path / "snapshot")


def test_a_failed_transaction_tells_what_failed(tmp_path, product_table):
    with (
        open_store(str(tmp_path / "s.duckdb")) as store,
        largest_file(10_000),
        pytest.raises(DiskFullError, match="exceed the size limit"),
    ):
        store.upsert_nodes("Product", product_table)
    with open_store(str(tmp_path / "s.duckdb")) as store:
        assert store.counts()["Product"] == 0


@pytest.fixture
def product_table(make_node_table):
    return make_node_table("Product", {f"p{number}": {} for number in range(20_000)})


def test_too_many_open_files_on_reload_leave_the_old_release_serving(world_path):
    recommender = Recommender.open(world_path)
    before, bundle = recommender.products_for_user("ann").ids, recommender.bundle
    with free_descriptors(0), pytest.raises(FileAccessError, match="too many files open") as told:
        recommender.reload(world_path)
    assert told.value.retryable
    assert (recommender.products_for_user("ann").ids, recommender.bundle) == (before, bundle)
    assert recommender.reload(world_path)
