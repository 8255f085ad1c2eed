"""What people like: a price level, a style, a function, a trend, categories and brands."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from graphdb.sources.synthetic.arrays import Rows
from graphdb.sources.synthetic.categories import LEVEL_FACTORS
from graphdb.sources.synthetic.config import Sizes
from graphdb.sources.synthetic.draws import pick, zipf_weights
from graphdb.sources.synthetic.shelf import Shelf, Wanted

LEVEL_SHARES = (0.18, 0.24, 0.26, 0.2, 0.12)
"""How common each price level is, among products and among people."""

_MOST_HOMES = 3
_HOME_SHARES = (0.5, 0.3, 0.2)
_CATEGORY_SKEW = 0.3


@dataclass(frozen=True, slots=True)
class Tastes:
    """What each of some people likes, by row.

    Args:
        level: Price level, 0 (cheapest) to 4.
        style, function, trend: Numbers of words; `Truth.tag_rows` tells which Tag each is.
        categories: Home categories (Category rows), best loved first, shape [people, up to 3].
        brands: Favourite brands (Brand rows), shape [people, 2]; may be the same one twice.
    """

    level: Rows
    style: Rows
    function: Rows
    trend: Rows
    categories: Rows
    brands: Rows

    @property
    def traits(self) -> dict[str, Rows]:
        """The tastes that are one value each, by name."""
        return {
            "level": self.level,
            "style": self.style,
            "function": self.function,
            "trend": self.trend,
        }

    def home(self, rng: np.random.Generator, people: Rows) -> Rows:
        """One of the home categories of each of these people."""
        slot = pick(rng, len(people), _HOME_SHARES[: self.categories.shape[1]])
        return self.categories[people, slot]

    def wanted(self, rng: np.random.Generator, people: Rows, category: Rows) -> Wanted:
        """What each of these people looks for in a category; one favourite brand at a time."""
        slot = rng.integers(0, self.brands.shape[1], len(people))
        traits = {name: values[people] for name, values in self.traits.items()}
        return Wanted(category, {**traits, "brand": self.brands[people, slot]})


def num_values(sizes: Sizes) -> Mapping[str, int]:
    """How many values a category or trait can have."""
    return {
        "category": sizes.leaf_categories,
        "level": len(LEVEL_FACTORS),
        "style": sizes.styles,
        "function": sizes.functions,
        "trend": sizes.trends,
        "brand": sizes.brands,
    }


def plant_tastes(
    rng: np.random.Generator,
    num: int,
    sizes: Sizes,
    niches: Rows | None,
    brand_shelf: Shelf,
    brand_of: Rows,
    end: int,
) -> Tastes:
    """Tastes for `num` people, each dimension independent of the others but for the brands.

    Args:
        niches: The best loved category of each, where that is settled already.
        brand_shelf: Products by category, level and style: favourite brands sell what one likes.
        brand_of: Brand per product.
    """
    level = pick(rng, num, LEVEL_SHARES)
    style = rng.integers(0, sizes.styles, num, dtype=np.int32)
    categories = _home_categories(rng, num, sizes.leaf_categories, niches)
    at = np.full(num, end, dtype=np.int64)
    brands = [
        brand_of[brand_shelf.draw(rng, at, Wanted(home, {"level": level, "style": style}), 1.0)]
        for home in (categories[:, 0], categories[:, min(1, categories.shape[1] - 1)])
    ]
    return Tastes(
        level=level,
        style=style,
        function=rng.integers(0, sizes.functions, num, dtype=np.int32),
        trend=rng.integers(0, sizes.trends, num, dtype=np.int32),
        categories=categories,
        brands=np.stack(brands, axis=1),
    )


def _home_categories(
    rng: np.random.Generator, num: int, num_categories: int, niches: Rows | None
) -> Rows:
    """Distinct categories per person, by exponential clocks as in `choose`."""
    weights = zipf_weights(rng, num_categories, _CATEGORY_SKEW).astype(np.float32)
    rings = rng.standard_exponential((num, num_categories), dtype=np.float32) / weights
    if niches is not None:
        rings[np.arange(num), niches] = 0
    few = min(_MOST_HOMES, num_categories)
    homes = np.argpartition(rings, few - 1, axis=1)[:, :few]
    order = np.argsort(np.take_along_axis(rings, homes, axis=1), axis=1)
    return np.take_along_axis(homes, order, axis=1).astype(np.int32)
