"""README.md: its commands, after the demo, and its code."""

import json
import re

import pytest
from pages.markdown import read, run

PAGE = "README.md"


@pytest.mark.slow
@pytest.mark.xdist_group("demo")
def test_the_page_is_true(demo, monkeypatch):
    folder, printed = demo
    monkeypatch.chdir(folder.parent)
    # The demo has run; ./scripts/test is what runs this.
    run(PAGE, known={"./scripts/demo": printed, "./scripts/test": ""})
    assert (folder.parent / "why.png").read_bytes().startswith(b"\x89PNG")


WEEKS = {
    "all products": "last four weeks, all products",
    "bought before": "the same, bought before",
    "new brands": "the same, brands new to the household",
    "new products": "the same, products new to the household",
    "new categories": "the same, categories new to the household",
}


def measured(task):
    """The recall of every model in a task on Complete Journey, by kind and name."""
    found = {}
    for name in ("weeks", "weeks-svd-graph-popularity", "weeks-intervals", "habits"):
        (content,) = json.loads(read(f"docs/benchmarks/{name}.json"))["tables"]
        for row in content["rows"]:
            value = row.get(f"{task}, recall@20")
            if row.get("question") == f"{task}, recall@20":
                value = row["value"]
            if value is not None:
                found[row["kind"], row["model"]] = value
    return found


@pytest.mark.parametrize("task", WEEKS)
def test_the_strongest_baseline_stands_beside_each_figure(task):
    (row,) = [line for line in read(PAGE).splitlines() if WEEKS[task] in line]
    _, _, ours, beside, _ = row.split("|")
    found = measured(task)
    strongest = max(value for (kind, _), value in found.items() if kind == "baseline")
    assert f"{strongest:.4f}".removeprefix("0") in beside
    mine = {f"{value:.4f}"[1:] for (kind, _), value in found.items() if kind == "graphrec"}
    figures = set(re.findall(r"(?<!\d)\.\d{4}", ours))
    assert figures and figures <= mine
    assert max(mine) in figures  # and ours is not a weaker one either


def test_its_figures_are_those_of_the_benchmarks():
    table = re.search(r"## Measured\n(.*?)\n## ", read(PAGE), re.DOTALL)
    assert table
    figures, measured = (
        re.findall(r"(?<![\w.])\d*\.\d+", text) for text in (table[1], read("docs/benchmarks.md"))
    )
    assert len(figures) > 20
    assert set(figures) - set(measured) == set()
