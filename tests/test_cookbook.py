"""docs/cookbook.md: every answer is what the page says."""

import pytest
from pages.markdown import run

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("demo")]


def test_the_page_is_true(town, monkeypatch):
    folder, printed = town
    monkeypatch.chdir(folder)
    run("docs/cookbook.md", known=printed)
