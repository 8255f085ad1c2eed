"""ingest, rejects, snapshot and info on a store, as typed on a command line."""

import json

import duckdb
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

    rejects = json.loads(run("rejects", store, "--rows", "--json").stdout)
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


MESSY = {
    "User.csv": "user_id,city\nann,Paris\nbob,Rome\n,nobody\n,none\n",
    "Product.csv": "product_id,price,stock\npan,free,1\ntea,cheap,2\npot,1,-1\n",
    "User-VIEWED-Product.csv": (
        "source_id,target_id,at\nann,pot,2026-01-01\nbob,pot,2026-01-01\nbob,pan,soon\n"
        "ann,pan,2026-01-01\n"
    ),
}


@pytest.fixture
def messy(tmp_path, run):
    """A store with rejects of several kinds; the rejected row of a node takes two edges along."""
    folder, store = tmp_path / "messy", tmp_path / "messy.duckdb"
    folder.mkdir()
    for name, text in MESSY.items():
        (folder / name).write_text(text)
    done = run("ingest", folder, store)
    assert done.exit_code == 0
    assert says(done.stderr, "2 values are left out and the rows kept, such as row 1: price is fr")
    codes = "(out_of_range 1, missing_value 2, not_a_time 1, rejected_target 2)"
    assert f"6 rows rejected {codes}" in done.stdout
    return store


def test_rejects_are_grouped_with_root_causes_first(messy, run):
    groups = json.loads(run("rejects", messy, "--json").stdout)
    views, products = "User-VIEWED-Product from User-VIEWED-Product.csv", "Product from Product.csv"
    assert [(one["number"], one["table_name"], one["code"], one["column"]) for one in groups] == [
        (2, products, "not_a_number", "price"),
        (2, "User from User.csv", "missing_value", None),
        (1, products, "out_of_range", None),
        (1, views, "not_a_time", None),
        (2, views, "rejected_target", None),
    ]
    pot = "there is no Product pot: row 3 of Product.csv was rejected"
    assert groups[-1]["example"] == {"file": "User-VIEWED-Product.csv", "row": 1, "reason": pot}
    shown = run("rejects", messy).stdout
    assert "6 rejected rows, 2 rejected values" in shown
    assert shown.index("missing_value") < shown.index("rejected_target")


@pytest.mark.parametrize(
    ("options", "rows"),
    [
        (
            ["--table", "viewed"],
            [("User-VIEWED-Product.csv", 3), *[("User-VIEWED-Product.csv", row) for row in (1, 2)]],
        ),
        (["--code", "missing_value"], [("User.csv", 3), ("User.csv", 4)]),
        (["--column", "price"], [("Product.csv", 1), ("Product.csv", 2)]),
        (["--file", "product.csv", "--code", "out_of_range"], [("Product.csv", 3)]),
    ],
)
def test_rejects_are_chosen_by_table_code_column_and_file(messy, run, options, rows):
    found = json.loads(run("rejects", messy, "--rows", "--json", *options).stdout)
    assert [(row["file"], row["row"]) for row in found] == rows


def test_what_no_reject_has_is_answered_with_what_they_have(messy, run):
    done = run("rejects", messy, "--code", "missing_valu")
    assert done.exit_code == 2
    assert says(done.stderr, "no reject has the code 'missing_valu'; did you mean 'missing_value'?")


def test_lines_that_are_left_are_counted(messy, run):
    assert "3 more lines; show more with --top-k" in run("rejects", messy, "-k", "2").stdout
    assert "more lines" not in run("rejects", messy).stdout


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_table_that_loses_every_row_ends_with_an_exit_code(shop, tmp_path, run, options):
    (shop / "Product.csv").write_text("product_id,stock\npan,-1\ntea,-2\n")
    done = run("ingest", shop, tmp_path / "shop.duckdb", *options)
    assert done.exit_code == 4
    if options:
        tables = json.loads(done.stdout)["tables"]
        assert [table["rejected"] for table in tables] == [2, 0]
    else:
        assert says(done.stderr, "Product from Product.csv lost all its 2 rows (out_of_range 2)")
    again = run("ingest", shop, tmp_path / "shop.duckdb", *options)
    assert again.exit_code == 4, "the other tables are in the store, and it is still said"


def test_a_store_of_an_earlier_version_shows_its_rejects(shop, tmp_path, run):
    """Its table of rejects has no column for the property of a bad value."""
    (shop / "User.csv").write_text(USERS + ",nobody\n")
    store = tmp_path / "shop.duckdb"
    run("ingest", shop, store)
    with duckdb.connect(str(store)) as connection:
        connection.execute('ALTER TABLE graphrec.rejects DROP COLUMN "column"')
    (group,) = json.loads(run("rejects", store, "--json").stdout)
    assert (group["number"], group["column"]) == (1, None)
    (shop / "Product.csv").write_text("product_id,price\npan,free\n")
    run("ingest", shop, store)
    groups = json.loads(run("rejects", store, "--json").stdout)
    assert [group["column"] for group in groups] == ["price", None]
