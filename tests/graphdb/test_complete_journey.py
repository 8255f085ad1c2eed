"""What is derived from sales begins with the first sale, so that a cut-off hides it."""

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from graphdb import SCHEMA
from graphdb.sources.complete_journey import complete_journey_tables


@pytest.fixture(scope="module")
def tables():
    return {table.name: table for table in complete_journey_tables(SCHEMA)}


def read(table):
    return pa.Table.from_batches(list(table.batches(pytest.fail)))


def test_price_bands_begin_with_the_first_sale(tables):
    products, edges = read(tables["Product"]), read(tables["Product-IN_PRICE_BAND-PriceBand"])
    priced = products.filter(pc.is_valid(products["price"])).sort_by("product_id")
    edges = edges.sort_by("source_id")
    assert edges["source_id"].to_pylist() == priced["product_id"].to_pylist()
    assert edges["since"].to_pylist() == priced["created_at"].to_pylist()
    assert edges["since"].null_count == 0
    band = dict(zip(edges["source_id"].to_pylist(), edges["target_id"].to_pylist(), strict=True))
    low, high = map(float, band[priced["product_id"][0].as_py()].split("-"))
    assert low <= priced["price"][0].as_py() < high


def test_products_that_were_never_sold_have_neither_price_nor_shop(tables):
    products, sold = read(tables["Product"]), read(tables["Product-SOLD_BY-Shop"])
    unsold = products.filter(pc.is_null(products["created_at"]))
    assert unsold.num_rows > 0
    assert unsold["price"].null_count == unsold.num_rows
    assert not pc.any(pc.is_in(unsold["product_id"], value_set=sold["source_id"])).as_py()
