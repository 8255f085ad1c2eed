import numpy as np
import pytest

from graphdb import SCHEMA
from graphrec import Recommender
from training.report import maps
from training.report.maps import (
    NONE,
    OTHER,
    Categories,
    brand_map,
    makers,
    places,
    product_map,
    product_sales,
)
from training.report.palette import SERIES
from training.report.words import money

PURCHASED = SCHEMA.edge_type("PURCHASED")


@pytest.fixture(scope="module")
def recommender(evaluated):
    return Recommender.open(evaluated / "past")


def names(recommender, node_type, rows):
    ids = [recommender.bundle.id_of(node_type, int(row)) for row in rows]
    return [recommender.fields(node_type, node_id)["name"] for node_id in ids]


def test_a_large_category_gives_way_to_its_parts(recommender):
    """Two roots hold half of the products each; below them are six of a sixth."""
    bundle = recommender.bundle
    rows = np.arange(bundle.num_nodes("Product"))
    found = Categories.of(bundle, rows)
    counts = np.unique(found.of_product, return_counts=True)[1]
    assert counts.tolist() == [8] * 6


def test_a_category_that_is_small_among_those_drawn_stays_whole(recommender):
    """Of product 0, 2 and 4, and one product of the other root in sixteen."""
    bundle = recommender.bundle
    even, odd_ones = np.arange(0, 48, 2), np.arange(1, 8, 2)
    found = Categories.of(bundle, np.concatenate([even, odd_ones]))
    shown = names(recommender, "Category", found.of_product[odd_ones])
    assert set(shown) == {"shelf 7"}  # the root of odd products, 4 of 28
    assert "shelf 6" not in names(recommender, "Category", found.of_product[even])


def test_brands_take_the_category_of_most_of_their_products():
    of_product = np.array([4, 4, 5, 5, 5, NONE, 4])
    made_by = np.array([0, 0, 0, 1, 1, 1, NONE])
    found = Categories(of_product).of_makers(made_by, 3)
    assert found.tolist() == [4, 5, NONE]


def test_every_product_has_its_maker(recommender):
    bundle = recommender.bundle
    shown = [bundle.id_of("Brand", int(row)) for row in makers(bundle)]
    ids = bundle.ids("Product").to_pylist()
    assert shown == [f"b{int(product_id[1:]) % 16}" for product_id in ids]


def test_the_most_sold_are_drawn(recommender, monkeypatch):
    monkeypatch.setattr(maps, "MOST_PRODUCTS", 20)
    drawn = product_map(recommender, PURCHASED)
    sales = product_sales(recommender, PURCHASED)
    assert len(drawn.labels) == 20 and drawn.counted == "20 of 48"
    assert drawn.note.startswith("The products bought most often, by t-SNE")
    least = min(sales[row] for row in np.argsort(-sales, kind="stable")[:20])
    prices = {label.rpartition(" · ")[2] for label in drawn.labels}  # no two are the same
    for row in np.flatnonzero(sales > least):
        product_id = recommender.bundle.id_of("Product", int(row))
        assert money(recommender.fields("Product", product_id)["price"]) in prices


def test_a_brand_map(recommender):
    drawn = brand_map(recommender, PURCHASED)
    assert len(drawn.labels) == 16 and "maker 3 · 3 products" in drawn.labels
    assert drawn.note.startswith("All brands, by t-SNE")
    assert (drawn.groups < len(SERIES)).all() and drawn.num_other == (drawn.groups == OTHER).sum()
    assert sum(number for _, number in drawn.legend) + drawn.num_other == 16


def test_what_is_near_is_near_on_the_map():
    """Three tight bundles of target edge types, of many lengths."""
    rng = np.random.default_rng(0)
    group = np.repeat(np.arange(3), 30)
    vectors = np.eye(40)[group] + 0.05 * rng.standard_normal((90, 40))
    vectors *= rng.uniform(0.1, 100, size=(90, 1))
    found = places(vectors.astype(np.float32))
    assert found.shape == (90, 2) and found.min() == 0 and found.max() == 1
    apart = np.linalg.norm(found[:, None] - found[None], axis=2) + 10 * np.eye(90)
    assert (group[apart.argmin(axis=1)] == group).all()
    assert np.array_equal(found, places(vectors.astype(np.float32)))


def test_too_few_for_a_map(recommender, monkeypatch):
    monkeypatch.setattr(maps, "FEWEST", 49)
    assert product_map(recommender, PURCHASED) is None
    assert brand_map(recommender, PURCHASED) is None
