"""docs/cookbook.md and docs/quality.md: every answer is what the page says."""

import pytest
from pages.markdown import run

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("demo")]


@pytest.mark.parametrize("page", ["docs/cookbook.md", "docs/quality.md"])
def test_the_page_is_true(page, town, monkeypatch):
    folder, printed = town
    monkeypatch.chdir(folder)
    run(page, known=printed)
