"""docs/explain.md does what it says: its commands and its Python are run as they stand there."""

import re
from pathlib import Path

import pytest
from pages.markdown import lines_of, read, run_line, texts

from graphrec import Recommender
from graphrec.explain import search, steps
from graphrec.explain.explainer import LONGEST_HOPS

pytestmark = pytest.mark.slow
NAME = "docs/explain.md"
PAGE = read(NAME)


def test_the_page_is_true(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    commands, reasons = texts(NAME, "sh")
    (code,) = texts(NAME, "python")
    said = {line: run_line(line) for line in lines_of(commands)}
    explained = [text for line, text in said.items() if line.startswith("graphrec explain ")]
    plain, known, drawn, cypher = explained
    first, chinese, creators = map(run_line, lines_of(reasons))
    assert all("Product for User u0125" in text for text in (first, chinese))
    assert re.search("买过|看过|浏览过|加购过", chinese) and "Creator for Brand b0012" in creators
    assert plain.startswith("Why Product:p0072 ")
    assert "[VIEWED: 4 times, last 20" in known and "[VIEWED: " not in plain
    assert drawn == f"{known}\ndrawing: why.png\n"
    assert Path("why.png").read_bytes().startswith(b"\x89PNG")
    exec(compile(code, NAME, "exec"), {})
    printed = capsys.readouterr().out
    assert printed.startswith(known)
    assert Path("why.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    why = Recommender.open("bundle").explain("User", "u0125", "Product", "p0072")
    assert (why.to_text(), why.to_cypher()) == (plain, cypher)


def test_the_limits_on_the_page_are_those_of_the_code():
    assert f"Paths have {LONGEST_HOPS} edges at most" in PAGE
    assert f"at most {steps.MOST_EDGES:,} edges per step" in PAGE
    assert f"({search.MOST_MEETINGS:,} where they meet)" in PAGE
    assert f"at most {search.MOST_PATHS:,} paths of one sequence" in PAGE
    assert (search.COUNTING_PATHS, search.HOP_DISCOUNT) == (10, 1 / 4)
