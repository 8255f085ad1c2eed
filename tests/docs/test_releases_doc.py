"""docs/releases.md does what it says: its commands and its code are run as they stand there."""

import re
import runpy
import shlex
from pathlib import Path

import numpy as np
import pytest
from contracts.market import IDS, make_market
from typer.testing import CliRunner

from graphrec.cli import build_app
from graphrec.compare.lists import PERSISTENCE
from graphrec.registry.promotions import CURRENT_NAME, HISTORY_NAME

PAGE = (Path(__file__).parents[2] / "docs" / "releases.md").read_text(encoding="utf-8")


def block(language):
    (found,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return found


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where monday's and tuesday's bundles are."""
    monday = make_market(tmp_path / "runs" / "monday")
    vectors = {name: np.array(monday.vectors(name)) for name in IDS}
    vectors["User"] *= -1
    make_market(tmp_path / "runs" / "tuesday", vectors=vectors)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run_commands():
    said = []
    for line in block("sh").splitlines():
        result = CliRunner().invoke(build_app(), shlex.split(line, comments=True)[1:])
        assert result.exit_code == 0, (line, result.output)
        said.append(result.stdout)
    return said


def test_the_commands_run(folder):
    said = run_commands()
    assert said[0] == "monday is current.\n"
    assert "User -> Product" in said[1]
    assert said[2] == "tuesday is current in place of monday.\n"
    assert "Product for User u2" in said[3]
    assert said[4] == "monday is current in place of tuesday.\n"
    assert said[5] == "tuesday is current in place of monday.\n"
    assert re.search(r"│ \* +│ tuesday ", said[6])
    assert said[7].count("│ rollback") == 1
    assert "removed" not in said[8]
    names = {path.name for path in (folder / "shop").rglob("*") if "releases" not in path.parts}
    assert names <= {CURRENT_NAME, HISTORY_NAME, "lock"} and len(names) == 3
    assert all(name in block("text") for name in names)


def test_the_code_runs(folder, capsys):
    run_commands()
    (folder / "page.py").write_text(block("python"))
    runpy.run_path(str(folder / "page.py"))
    ids, same, other, *history = capsys.readouterr().out.splitlines()
    assert ids.count("'p") == 3
    assert (same, other) == ("False", "True")
    assert [line.split()[:2] for line in history] == [
        ["monday", "promote"],
        ["tuesday", "promote"],
        ["monday", "rollback"],
        ["tuesday", "promote"],
        ["monday", "rollback"],
    ]


def test_the_numbers_on_the_page_are_those_of_the_code():
    assert f"p = {PERSISTENCE:.1f}".replace("0.", ".") in PAGE
