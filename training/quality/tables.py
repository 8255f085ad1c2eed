"""Makes one quality table per type from a graph's events."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field

from graphdb.checked_schema import Schema
from graphrec.adjacency import sources_of
from graphrec.bundle import Adjacency, Quality, QualityPart, QualityRule
from graphrec.bundle.quality import (
    COUNTS,
    PAID,
    QUALITY,
    QUALITY_SCHEMA,
    RATING,
    REPEAT_RATE,
    RETURN_RATE,
)
from training.data import STARS, HeteroData
from training.quality.counts import (
    PRODUCT,
    Counts,
    categories_of,
    counts_of_products,
    products_of,
    summed,
)
from training.quality.shrinkage import (
    Sums,
    Values,
    likeliest_strength,
    shrunk,
    variance_within,
)

_SMALLEST = 1e-9


class QualityConfig(BaseModel):
    """The weights of the parts of quality; those with data are scaled to sum to 1."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    kept: float = Field(default=0.4, gt=0, le=1)
    """The weight of the share of purchases that were not returned."""

    stars: float = Field(default=0.4, gt=0, le=1)
    """The weight of the mean rating, between the fewest and the most stars."""

    repeat: float = Field(default=0.2, gt=0, le=1)
    """The weight of the share of buyers who bought again, relative to what the category expects."""


@dataclass(frozen=True, slots=True, eq=False)
class _Estimates:
    """One part of every node of a type.

    Args:
        expected: The expectation from its category, or from its products' categories.
        values: The estimates, shrunk towards it.
    """

    expected: Values
    values: Values
    strength: float


def quality_tables(
    graph: HeteroData, schema: Schema, config: QualityConfig | None = None
) -> dict[str, Quality]:
    """Computes the quality of products, brands, shops and creators from a graph's events.

    Returns:
        Per node type a table in row order. Empty without any return, rating or repeat purchase; no
        table for types without products.
    """
    config = config or QualityConfig()
    products = counts_of_products(graph, schema)
    parts = _sums_of(products)
    if not parts:
        return {}
    categories = categories_of(graph, schema)
    of_products = {
        name: _estimated(sums, _expected_in_categories(sums, categories))
        for name, sums in parts.items()
    }
    stars = _range_of_stars(schema) if RATING in parts else (0.0, 1.0)
    tables = {PRODUCT: _table(products, parts, of_products, config, stars)}
    for node_type, members in products_of(graph, schema).items():
        counts = products.grouped(members)
        sums = {name: found for name, found in _all_sums(counts).items() if name in parts}
        estimates = {
            name: _estimated(
                of_groups, _expected_of_groups(parts[name], of_products[name], members)
            )
            for name, of_groups in sums.items()
        }
        tables[node_type] = _table(counts, parts, estimates, config, stars)
    return tables


def _all_sums(counts: Counts) -> dict[str, Sums]:
    return {
        RETURN_RATE: Sums(counts.num_returns, counts.num_orders),
        RATING: Sums(counts.stars, counts.num_ratings, counts.squared_stars),
        REPEAT_RATE: Sums(counts.num_repeat_buyers, counts.num_buyers),
    }


def _sums_of(products: Counts) -> dict[str, Sums]:
    """Returns the parts with data: at least one return, rating or repeat purchase."""
    return {name: sums for name, sums in _all_sums(products).items() if sums.totals.any()}


def _estimated(sums: Sums, expected: Values) -> _Estimates:
    strength = likeliest_strength(sums, expected, variance_within(sums))
    return _Estimates(expected, shrunk(sums, expected, strength), strength)


def _expected_in_categories(sums: Sums, categories: Adjacency | None) -> Values:
    """Returns the expectation of each product from the other products of its categories.

    A category's mean is shrunk towards that of all products; a product in several has their
    average.
    """
    overall = np.full(len(sums.totals), sums.mean)
    if categories is None:
        return overall
    product, category = sources_of(categories), categories.indices
    totals, num = (
        summed(category, values[product], categories.num_targets)
        for values in (sums.totals, sums.num)
    )
    mean = np.full(len(totals), sums.mean)
    strength = likeliest_strength(Sums(totals, num), mean, variance_within(sums))
    # Without the product itself: a single product would be compared with itself.
    others = Sums(totals[category] - sums.totals[product], num[category] - sums.num[product])
    expected = shrunk(others, mean[category], strength)
    num_categories = categories.degrees()
    average = summed(product, expected, len(overall)) / np.maximum(num_categories, 1)
    return np.where(num_categories > 0, average, overall)


def _expected_of_groups(sums: Sums, products: _Estimates, members: Adjacency) -> Values:
    """Returns the expectation of each group from the categories of its products.

    Products are weighted by their observations; equally if there are none.
    """
    group, product = sources_of(members), members.indices
    weights = np.maximum(sums.num[product], _SMALLEST)
    totals, num = (
        summed(group, values, members.num_sources)
        for values in (weights * products.expected[product], weights)
    )
    known = num > 0
    means: Values = np.where(known, totals / np.where(known, num, 1.0), sums.mean)
    return means


def _range_of_stars(schema: Schema) -> tuple[float, float]:
    """Returns the fewest and the most stars that the schema allows."""
    ends = {column.name: column for column in schema.relation("RATED").columns}[STARS]
    assert ends.minimum is not None and ends.maximum is not None  # the schema declares both
    return ends.minimum, ends.maximum


def _parts(estimates: Mapping[str, _Estimates], stars: tuple[float, float]) -> dict[str, Values]:
    """Scales every part to [0, 1], where higher is better."""
    parts: dict[str, Values] = {}
    for name, found in estimates.items():
        if name == RETURN_RATE:
            parts[name] = 1 - found.values
        elif name == RATING:
            parts[name] = (found.values - stars[0]) / (stars[1] - stars[0])
        else:
            expected = np.maximum(found.expected, _SMALLEST)
            values = np.maximum(found.values, _SMALLEST)
            parts[name] = values / (values + expected)
    return parts


def _table(
    counts: Counts,
    products: Mapping[str, Sums],
    estimates: Mapping[str, _Estimates],
    config: QualityConfig,
    stars: tuple[float, float],
) -> Quality:
    asked = {RETURN_RATE: config.kept, RATING: config.stars, REPEAT_RATE: config.repeat}
    whole = sum(asked[name] for name in estimates)
    weights = {name: asked[name] / whole for name in estimates}
    parts = _parts(estimates, stars)
    quality = np.clip(sum(weights[name] * parts[name] for name in estimates), 0.0, 1.0)
    num_nodes = len(counts.num_orders)
    columns: dict[str, npt.NDArray[np.generic] | pa.Array] = {
        field.name: pa.nulls(num_nodes, field.type) for field in QUALITY_SCHEMA
    }
    columns[QUALITY] = quality
    if counts.num_priced.any():
        known = counts.num_priced > 0
        per_order = counts.paid / np.where(known, counts.num_priced, 1.0)
        columns[PAID] = pa.array(per_order, mask=~known)
    columns |= {name: found.values for name, found in estimates.items()}
    columns |= {name: getattr(counts, name).astype(np.int64) for name in COUNTS}
    rule = QualityRule(
        parts={
            name: QualityPart(
                weight=weights[name], mean=products[name].mean, prior_strength=found.strength
            )
            for name, found in estimates.items()
        }
    )
    return Quality(pa.table(columns, schema=QUALITY_SCHEMA), rule)
