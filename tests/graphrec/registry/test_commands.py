"""`graphrec promote`, `rollback`, `releases`, and REGISTRY@NAME in every command."""

import json
import re

import pytest
from typer.testing import CliRunner

from graphrec.cli import build_app


def run(*arguments):
    return CliRunner().invoke(build_app(), [str(argument) for argument in arguments])


def told(*arguments):
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    return json.loads(result.stdout)


def test_promote_list_and_roll_back(registry, releases):
    folder = registry.folder
    said = run("promote", folder, releases["one"].folder, "--name", "one").stdout
    assert said == "one is current.\n"
    assert run("promote", folder, "one").stdout == "one was already current.\n"
    said = run("promote", folder, releases["two"].folder, "--name", "two").stdout
    assert said == "two is current in place of one.\n"
    table = run("releases", folder).stdout
    rows = [line.strip("│").split("│") for line in table.splitlines() if line.startswith("│")]
    cells = [[cell.strip() for cell in row] for row in rows]
    assert [row[:2] for row in cells] == [["*", "two"], ["", "one"]]
    assert cells[1][5] == "ndcg@20 0.2500, recall@20 0.5000"
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", row[6]) for row in cells)
    assert run("rollback", folder).stdout == "one is current in place of two.\n"
    history = run("releases", folder, "--history").stdout
    assert [line.split("│")[3].strip() for line in history.splitlines() if "│" in line] == [
        "one",
        "two",
        "one",
    ]


def test_json(registry, releases):
    folder = registry.folder
    assert told("promote", folder, releases["one"].folder, "--name", "one") == {
        "registry": str(folder),
        "current": "one",
        "before": None,
        "added": True,
        "changed": True,
    }
    told("promote", folder, releases["two"].folder, "--name", "two")
    assert told("rollback", folder)["current"] == "one"
    listed = told("releases", folder)
    assert listed["current"] == "one"
    assert [one["name"] for one in listed["releases"]] == ["two", "one"]
    assert [one["action"] for one in listed["history"]] == ["promote", "promote", "rollback"]


def test_prune(filled):
    assert run("prune", filled.folder, "--keep-last", "2").stdout == "removed one\n"
    assert run("prune", filled.folder, "--keep-last", "2").stdout == "nothing to remove\n"
    assert told("prune", filled.folder, "--keep-last", "2")["removed"] == []
    assert run("prune", filled.folder, "--keep-last", "1").exit_code == 2
    assert run("prune", filled.folder).exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (["promote", "REGISTRY", "none"], "UnknownReleaseError", "is neither a bundle nor"),
        (["rollback", "REGISTRY", "--to", "x"], "RegistryError", "'x' is not one of the releases"),
        (["releases", "NOWHERE"], "RegistryError", "there is no registry at"),
        (["recommend", "REGISTRY@none", "User:u0"], "UnknownReleaseError", "no release 'none'"),
        (["info", "NOWHERE@current"], "RegistryError", "there is no registry at"),
    ],
)
def test_errors(filled, tmp_path, arguments, error, message):
    paths = {"REGISTRY": filled.folder, "NOWHERE": tmp_path / "nowhere"}
    asked = [re.sub("[A-Z]{3,}", lambda m: str(paths[m[0]]), one) for one in arguments]
    result = run(*asked, "--json")
    assert (result.exit_code, result.stdout) == (7, "")
    said = json.loads(result.stderr)
    assert said["error"] == error
    assert message in said["message"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("recommend", "BUNDLE", "User:u0"),
        ("similar", "BUNDLE", "Product:p0"),
        ("lookalike", "BUNDLE", "Brand:b0"),
        ("explain", "BUNDLE", "User:u0", "Product:p2"),
        ("index", "BUNDLE"),
        ("info", "BUNDLE"),
    ],
)
def test_every_command_takes_a_release(filled, releases, arguments):
    address = f"{filled.folder}@two"
    found, expected = (
        told(*(str(path) if one == "BUNDLE" else one for one in arguments))
        for path in (address, releases["two"].folder)
    )
    for answer in (found, expected):
        answer.pop("path", None)
        answer.pop("next_steps", None)  # commands with the address as it was given
    assert found == expected
