"""Plants the tastes of people and draws nodes by popularity and taste.

A taste is a price level, a style, a function, a trend, categories and brands. Draws are made in
bulk: products to view, contents to watch, creators to follow.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from graphdb.sources.synthetic.config import LEVEL_FACTORS, Positions, Rows, Sizes, Times, Weights
from graphdb.sources.synthetic.draws import pick, zipf_weights

_CHUNK = 500_000
_PICKINESS = 2.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """The wanted category, and the wanted value per trait (style, level, ...), of each draw."""

    category: Rows
    traits: Mapping[str, Rows]

    def part(self, which: Positions) -> "Wanted":
        return Wanted(
            self.category[which], {name: values[which] for name, values in self.traits.items()}
        )


class _Groups:
    """Rows by group, drawn by weight within a group."""

    def __init__(self, group: Positions, num_groups: int, weight: Weights) -> None:
        self.order = np.argsort(group, kind="stable").astype(np.int32)
        counts = np.bincount(group, minlength=num_groups)
        self.starts = np.concatenate([[0], np.cumsum(counts)])
        self.sums = np.concatenate([[0.0], np.cumsum(weight[self.order])])

    def draw(self, rng: np.random.Generator, group: Positions) -> Rows:
        """Draws one row per given group; -1 if the group is empty."""
        first, end = self.starts[group], self.starts[group + 1]
        low = self.sums[first]
        at = low + rng.random(len(group)) * (self.sums[end] - low)
        position = np.searchsorted(self.sums, at, side="right") - 1
        position = np.clip(position, first, np.maximum(end - 1, first))
        return np.where(end > first, self.order[np.minimum(position, len(self.order) - 1)], -1)


class Shelf:
    """Nodes of one type with their popularity and traits.

    Args:
        created: Ascending; a node is never drawn for a time before its creation.
        popularity: Positive weights.
        category: Category per row.
        traits: Values per row for each trait, from 0 on.
        num_values: The number of values of each trait and "category", wanted ones included.
    """

    def __init__(
        self,
        created: Times,
        popularity: Weights,
        category: Rows,
        traits: Mapping[str, Rows],
        num_values: Mapping[str, int],
    ) -> None:
        self._created = created
        self._sums = np.cumsum(popularity)
        self._category = category
        self._traits = traits
        self._num_values = num_values
        num_categories = num_values["category"]
        self._in_category = _Groups(category.astype(np.int64), num_categories, popularity)
        self._in_category_with = {
            name: _Groups(
                category.astype(np.int64) * num_values[name] + values,
                num_categories * num_values[name],
                popularity,
            )
            for name, values in traits.items()
        }

    def draw(self, rng: np.random.Generator, at: Times, wanted: Wanted, strength: float) -> Rows:
        """Draws one row per time.

        Args:
            at: Times, not before the creation of the first node.
            strength: Chance that a draw follows the taste, and not popularity alone.
        """
        rows = np.empty(len(at), dtype=np.int32)
        for first in range(0, len(at), _CHUNK):  # chunks stay in the cache and bound the memory
            part = np.arange(first, min(first + _CHUNK, len(at)))
            rows[part] = self._by_popularity(rng, at[part])
            led = part[rng.random(len(part)) < strength]
            rows[led] = self._by_taste(rng, rows[led], at[led], wanted.part(led))
        return rows

    def matches(self, rows: Rows, wanted: Wanted) -> npt.NDArray[np.int8]:
        """Returns how many wanted values each row has: category and traits count one each."""
        number: npt.NDArray[np.int8] = (self._category[rows] == wanted.category).astype(np.int8)
        for name, values in self._traits.items():
            number += values[rows] == wanted.traits[name]
        return number

    def _by_popularity(self, rng: np.random.Generator, at: Times) -> Rows:
        last = np.searchsorted(self._created, at, side="right") - 1
        drawn = np.searchsorted(self._sums, rng.random(len(at)) * self._sums[last], side="right")
        return np.minimum(drawn, last).astype(np.int32)

    def _by_taste(self, rng: np.random.Generator, rows: Rows, at: Times, wanted: Wanted) -> Rows:
        """One of a few candidates: `rows`, and popular ones in the category with each trait.

        The odds are exp(pickiness x matches), drawn with Gumbel's trick: a better match wins more
        often, but not always.
        """
        best = rows.copy()
        best_score = self._score(rng, rows, wanted)
        for candidates in self._candidates(rng, wanted):
            there = (candidates >= 0) & (self._created[candidates] <= at)
            score = self._score(rng, candidates, wanted)
            better = there & (score > best_score)
            best[better] = candidates[better]
            best_score[better] = score[better]
        return best

    def _candidates(self, rng: np.random.Generator, wanted: Wanted) -> Iterator[Rows]:
        category = wanted.category.astype(np.int64)
        yield self._in_category.draw(rng, category)
        for name, groups in self._in_category_with.items():
            yield groups.draw(rng, category * self._num_values[name] + wanted.traits[name])

    def _score(self, rng: np.random.Generator, rows: Rows, wanted: Wanted) -> Weights:
        return _PICKINESS * self.matches(rows, wanted) + rng.gumbel(size=len(rows))


LEVEL_SHARES = (0.18, 0.24, 0.26, 0.2, 0.12)
"""How common each price level is, among products and among people."""

_MOST_HOMES = 3
_HOME_SHARES = (0.5, 0.3, 0.2)
_CATEGORY_SKEW = 0.3


@dataclass(frozen=True, slots=True)
class Tastes:
    """The taste of each person, by row.

    Args:
        level: Price level, 0 (cheapest) to 4.
        style, function, trend: Numbers of words; `Truth.tag_rows` tells which Tag each is.
        categories: Home categories (Category rows), the favourite first, shape [people, up to 3].
        brands: Favourite brands (Brand rows), shape [people, 2]; both may be equal.
    """

    level: Rows
    style: Rows
    function: Rows
    trend: Rows
    categories: Rows
    brands: Rows

    @property
    def traits(self) -> dict[str, Rows]:
        """The tastes with a single value, by name."""
        return {
            "level": self.level,
            "style": self.style,
            "function": self.function,
            "trend": self.trend,
        }

    def home(self, rng: np.random.Generator, people: Rows) -> Rows:
        """Draws one of the home categories of each person."""
        slot = pick(rng, len(people), _HOME_SHARES[: self.categories.shape[1]])
        return self.categories[people, slot]

    def wanted(self, rng: np.random.Generator, people: Rows, category: Rows) -> Wanted:
        """Returns what each person wants in a category; one favourite brand at a time."""
        slot = rng.integers(0, self.brands.shape[1], len(people))
        traits = {name: values[people] for name, values in self.traits.items()}
        return Wanted(category, {**traits, "brand": self.brands[people, slot]})


def num_values(sizes: Sizes) -> Mapping[str, int]:
    """The number of possible values of a category or trait."""
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
    """Draws tastes for `num` people; all parts are independent except the brands.

    Args:
        niches: The favourite category of each, if already known.
        brand_shelf: Products by category, level and style: favourite brands sell matching products.
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
    """Draws distinct categories per person, with exponential clocks as in `choose`."""
    weights = zipf_weights(rng, num_categories, _CATEGORY_SKEW).astype(np.float32)
    rings = rng.standard_exponential((num, num_categories), dtype=np.float32) / weights
    if niches is not None:
        rings[np.arange(num), niches] = 0
    few = min(_MOST_HOMES, num_categories)
    homes = np.argpartition(rings, few - 1, axis=1)[:, :few]
    order = np.argsort(np.take_along_axis(rings, homes, axis=1), axis=1)
    return np.take_along_axis(homes, order, axis=1).astype(np.int32)
