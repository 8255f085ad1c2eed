"""What is opened as an embedded store is the file that was named, and it reads nothing else."""

import os
import shutil
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import duckdb
import pytest
from contracts.store import PURCHASED, fill, users
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from graphdb import open_store
from graphdb.errors import FileAccessError, StoreDamagedError, StoreError, StoreUnavailableError
from graphrec.cli.app import build_app


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """The file of a store with a few rows."""
    path = tmp_path_factory.mktemp("made") / "shop.duckdb"
    with open_store(str(path)) as store:
        fill(store)
    return path


@pytest.fixture
def file(made, tmp_path) -> Path:
    return Path(shutil.copy(made, tmp_path / "shop.duckdb"))


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


FOREIGN = {
    "a.csv": b"user_id,city\nann,Paris\n",
    "a.json": b'[{"user_id": "ann"}]\n',
    "a.parquet": b"PAR1\0\0PAR1",
    "a.sqlite": b"SQLite format 3\0" + bytes(100),
    "a.txt": b"not a database at all, but long enough" * 10,
    "a.duckdb": b"",
    "short.duckdb": b"DUCK",
}


@pytest.mark.parametrize("name", FOREIGN)
@pytest.mark.parametrize("prefix", ["", "duckdb:"])
@pytest.mark.parametrize("options", [{}, {"create": False}, {"read_only": True}], ids=str)
def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path, name, prefix, options):
    (tmp_path / name).write_bytes(FOREIGN[name])
    with pytest.raises(StoreError, match="cannot be opened as a graph store: it is"):
        open_store(prefix + str(tmp_path / name), **options)
    assert content(tmp_path) == {name: FOREIGN[name]}


@pytest.mark.parametrize("name", ["", " ", "\t", "a\0b"])
def test_a_store_without_a_name_is_refused(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StoreError, match="the store has no name"):
        open_store(name)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["new.csv", "new.json", "new.PARQUET", "new.csv.gz", "new.arrow"])
def test_a_new_store_is_not_named_like_a_table(tmp_path, name):
    with pytest.raises(StoreError, match="is the name of a table, not of a store"):
        open_store(str(tmp_path / name))
    assert not list(tmp_path.iterdir())


def test_what_is_no_regular_file_is_refused(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        monkey = tmp_path / "s"
        monkeypatch.chdir(tmp_path)
        listener.bind(monkey.name)  # an address is short, and the folder's name may be long
        (tmp_path / "to-device").symlink_to("/dev/null")
        (tmp_path / "to-folder").symlink_to(tmp_path)
        for path, what in (
            (tmp_path, "is a folder"),
            (tmp_path / "to-folder", "is a folder"),
            ("/dev/null", "is a device"),
            ("/dev/full", "is a device"),
            (tmp_path / "to-device", "is a device"),
            (tmp_path / "pipe", "is a device, pipe or socket"),
            (monkey, "is a device, pipe or socket"),
        ):
            with pytest.raises(StoreError, match=what):
                open_store(str(path))


def test_a_link_is_followed_to_a_store_and_to_nothing_else(file, tmp_path):
    (tmp_path / "link").symlink_to(file)
    with open_store(str(tmp_path / "link")) as store:
        store.upsert_nodes("User", users("cid"))
    with open_store(str(file), read_only=True) as store:
        assert store.counts()["User"] == 3
    (tmp_path / "lost").symlink_to(tmp_path / "nowhere")
    with pytest.raises(StoreError, match="is a link to a file that does not exist"):
        open_store(str(tmp_path / "lost"))
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nowhere/a.duckdb", "there is no folder"),
        ("shop.duckdb/a.duckdb", "there is no folder"),
        ("x" * 300, "the name is too long"),
    ],
)
def test_a_path_that_cannot_be_is_refused(file, name, message):
    with pytest.raises((StoreError, FileAccessError), match=message):
        open_store(str(file.parent / name))


