"""docs/own-data.md, followed from beginning to end in an empty folder."""

import pytest
from pages.markdown import ROOT, run, texts

from graphdb import open_store
from graphdb.schema import extend_schema

pytestmark = pytest.mark.slow
MAPPING, SHOP = "[[table]]", ROOT / "docs" / "examples" / "home-shop"


def test_the_page_is_true(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GRAPHREC", str(ROOT))
    written = tmp_path / "my-shop" / "mapping.toml"

    def write(block):
        if block.language == "toml" and block.text.startswith(MAPPING):
            separator = "\n" if written.exists() else ""
            with written.open("a") as file:
                file.write(separator + block.text)

    run("docs/own-data.md", on_other=write)
    assert written.read_text() == (SHOP / "mapping.toml").read_text()
    with open_store("shop.duckdb", create=False) as store:
        left = {row["reason"] for row in store.read_rejects().to_pylist()}
    assert "there is no Brand glw" not in left and "count is 0, below 1" in left


def test_types_of_your_own(tmp_path):
    (extension,) = [text for text in texts("docs/own-data.md", "toml") if MAPPING not in text]
    (tmp_path / "more.toml").write_text(extension)
    assert extend_schema(tmp_path / "more.toml").edge_type("STORED_IN").target == "Warehouse"
