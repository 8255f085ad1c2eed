"""A small shop as CSV files, and ways to break one cell of it."""

from pathlib import Path

import pytest

from graphdb import SCHEMA, open_store
from graphdb.ingestion import ingest
from graphdb.io.mapped_tables import folder_tables

SHOP = {
    "User.csv": "user_id,city\nann,Paris\nbob,\n",
    "Product.csv": (
        "product_id,title,price,created_at\npan,Iron pan,30,2024-05-01\ntea,Green tea,4.5,\n"
    ),
    "Category.csv": "category_id,name\nkitchen,Kitchen\ncups,Cups\n",
    "Category-CHILD_OF-Category.csv": "source_id,target_id\ncups,kitchen\n",
    "Brand.csv": "brand_id,name,private_label\nacme,Acme,false\n",
    "Product-MADE_BY-Brand.csv": "source_id,target_id\npan,acme\n",
    "User-RATED-Product.csv": "source_id,target_id,at,stars\nann,pan,2024-06-09,5\n",
    "User-PURCHASED-Product.csv": (
        "source_id,target_id,at,count,value,channel\n"
        "ann,pan,2024-06-01 10:00:00,1,30,live\n"
        "bob,tea,2024-06-02T08:00:00+08:00,2,9,\n"
    ),
}


@pytest.fixture
def shop(tmp_path) -> Path:
    """A folder with a valid shop, files named after types."""
    folder = tmp_path / "shop"
    folder.mkdir()
    for name, text in SHOP.items():
        (folder / name).write_text(text)
    return folder


@pytest.fixture
def store():
    with open_store("duckdb:") as store:
        yield store


@pytest.fixture
def load(store):
    """Ingests a folder into the empty store and returns the report."""

    def load_folder(folder: Path, **options):
        return ingest(folder_tables(folder, SCHEMA), store, **options)

    return load_folder
