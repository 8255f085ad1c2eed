"""docs/explain.md does what it says: its commands and its Python are run as they stand there."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from graphrec import Recommender
from graphrec.cli import build_app
from graphrec.explain import search, walks
from graphrec.explain.explainer import LONGEST_HOPS

pytestmark = pytest.mark.slow
PAGE = (Path(__file__).parents[1] / "docs" / "explain.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    assert found
    return found[1]


def test_the_page_is_true(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    said = {}
    for line in block("sh").splitlines():
        command = line.partition("#")[0].split()
        assert command[0] == "graphrec"
        done = CliRunner().invoke(build_app(), command[1:])
        assert done.exit_code == 0, (line, done.output)
        said[" ".join(command[1:])] = done.stdout
    explained = [text for command, text in said.items() if command.startswith("explain ")]
    plain, known, drawn, cypher = explained
    assert plain.startswith("Why Product:p0072 ")
    assert " times, last 20" in known and " times, last 20" not in plain
    assert drawn == f"{known}\ndrawing: why.png\n"
    assert Path("why.png").read_bytes().startswith(b"\x89PNG")
    exec(compile(block("python"), "explain.md", "exec"), {})
    printed = capsys.readouterr().out
    assert printed.startswith(known)
    assert Path("why.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    why = Recommender.open("bundle").explain("User", "u0125", "Product", "p0072")
    assert (why.to_text(), why.to_cypher()) == (plain, cypher)


def test_the_limits_on_the_page_are_those_of_the_code():
    assert f"Paths have {LONGEST_HOPS} edges at most" in PAGE
    assert f"at most {walks.MOST_TIES:,} ties per step" in PAGE
    assert f"({search.MOST_MEETINGS:,} where they meet)" in PAGE
    assert f"at most {search.MOST_PATHS:,} paths of one sequence" in PAGE
    assert (search.COUNTING_PATHS, search.HOP_DISCOUNT) == (10, 1 / 4)
