"""Generates the catalogue of a synthetic world: brands, products, shops and their edges.

Products get every trait that matters to buyers. The edges do not depend on users.
"""

from dataclasses import dataclass

import numpy as np

from graphdb.schema import SCHEMA
from graphdb.sources.synthetic.config import (
    CUPS,
    LEVEL_FACTORS,
    Categories,
    Mask,
    Positions,
    Rows,
    Sizes,
    Times,
    Weights,
    WorldConfig,
)
from graphdb.sources.synthetic.draws import (
    DAY,
    SECOND,
    Calendar,
    Edges,
    EdgesByType,
    generator,
    pick,
    zipf_weights,
)
from graphdb.sources.synthetic.tastes import LEVEL_SHARES

HOME = 0
"""The number of the department with the water cups."""

_HOME_BRANDS_EVERY = 4
_BRAND_SKEW = 0.6
_NEW_BRAND_POPULARITY = 0.2


@dataclass(frozen=True, slots=True)
class Brands:
    """Brands by row, in the order they were created.

    Args:
        department: Home is 0.
        level, style: What most of its products are.
        is_new: Created in the last `new_item_days`.
        popularity: Relative weight; determines its number of products.
    """

    created: Times
    is_new: Mask
    department: Rows
    level: Rows
    style: Rows
    popularity: Weights


def make_brands(config: WorldConfig, calendar: Calendar, categories: Categories) -> Brands:
    """Every fourth brand belongs to Home, where the cups are; the others are spread evenly."""
    rng = generator(config.seed, "brands")
    num = config.sizes.brands
    created = calendar.arrivals(rng, num, config.new_item_share)
    is_new = created >= calendar.new_from
    return Brands(
        created=created,
        is_new=is_new,
        department=_departments(num, categories.num_departments),
        level=pick(rng, num, LEVEL_SHARES),
        style=rng.integers(0, config.sizes.styles, num, dtype=np.int32),
        popularity=zipf_weights(rng, num, _BRAND_SKEW)
        * np.where(is_new, _NEW_BRAND_POPULARITY, 1.0),
    )


def _departments(num: int, num_departments: int) -> Rows:
    department = np.zeros(num, dtype=np.int32)
    if num_departments > 1:
        others = np.flatnonzero(np.arange(num) % _HOME_BRANDS_EVERY)
        department[others] = np.arange(len(others)) % (num_departments - 1) + 1
    return department


_LINES_PER_BRAND = 3
_CUP_SHARE = 0.08
_FEWEST_CUPS = 40
_PRODUCT_SKEW = 0.8
_TRUE_TO_BRAND = 0.6
_NEW_PRODUCT_POPULARITY = 0.3
_PRICE_NOISE = 0.1
_OVERHYPED_QUALITY = 0.08


@dataclass(frozen=True, slots=True)
class Products:
    """Products by row, in the order they were created.

    Args:
        level: Price level within its category, 0 (cheapest) to 4.
        style, function, trend: Numbers of words; `Truth.tag_rows` tells which Tag each is.
        brand, category: Rows of Brand and Category.
        appeal: Relative weight of being seen, once it is known.
        popularity: Relative weight of being seen in the period: below the appeal for new items.
        quality: 0 to 1, whatever the popularity.
        return_rate: Chance that a purchase is returned; depends only on the quality.
        overhyped: Among the most popular, but of poor quality.
        is_new: Created in the last `new_item_days`.
    """

    created: Times
    is_new: Mask
    brand: Rows
    category: Rows
    level: Rows
    style: Rows
    function: Rows
    trend: Rows
    appeal: Weights
    popularity: Weights
    quality: Weights
    return_rate: Weights
    overhyped: Mask
    price: Weights

    @property
    def traits(self) -> dict[str, Rows]:
        """What users may look for in a product, by name."""
        return {
            "level": self.level,
            "style": self.style,
            "function": self.function,
            "trend": self.trend,
            "brand": self.brand,
        }

    @property
    def cups(self) -> Positions:
        """Rows of the water cups."""
        return np.flatnonzero(self.category == CUPS)


def make_products(
    config: WorldConfig, calendar: Calendar, categories: Categories, brands: Brands
) -> Products:
    rng = generator(config.seed, "products")
    created, brand = _listings(rng, config, calendar, brands)
    category = _categories(rng, categories, brands.department, brand)
    traits = _traits(rng, config.sizes, brands, brand, category == CUPS)
    num = len(created)
    is_new = created >= calendar.new_from
    appeal = zipf_weights(rng, num, _PRODUCT_SKEW)
    popularity = appeal * np.where(is_new, _NEW_PRODUCT_POPULARITY, 1.0)
    quality, overhyped = _quality(rng, popularity)
    middle = np.array([leaf.price for leaf in categories.leaves])[category]
    factor = np.array(LEVEL_FACTORS)[traits["level"]]
    return Products(
        created=created,
        is_new=is_new,
        brand=brand,
        category=category,
        **traits,
        appeal=appeal,
        popularity=popularity,
        quality=quality,
        return_rate=0.02 + 0.5 * (1 - quality) ** 2,
        overhyped=overhyped,
        price=np.floor(middle * factor * np.exp(rng.normal(0, _PRICE_NOISE, num))) + 0.9,
    )


