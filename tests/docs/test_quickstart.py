"""docs/quickstart.md, in its order, with what one sees."""

import pytest
from pages.markdown import run

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("demo")]


def test_the_page_is_true(demo, town, monkeypatch):
    _, demo_printed = demo
    folder, town_printed = town
    monkeypatch.chdir(folder)
    run("docs/quickstart.md", known={"./scripts/demo": demo_printed, **town_printed})
