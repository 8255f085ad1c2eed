"""docs/own-data.md does what it says: its files are taken from the page and ingested."""

import re
from pathlib import Path

from graphdb import SCHEMA
from graphdb.ingest import ingest
from graphdb.schema_toml import extend_schema
from graphdb.sources.tables import folder_tables

PAGE = Path(__file__).parents[2] / "docs" / "own-data.md"


def test_the_page_is_true(tmp_path, store):
    blocks = re.findall(r"```(csv|toml)\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    (_, catalogue), (_, orders), (_, mapping), (_, schema) = blocks
    (tmp_path / "catalogue.csv").write_text(catalogue)
    (tmp_path / "orders-2024.csv").write_text(orders)
    (tmp_path / "mapping.toml").write_text(mapping)

    report = ingest(folder_tables(tmp_path, SCHEMA), store)

    (reject,) = store.read_rejects().to_pylist()
    assert (reject["file"], reject["row"], reject["reason"]) == (
        "orders-2024.csv",
        3,
        "count is 0, below 1",
    )
    counts = {str(of): number for of, number in store.counts().items() if number}
    assert counts == {
        "User": 2,
        "Product": 3,
        "Brand": 2,
        "Category": 2,
        "Tag": 2,
        "PriceBand": 3,
        "User-PURCHASED-Product": 2,
        "Product-MADE_BY-Brand": 2,
        "Product-IN_CATEGORY-Category": 3,
        "Product-IN_PRICE_BAND-PriceBand": 3,
        "Product-TAGGED-Tag": 3,
    }
    assert report.rejected == 1

    (tmp_path / "more.toml").write_text(schema)
    extended = extend_schema(tmp_path / "more.toml")
    assert extended.edge_type("STORED_IN").target == "Warehouse"
