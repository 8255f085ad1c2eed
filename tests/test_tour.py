"""docs/tour.md: every command and every line of code of it runs, and brings something out."""

import re
import runpy
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from graphrec.cli import build_app

PAGE = Path(__file__).parents[1] / "docs" / "tour.md"
TOWN, SHOP = PAGE.read_text(encoding="utf-8").split("## A year of real purchases")


def blocks(text, language):
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def titles(text):
    return re.findall(r'show\(\s*"([^"]+)"', text)


def lists(printed):
    """What `show` printed: {title: lines}."""
    found, title = {}, None
    for line in printed.splitlines():
        if re.match(r" *\d+ +-?\d+\.\d{3}  ", line):
            found[title].append(line)
        elif line in titles(TOWN + SHOP):
            title = line
            found[title] = []
    return found


@pytest.mark.slow
def test_the_town(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (commands,) = blocks(TOWN, "sh")
    for line in commands.splitlines():
        result = CliRunner().invoke(build_app(), shlex.split(line)[1:])
        assert result.exit_code == 0, result.output
    (tmp_path / "tour.py").write_text("\n".join(blocks(TOWN, "python")))
    runpy.run_path("tour.py")
    printed = capsys.readouterr().out
    found = lists(printed)
    assert list(found) == titles(TOWN)
    assert all(found.values()), [title for title, lines in found.items() if not lines]
    assert all("cup" in line for line in found["water cups up to 60"])
    assert len(found["two new ones, no brand twice"]) == 10
    assert all("popular" in line for line in found["of nobody we know"])
    assert "RECALLED" in printed


@pytest.mark.slow
@pytest.mark.xdist_group("demo")
def test_the_shop(demo, monkeypatch, capsys):
    folder, _ = demo
    monkeypatch.chdir(folder.parent)
    code = "\n".join([blocks(TOWN, "python")[0], *blocks(SHOP, "python")])
    (folder / "tour.py").write_text(code.replace('Recommender.open("bundle")', "None"))
    runpy.run_path(str(folder / "tour.py"))
    found = lists(capsys.readouterr().out)
    assert list(found) == titles(SHOP)
    assert all(found.values()), [title for title, lines in found.items() if not lines]
    assert any("bought before" in line for line in found["cat food, also the usual"])
