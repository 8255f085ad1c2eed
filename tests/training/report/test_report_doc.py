"""docs/report.md does what it says: its commands and its Python are run as they stand there."""

import re
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from graphdb import open_store
from graphrec.cli import build_app
from training.report import maps
from training.report.sections.groups import MOST_SHOWN

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "report.md").read_text(encoding="utf-8")


def block(language):
    found = re.search(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    assert found
    return found[1]


@pytest.mark.slow
def test_the_commands(evaluated, shop, tmp_path, monkeypatch, capsys):
    """From results on; what comes before is run by the pages on ingest and evaluation."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(evaluated, "evaluations/today")
    shutil.copytree(shop.folder, "snapshot")
    open_store("shop.duckdb").close()
    commands = [line.split() for line in block("sh").splitlines() if line.startswith("graphrec")]
    assert [command[1] for command in commands] == ["ingest", "snapshot", "evaluate", "report"]
    assert commands[2][2:] == ["snapshot", "evaluations/today"]
    done = CliRunner().invoke(build_app(), commands[3][1:])
    assert done.exit_code == 0, done.output
    page = Path("evaluations/today/report.html")
    assert page.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    page.unlink()
    exec(compile(block("python"), "report.md", "exec"), {})
    assert capsys.readouterr().out.startswith("evaluations/today/report.html ")
    assert page.is_file()


def test_numbers_on_the_page_are_those_of_the_code():
    assert f"{maps.MOST_PRODUCTS:,} products and {maps.MOST_BRANDS:,} brands" in PAGE
    assert maps.LARGEST_SHARE == 1 / 4 and "more than a quarter" in PAGE
    assert MOST_SHOWN == 4 and "the three best others" in PAGE
