"""docs/tour.md: every command and every line of code of it runs, and brings something out."""

import re
import runpy

import pytest
from pages.markdown import all_blocks, read

TOWN, SHOP = read("docs/tour.md").split("## A year of real purchases")

# One worker trains the town and runs the demo for all of the pages that look at them.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("demo")]


def code(text):
    return [block.text for block in all_blocks(text) if block.language == "python"]


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


def test_the_town(town, tmp_path, monkeypatch, capsys):
    folder, _ = town
    monkeypatch.chdir(folder)
    (tmp_path / "tour.py").write_text("\n".join(code(TOWN)))
    runpy.run_path(str(tmp_path / "tour.py"))
    printed = capsys.readouterr().out
    found = lists(printed)
    assert list(found) == titles(TOWN)
    assert all(found.values()), [title for title, lines in found.items() if not lines]
    assert all("cup" in line for line in found["water cups up to 60"])
    assert len(found["two new ones, no brand twice"]) == 10
    assert all("popular" in line for line in found["of nobody we know"])
    assert "RECALLED" in printed


def test_the_shop(demo, monkeypatch, capsys):
    folder, _ = demo
    monkeypatch.chdir(folder.parent)
    lines = "\n".join([code(TOWN)[0], *code(SHOP)])
    (folder / "tour.py").write_text(lines.replace('Recommender.open("bundle")', "None"))
    runpy.run_path(str(folder / "tour.py"))
    found = lists(capsys.readouterr().out)
    assert list(found) == titles(SHOP)
    assert all(found.values()), [title for title, lines in found.items() if not lines]
    assert any("bought before" in line for line in found["cat food, also the usual"])
