"""README.md: its commands, after the demo, and its code."""

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


def test_its_figures_are_those_of_the_benchmarks():
    table = re.search(r"## Measured\n(.*?)\n## ", read(PAGE), re.DOTALL)
    assert table
    figures, measured = (
        re.findall(r"(?<![\w.])\d*\.\d+", text) for text in (table[1], read("docs/benchmarks.md"))
    )
    assert len(figures) > 20
    assert set(figures) - set(measured) == set()
