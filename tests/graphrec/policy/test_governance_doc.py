"""docs/governance.md does what it says: its file, commands and code are taken from the page."""

import runpy

import pytest
from pages.markdown import lines_of, run_line, texts

from graphrec import read_policy

PAGE = "docs/governance.md"


def block(language):
    (only,) = texts(PAGE, language)
    return only


@pytest.fixture
def folder(market, tmp_path, monkeypatch):
    (tmp_path / "bundle").symlink_to(market.folder)
    (tmp_path / "policy.toml").write_text(block("toml"))
    (tmp_path / "own-blocks.csv").write_text("user,type,id\nu2,Product,p3\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_file_is_a_policy(folder):
    policy = read_policy(folder / "policy.toml")
    assert [block.reason for block in policy.blocks] == ["RECALLED", "WITHDRAWN"]
    assert len(policy.own_blocks) == 2


def test_the_commands_run(folder):  # noqa: ARG001 - is where they run
    outputs = [run_line(line) for line in lines_of(block("sh"))]
    # p0 lacks a licence, p1 is withdrawn, p3 recalled, p5 of the brand that u2 blocked; p4 is sold
    # out.
    shown = [line.split("│")[2].strip() for line in outputs[0].splitlines() if "│" in line]
    assert sorted(shown) == ["p2", "p6"]
    assert outputs[1].startswith("RECALLED: because of Product p3; until 2100-01-01 00:00 UTC")


def test_the_code_runs(folder, capsys):
    (folder / "page.py").write_text(block("python"))
    runpy.run_path(str(folder / "page.py"))
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "2026-11-24.3 {'RECALLED': 1, 'WITHDRAWN': 1, 'NO_LICENCE': 1}"
    assert said[1] == "RECALLED ('Product', 'p3') 2100-01-01 00:00:00+00:00"
    assert said[2] == "OWN_BLOCK ('User', 'u2') None"