def _listings(
    rng: np.random.Generator, config: WorldConfig, calendar: Calendar, brands: Brands
) -> tuple[Times, Rows]:
    """Draws when each product was listed, ascending, and its brand; never before the brand."""
    num, num_brands = config.sizes.products, config.sizes.brands
    brand = np.concatenate(
        [
            np.arange(num_brands, dtype=np.int32),  # each brand sells something
            pick(rng, num - num_brands, brands.popularity),
        ]
    )
    brand = brand[np.argsort(brands.department[brand], kind="stable")]
    arrivals = calendar.arrivals(rng, num, config.new_item_share)
    num_new = int(np.count_nonzero(arrivals >= calendar.new_from))
    # New items are spread evenly over the departments, Home first, so that there are new cups.
    new = np.linspace(0, num - 1, num_new, dtype=np.int64)
    listed = np.empty(num, dtype=np.int64)
    listed[new] = arrivals[num - num_new :]
    old = np.setdiff1d(np.arange(num), new)
    listed[old] = rng.permutation(arrivals[: num - num_new])
    after_brand = calendar.later(brands.created[brand], rng.uniform(0.01, 3, num) * DAY)
    listed = np.maximum(listed, after_brand)
    first = int(np.argmin(brand))
    listed[first] = min(
        listed[first], brands.created[0] + SECOND
    )  # there is always a first product
    order = np.argsort(listed, kind="stable")
    return listed[order], brand[order]


def _categories(
    rng: np.random.Generator, categories: Categories, brand_department: Rows, brand: Rows
) -> Rows:
    """A few neighboring leaves per brand; cups come evenly from all of Home, new ones as well."""
    category = np.empty(len(brand), dtype=np.int32)
    line = rng.integers(0, _LINES_PER_BRAND, len(brand))
    for number in range(categories.num_departments):
        leaves = np.flatnonzero(categories.department == number)
        leaves = leaves[leaves != CUPS] if len(leaves) > 1 else leaves
        first_leaf = np.cumsum(brand_department == number) - 1  # another one for each brand
        rows = np.flatnonzero(brand_department[brand] == number)
        category[rows] = leaves[(first_leaf[brand[rows]] + line[rows]) % len(leaves)]
    home = np.flatnonzero(brand_department[brand] == HOME)
    wished = max(round(_CUP_SHARE * len(brand)), min(_FEWEST_CUPS, len(brand) // 4), 1)
    num_cups = min(wished, -(-len(home) // 2))
    category[home[np.linspace(len(home) - 1, 0, num_cups, dtype=np.int64)]] = CUPS
    return category


def _traits(
    rng: np.random.Generator, sizes: Sizes, brands: Brands, brand: Rows, is_cup: Mask
) -> dict[str, Rows]:
    """Most products have their brand's level and style; cups cover everything evenly."""
    num = len(brand)
    level, style = pick(rng, num, LEVEL_SHARES), _any(rng, sizes.styles, num)
    traits = {
        "level": np.where(rng.random(num) < _TRUE_TO_BRAND, brands.level[brand], level),
        "style": np.where(rng.random(num) < _TRUE_TO_BRAND, brands.style[brand], style),
        "function": _any(rng, sizes.functions, num),
        "trend": _any(rng, sizes.trends, num),
    }
    cups = np.flatnonzero(is_cup)
    num_values = (len(LEVEL_FACTORS), sizes.styles, sizes.functions, sizes.trends)
    for values, size in zip(traits.values(), num_values, strict=True):
        values[cups] = rng.permutation(np.arange(len(cups)) % size)
    return traits


def _any(rng: np.random.Generator, num_values: int, num: int) -> Rows:
    return rng.integers(0, num_values, num, dtype=np.int32)


def _quality(rng: np.random.Generator, popularity: Weights) -> tuple[Weights, Mask]:
    """Quality is independent of popularity, but every third best-seller is poor on purpose."""
    num = len(popularity)
    quality = rng.beta(4, 2, num)
    num_best = max(num // 50, 1)
    best = np.argpartition(-popularity, num_best - 1)[:num_best]
    best = best[np.argsort(-popularity[best])]
    overhyped = np.zeros(num, dtype=np.bool_)
    overhyped[best[::3]] = True
    quality[overhyped] = _OVERHYPED_QUALITY
    return quality, overhyped


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


def catalogue_edges(
    config: WorldConfig, categories: Categories, products: Products, shops: Shops
) -> EdgesByType:
    """Returns the edges from products, shops and categories to what they belong to."""
    num = len(products.created)
    product = np.arange(num, dtype=np.int32)
    shop = np.arange(len(shops.brand), dtype=np.int32)
    has_parent = np.flatnonzero(categories.parent >= 0).astype(np.int32)
    edges = {
        "MADE_BY": Edges(product, products.brand, {}),
        "SOLD_BY": _sold_by(config, products, shops),
        "RUN_BY": Edges(shop, shops.brand, {}),
        "IN_CATEGORY": Edges(product, products.category, {}),
        "CHILD_OF": Edges(has_parent, categories.parent[has_parent], {}),
        "TAGGED": Edges(np.tile(product, 3), _tags(config.sizes, products), {}),
    }
    return {SCHEMA.edge_type(relation): of for relation, of in edges.items()}


def _sold_by(config: WorldConfig, products: Products, shops: Shops) -> Edges:
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
    return Edges(
        np.concatenate([product, also]), np.concatenate([products.brand, outlet[also]]), {}
    )


def _tags(sizes: Sizes, products: Products) -> Rows:
    """Tag rows: styles first, then functions, then trends."""
    function = sizes.styles + products.function
    trend = sizes.styles + sizes.functions + products.trend
    return np.concatenate([products.style, function, trend]).astype(np.int32)
