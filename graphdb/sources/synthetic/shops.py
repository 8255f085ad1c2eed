"""Shops, and the ties of the catalogue that hold whatever anyone does."""

from dataclasses import dataclass

import numpy as np

from graphdb.schema import SCHEMA
from graphdb.sources.synthetic.arrays import Mask, Rows
from graphdb.sources.synthetic.brands import Brands
from graphdb.sources.synthetic.categories import Categories
from graphdb.sources.synthetic.config import Sizes, WorldConfig
from graphdb.sources.synthetic.draws import generator
from graphdb.sources.synthetic.products import Products
from graphdb.sources.synthetic.ties import Ties, TiesByType

_OUTLET_SHARE = 0.2
_IN_OUTLET_SHARE = 0.3


@dataclass(frozen=True, slots=True)
class Shops:
    """Shops by row: first the flagship shop of every brand, then the outlets of large ones."""

    brand: Rows
    flagship: Mask


def make_shops(brands: Brands) -> Shops:
    num = len(brands.created)
    num_outlets = round(num * _OUTLET_SHARE)
    large = np.argsort(-brands.popularity, kind="stable")[:num_outlets]
    brand = np.concatenate([np.arange(num), large]).astype(np.int32)
    return Shops(brand, np.arange(len(brand)) < num)


def catalogue_ties(
    config: WorldConfig, categories: Categories, products: Products, shops: Shops
) -> TiesByType:
    """What ties products, shops and categories to where they belong."""
    num = len(products.created)
    product = np.arange(num, dtype=np.int32)
    shop = np.arange(len(shops.brand), dtype=np.int32)
    has_parent = np.flatnonzero(categories.parent >= 0).astype(np.int32)
    ties = {
        "MADE_BY": Ties(product, products.brand, {}),
        "SOLD_BY": _sold_by(config, products, shops),
        "RUN_BY": Ties(shop, shops.brand, {}),
        "IN_CATEGORY": Ties(product, products.category, {}),
        "CHILD_OF": Ties(has_parent, categories.parent[has_parent], {}),
        "TAGGED": Ties(np.tile(product, 3), _tags(config.sizes, products), {}),
    }
    return {SCHEMA.edge_type(relation): of for relation, of in ties.items()}


def _sold_by(config: WorldConfig, products: Products, shops: Shops) -> Ties:
    """Flagship shops sell all of their brand, outlets some of it."""
    rng = generator(config.seed, "sold by")
    num = len(products.created)
    outlets = np.flatnonzero(~shops.flagship)
    outlet_of = np.full(int(shops.brand.max()) + 1, -1, dtype=np.int32)
    outlet_of[shops.brand[outlets]] = outlets
    outlet = outlet_of[products.brand]
    also = np.flatnonzero((outlet >= 0) & (rng.random(num) < _IN_OUTLET_SHARE)).astype(np.int32)
    product = np.arange(num, dtype=np.int32)
    # The flagship shop of a brand has the brand's row.
    return Ties(np.concatenate([product, also]), np.concatenate([products.brand, outlet[also]]), {})


def _tags(sizes: Sizes, products: Products) -> Rows:
    """Tag rows: styles first, then functions, then trends."""
    function = sizes.styles + products.function
    trend = sizes.styles + sizes.functions + products.trend
    return np.concatenate([products.style, function, trend]).astype(np.int32)