@pytest.mark.parametrize("name", ["md:shop", "sqlite:shop", "ducklake:shop", "a b;c'd.duckdb", "ü"])
def test_a_name_is_a_file_whatever_duckdb_makes_of_it(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    with open_store(name) as store:
        store.upsert_nodes("User", users("ann"))
    assert [path.name for path in tmp_path.iterdir()] == [name]
    with open_store(name, create=False) as store:
        assert store.counts()["User"] == 1


def test_a_new_store_that_only_reads_is_none(tmp_path):
    for options in ({"create": False}, {"read_only": True}):
        with pytest.raises(StoreError, match="there is no store at"):
            open_store(str(tmp_path / "a.duckdb"), **options)
        with pytest.raises(StoreError, match="a store in memory is empty"):
            open_store("duckdb:", **options)
        duckdb.connect(str(tmp_path / "empty.duckdb")).close()
        with pytest.raises(StoreError, match="is empty; fill it"):
            open_store(str(tmp_path / "empty.duckdb"), **options)


OUTSIDE = [
    "SELECT * FROM read_csv('{}')",
    "SELECT * FROM '{}'",
    "SELECT * FROM read_text('{}')",
    "SELECT * FROM glob('{}')",
    "COPY (SELECT 1) TO '{}'",
    "ATTACH '{}' AS other",
    "EXPORT DATABASE '{}'",
    "INSTALL httpfs",
    "SELECT * FROM python_variable",
    "SET enable_external_access = true",
    "SET memory_limit = '9GB'",
]


@pytest.mark.parametrize("statement", OUTSIDE)
@pytest.mark.parametrize("read_only", [False, True])
def test_sql_over_a_store_reaches_nothing_outside(file, statement, read_only):
    outside = file.parent / "secret.csv"
    outside.write_text("a\n1\n")
    python_variable = {"a": [1]}
    with (
        open_store(str(file), read_only=read_only) as store,
        pytest.raises(StoreError, match="the embedded store failed"),
        store.sql() as cursor,
    ):
        cursor.execute(statement.format(outside)).fetchall()
    assert python_variable
    assert sorted(path.name for path in file.parent.iterdir()) == ["secret.csv", "shop.duckdb"]


def change(file: Path, *statements: str) -> None:
    with duckdb.connect(str(file)) as connection:
        for statement in statements:
            connection.execute(statement)


@pytest.mark.parametrize(
    "statements",
    [
        ['DROP TABLE "User"', "CREATE VIEW \"User\" AS SELECT 'ann' AS user_id"],
        ['DROP TABLE "User"'],
        ['ALTER TABLE "User" RENAME user_id TO id'],
        ['ALTER TABLE "Product" ALTER price TYPE VARCHAR'],
        ["DELETE FROM graphrec.meta"],
        ["INSERT INTO graphrec.meta FROM graphrec.meta"],
    ],
    ids=lambda statements: statements[-1],
)
@pytest.mark.parametrize("read_only", [False, True])
def test_a_store_with_other_tables_than_its_schema_is_damaged(file, statements, read_only):
    change(file, *statements)
    with pytest.raises(StoreDamagedError, match=r"is damaged: it has.*restore a backup"):
        open_store(str(file), read_only=read_only)


@pytest.mark.parametrize(
    "statements",
    [
        ["CREATE TABLE mine AS SELECT 1 AS x"],
        ["CREATE VIEW mine AS SELECT 1 AS x"],
        ["CREATE SCHEMA graphrec", "CREATE VIEW graphrec.meta AS SELECT '1' AS a, '{}' AS b"],
    ],
    ids=lambda statements: statements[-1],
)
def test_a_database_of_another_kind_is_refused_and_left_alone(tmp_path, statements):
    change(tmp_path / "other.duckdb", *statements)
    before = content(tmp_path)
    with pytest.raises(StoreError, match="is a DuckDB database, but not a graph store"):
        open_store(str(tmp_path / "other.duckdb"))
    assert content(tmp_path) == before


def read_all(path: Path) -> None:
    with open_store(str(path), read_only=True) as store:
        for of in store.counts():
            read = store.read_nodes if isinstance(of, str) else store.read_edges
            read(of).read_all()
        store.read_rejects()


def test_a_store_is_read_where_it_may_not_be_written(file):
    file.chmod(0o444)
    file.parent.chmod(0o555)
    before = content(file.parent)
    try:
        read_all(file)
        with open_store(str(file), read_only=True) as store:
            with pytest.raises(StoreError, match="read-only"):
                store.upsert_nodes("User", users("cid"))
            assert store.counts()[PURCHASED] == 2
        assert content(file.parent) == before
    finally:
        file.parent.chmod(0o755)


def test_several_may_read_at_once_and_none_while_another_writes(file):
    holder = (
        "import sys; from graphdb import open_store;"
        f" store = open_store({str(file)!r}, read_only=sys.argv[1] == 'read');"
        " print('open', flush=True); sys.stdin.read()"
    )
    for how in ("read", "write"):
        with subprocess.Popen(
            [sys.executable, "-c", holder, how], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as process:
            assert process.stdout is not None and process.stdin is not None
            assert process.stdout.readline() == b"open\n"
            if how == "read":
                read_all(file)
            with pytest.raises(StoreUnavailableError, match="another process holds the store"):
                open_store(str(file), read_only=how == "write")
            process.stdin.close()


def test_one_process_opens_a_store_in_one_way(file):
    with open_store(str(file)), open_store(str(file)) as second:
        assert second.counts()["User"] == 2
        with pytest.raises(StoreUnavailableError, match=r"this process has the store.*close it"):
            open_store(str(file), read_only=True)


def damage(whole: bytes, how: str) -> bytes:
    """The bytes of a file with something wrong."""
    if how.startswith("cut"):
        return whole[: int(how.split()[1])]
    place = int(how.split()[1])
    return whole[:place] + b"\xff" * 64 + whole[place + 64 :]


@pytest.mark.parametrize(
    "how",
    [f"cut {size}" for size in (12, 100, 4096, 12_288, 100_000)]
    + [f"overwritten {place}" for place in (12, 100, 4096, 8192, 12_288, 20_000)],
)
def test_a_damaged_file_is_told_as_one(made, tmp_path, how):
    path = tmp_path / "shop.duckdb"
    path.write_bytes(damage(made.read_bytes(), how))
    with pytest.raises(StoreDamagedError, match=r"shop.duckdb' is damaged: .*restore a backup"):
        read_all(path)


@given(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=20))
@settings(max_examples=25)
def test_any_change_of_a_file_is_an_answer_or_an_error_of_ours(made, changes):
    whole = bytearray(made.read_bytes())
    for place, value in changes:
        whole[int(place * (len(whole) - 1))] = value
    path = made.parent / "changed.duckdb"
    path.write_bytes(whole)
    with suppress(StoreError):
        read_all(path)
    assert path.read_bytes() == whole


def test_times_are_utc_in_any_timezone(file):
    script = (
        f"from graphdb import open_store\nstore = open_store({str(file)!r}, read_only=True)\n"
        "with store.sql() as cursor: print(cursor.sql(\"SELECT current_setting('TimeZone')\")"
        ".fetchall()[0][0])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "TZ": "Asia/Tokyo"},
        capture_output=True,
        text=True,
    )
    assert done.stdout == "UTC\n", done.stderr


@pytest.mark.parametrize("store", ["", "duckdb:", ":memory:", "duckdb::memory:", "{}/a.csv", "{}"])
def test_ingest_never_says_that_it_stored_what_is_gone(shop, tmp_path, store):
    (tmp_path / "a.csv").write_text("a\n1\n")
    result = CliRunner().invoke(build_app(), ["ingest", str(shop), store.format(tmp_path)])
    assert isinstance(result.exception, SystemExit)
    assert result.exit_code == 5
    assert (tmp_path / "a.csv").read_text() == "a\n1\n"
