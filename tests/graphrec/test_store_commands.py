"""ingest, rejects, snapshot and info on a store, as typed on a command line."""

import json

import pytest
from pages.messages import says
from typer.testing import CliRunner

from graphrec.cli import build_app

USERS = "user_id,city\nann,Paris\nbob,Rome\n"


@pytest.fixture
def shop(tmp_path):
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "User.csv").write_text(USERS)
    return folder


@pytest.fixture
def run():
    def invoke(*arguments: object):
        return CliRunner().invoke(build_app(), [str(argument) for argument in arguments])

    return invoke


def test_from_tables_to_a_snapshot(shop, tmp_path, run):
    (shop / "User.csv").write_text(USERS + ",nobody\n")
    store, snapshot = tmp_path / "shop.duckdb", tmp_path / "snapshot"

    ingested = run("ingest", shop, store)
    assert ingested.exit_code == 0, ingested.stderr
    assert "User from User.csv" in ingested.stdout
    assert "1 rows rejected (missing_value 1)" in ingested.stdout

    rejects = json.loads(run("rejects", store, "--json").stdout)
    assert [(row["file"], row["row"], row["code"]) for row in rejects] == [
        ("User.csv", 3, "missing_value")
    ]
    assert "user_id is empty" in run("rejects", store).stdout

    written = run("snapshot", store, snapshot, "--json")
    assert written.exit_code == 0, written.stderr
    assert json.loads(written.stdout)["nodes"] == 2

    described = json.loads(run("info", store, "--json").stdout)
    assert (described["kind"], described["nodes"]["User"]) == ("store", 2)
    assert described["facts"]["rejects"] == 1
    again = json.loads(run("ingest", shop, store, "--json").stdout)
    assert (again["added"], again["updated"], again["unchanged"]) == (0, 0, 2)


def test_a_synthetic_world_can_be_ingested(tmp_path, run):
    store = tmp_path / "world.duckdb"
    report = json.loads(run("ingest", "synthetic:300:7", store, "--json").stdout)
    edges = sum(table["read"] for table in report["tables"] if "-" in table["of"])
    assert edges == pytest.approx(300, abs=15)
    assert report["rejected"] == 0


def test_a_schema_file_extends_the_store(shop, tmp_path, run):
    (shop / "User.csv").write_text("user_id,vip\nann,true\n")
    extension = tmp_path / "more.toml"
    extension.write_text("[node.User.property.vip]\nkind = 'bool'\n")
    store = tmp_path / "shop.duckdb"
    assert run("ingest", shop, store, "--schema", extension).exit_code == 0
    assert run("ingest", shop, tmp_path / "plain.duckdb").exit_code == 4


@pytest.mark.parametrize(
    ("arguments", "exit_code", "message"),
    [
        (["ingest"], 2, "Missing argument 'SOURCE'"),
        (["ingest", "{shop}"], 2, "Missing argument 'STORE'"),
        (["ingset", "{shop}"], 2, "No such command 'ingset'"),
        (["ingest", "{shop}", "{tmp}/s.duckdb", "--strickt"], 2, "No such option"),
        (["ingest", "{tmp}/nowhere", "{tmp}/s.duckdb"], 4, "there is no folder"),
        (["ingest", "{shop}", "{tmp}/no/s.duckdb"], 5, "a path in an existing folder"),
        (["ingest", "{shop}", "redis://x"], 5, "'redis' stores are not known"),
        (["ingest", "synthetic:many", "{tmp}/s.duckdb"], 4, "is not a synthetic world"),
        (["ingest", "synthetic:5", "{tmp}/s.duckdb"], 4, "100 to 100000000 edges"),
        (
            ["ingest", "synthetic:100", "{tmp}/s.duckdb", "--mapping", "m.toml"],
            4,
            "takes no mapping",
        ),
        (
            ["ingest", "{shop}", "{tmp}/s.duckdb", "--mapping", "{tmp}/m.toml"],
            4,
            "m.toml' does not exist",
        ),
        (
            ["ingest", "{shop}", "{tmp}/s.duckdb", "--schema", "{tmp}/x.toml"],
            3,
            "x.toml' does not exist",
        ),
        (["rejects", "{tmp}/s.duckdb"], 5, "there is no store at"),
        (["snapshot", "{tmp}/s.duckdb", "{tmp}/snap"], 5, "fill one with `graphrec ingest`"),
        (["snapshot", "{full}", "{tmp}"], 4, "exists already; snapshots are never changed"),
        (["snapshot", "{full}", "{tmp}/snap", "--cutoff", "tomorrow"], 2, "Invalid value"),
        (["info", "{tmp}/nothing"], 4, "is not a bundle, a snapshot or a store"),
    ],
)
def test_a_wrong_command_line_says_what_is_wrong(
    shop, tmp_path, run, arguments, exit_code, message
):
    full = tmp_path / "full.duckdb"
    if "{full}" in arguments:
        assert run("ingest", shop, full).exit_code == 0
    filled = [argument.format(shop=shop, tmp=tmp_path, full=full) for argument in arguments]
    result = run(*filled)
    assert result.exit_code == exit_code
    assert says(result.stderr, message)
    assert "Traceback" not in result.stderr


def test_strict_names_the_row_and_exits_with_the_data_code(shop, tmp_path, run):
    (shop / "User.csv").write_text(USERS + ",nobody\n")
    result = run("ingest", shop, tmp_path / "s.duckdb", "--strict", "--json")
    assert result.exit_code == 4
    error = json.loads(result.stderr)
    assert error["error"] == "RejectedRowError"
    assert error["what"] == "User.csv, row 3: user_id is empty"
