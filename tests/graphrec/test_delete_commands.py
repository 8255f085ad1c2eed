"""delete, delete-edge, forget and holders, as typed on a command line."""

import json

import pytest
from pages.messages import says
from typer.testing import CliRunner

from graphdb import open_store
from graphrec.cli import build_app

TABLES = {
    "User": "user_id,city\nann,Paris\nbob,Rome\n",
    "Product": "product_id,title\npan,Pan\ntea,Tea\n",
    "User-PURCHASED-Product": "source_id,target_id,at\n"
    "ann,pan,2025-01-01\nann,pan,2025-01-02\nbob,tea,2025-01-03\n",
}


@pytest.fixture
def run():
    def invoke(*arguments: object, code: int = 0):
        done = CliRunner().invoke(build_app(), [str(argument) for argument in arguments])
        assert done.exit_code == code, done.stderr
        return done.stderr if code else done.stdout

    return invoke


@pytest.fixture
def tables(tmp_path):
    folder = tmp_path / "tables"
    folder.mkdir()
    for name, text in TABLES.items():
        (folder / f"{name}.csv").write_text(text)
    return folder


@pytest.fixture
def store(tables, tmp_path, run):
    path = tmp_path / "shop.duckdb"
    run("ingest", tables, path)
    return path


def counts(store):
    with open_store(str(store)) as opened:
        return {str(of): number for of, number in opened.counts().items() if number}


def test_a_dry_run_says_what_deleting_would_do(store, run):
    before = counts(store)
    said = run("delete", store, "User:ann", "user:ann", "--dry-run")
    assert says(said, "would go") and says(said, "User-PURCHASED-Product2")
    assert counts(store) == before
    done = json.loads(run("delete", store, "User:ann", "--json"))
    assert done["rows"] == {"User": 1, "User-PURCHASED-Product": 2}
    assert counts(store) == {"User": 1, "Product": 2, "User-PURCHASED-Product": 1}


def test_nodes_of_several_types_come_from_a_file(store, run, tmp_path):
    listed = tmp_path / "gone.txt"
    listed.write_text("User:ann\n\nProduct:tea\nUser:nobody\n")
    done = json.loads(run("delete", store, "--nodes", listed, "--json"))
    rows = {"User": 1, "Product": 1, "User-PURCHASED-Product": 3}
    assert (done["rows"], done["unknown"], done["forgotten"]) == (rows, 1, 0)


def test_one_edge_or_all_between_two_nodes(store, run):
    edge = ("PURCHASED", "User:ann", "Product:pan")
    run("delete-edge", store, *edge, "--at", "2025-01-02")
    assert counts(store)["User-PURCHASED-Product"] == 2
    done = json.loads(run("delete-edge", store, *edge, "--json"))
    assert done["rows"] == {"User-PURCHASED-Product": 1}
    assert says(run("delete-edge", store, *edge, code=8), "has no such edge: User:ann PURCHASED")


def test_a_forgotten_person_stays_away_until_that_is_lifted(store, tables, run):
    said = run("forget", store, "User:ann")
    assert says(said, "1 nodes are marked as forgotten; ingests ignore rows that name them")
    said = run("ingest", tables, store)
    assert says(said, "3 rows name forgotten nodes and were not written")
    assert counts(store)["User"] == 1
    assert says(run("forget", store, "User:ann", "User:bob", "--lift"), "1 of 2 nodes")
    run("ingest", tables, store)
    assert counts(store)["User"] == 2


def test_holders_are_the_folders_from_before(store, run, tmp_path):
    folders = tmp_path / "folders"
    folders.mkdir()
    run("snapshot", store, folders / "before")
    run("forget", store, "User:ann")
    run("snapshot", store, folders / "after")
    (folders / "odd").mkdir()
    (folders / "odd" / "manifest.json").write_text('{"format": "something else"}')
    found = json.loads(run("holders", "user:ann", folders, "--json"))
    assert found == [{"kind": "snapshot", "folder": str(folders / "before"), "problem": None}]
    assert says(run("holders", "User:ann", folders), "1 folder holds User:ann; delete")
    assert len(json.loads(run("holders", "User:bob", folders, "--json"))) == 2


def test_a_folder_that_cannot_be_read_may_hold_the_node(store, run, tmp_path):
    run("snapshot", store, tmp_path / "snapshot")
    (tmp_path / "snapshot" / "nodes" / "User.parquet").write_bytes(b"damaged")
    (found,) = json.loads(run("holders", "User:ann", tmp_path / "snapshot", "--json"))
    assert found["kind"] == "snapshot" and "User.parquet" in found["problem"]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["delete", "{store}"], 2, "give nodes as TYPE:ID, or a file"),
        (["delete", "{store}", "ann"], 2, "'ann' is not a node"),
        (["delete", "{store}", "User:cid", "User:dan"], 8, "has no User 'cid', nor any other"),
        (["delete", "{tmp}/no.duckdb", "User:ann"], 5, "there is no store at"),
        (["delete-edge", "{store}", "BOUGHT", "User:ann", "Product:pan"], 3, "unknown relation"),
        (
            ["delete-edge", "{store}", "RATED", "User:ann", "Product:pan", "--at", "2025-01-01"],
            2,
            "RATED has one edge per pair",
        ),
        (["forget", "{store}", "User:ann", "--lift", "--dry-run"], 2, "remove --dry-run"),
        (["holders", "Usr:ann", "{tmp}"], 2, "did you mean 'User'"),
    ],
)
def test_a_wrong_command_says_what_is_wrong(store, tmp_path, run, arguments, code, message):
    filled = [argument.format(store=store, tmp=tmp_path) for argument in arguments]
    assert says(run(*filled, code=code), message)
