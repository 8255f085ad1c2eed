"""docs/from-pandas.md: from frames to answers, as its reader types it."""

import pytest
from pages.markdown import ROOT, run, texts

pytestmark = pytest.mark.slow


def test_the_page_is_true(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GRAPHREC", str(ROOT))
    run("docs/from-pandas.md")


def test_it_is_twenty_lines():
    lines = texts("docs/from-pandas.md", "python")[0].splitlines()
    assert len([line for line in lines if line]) <= 20
