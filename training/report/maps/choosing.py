"""Which nodes a map shows, and what it tells of them."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from graphdb.schema_types import EdgeType
from graphrec import Recommender
from training.report.maps.categories import NONE, Categories, makers
from training.report.maps.drawing import OTHER, NodeMap
from training.report.maps.projection import FEWEST, places
from training.report.palette import SERIES
from training.report.words import money, plural

Rows = npt.NDArray[np.int64]

MOST_PRODUCTS, MOST_BRANDS = 3000, 1500
"""t-SNE of 3,000 takes some 15 seconds of processor time."""
_PRODUCT, _BRAND = "Product", "Brand"
_RADII = ((1500, 3.0), (400, 4.0), (0, 5.5))


def product_map(recommender: Recommender, direction: EdgeType) -> NodeMap | None:
    """The best-selling products, coloured by category; None without products to draw."""
    bundle = recommender.bundle
    if _PRODUCT not in bundle.node_types or not bundle.has_vectors(_PRODUCT):
        return None
    sales = product_sales(recommender, direction)
    rows = _drawn(sales, bundle.vectors(_PRODUCT), MOST_PRODUCTS)
    if rows is None:
        return None
    categories = Categories.of(bundle, rows)

    def label(row: int) -> str:
        fields = recommender.fields(_PRODUCT, bundle.id_of(_PRODUCT, row))
        named = [fields.get("title") or bundle.id_of(_PRODUCT, row), fields.get("brand")]
        price = fields.get("price")
        words = [str(name) for name in named if name]
        return " · ".join(words if price is None else [*words, money(price)])

    of_node = None if categories is None else categories.of_product[rows]
    return _map_of(recommender, _PRODUCT, rows, of_node, label, "most often taken")


def brand_map(recommender: Recommender, direction: EdgeType) -> NodeMap | None:
    """Brands, coloured by the category of most of their products; None without brands to draw."""
    bundle = recommender.bundle
    if _BRAND not in bundle.node_types or not bundle.has_vectors(_BRAND):
        return None
    made_by = makers(bundle)
    if made_by is None:
        return None
    known = made_by != NONE
    num_brands = bundle.num_nodes(_BRAND)
    sizes = np.bincount(made_by[known], minlength=num_brands)
    sold = product_sales(recommender, direction)[known]
    sales = np.bincount(made_by[known], weights=sold, minlength=num_brands)
    rows = _drawn(sales.astype(np.int64), bundle.vectors(_BRAND), MOST_BRANDS)
    if rows is None:
        return None
    categories = Categories.of(bundle, np.flatnonzero(np.isin(made_by, rows)))

    def label(row: int) -> str:
        brand_id = bundle.id_of(_BRAND, row)
        name = recommender.fields(_BRAND, brand_id).get("name") or brand_id
        return f"{name} · {sizes[row]:,} products"

    of_node = None if categories is None else categories.of_makers(made_by, num_brands)[rows]
    return _map_of(recommender, _BRAND, rows, of_node, label, "whose products are most often taken")


def product_sales(recommender: Recommender, direction: EdgeType) -> Rows:
    """How many seeds took each product, by the evaluated edges; 0 where these say nothing of it."""
    bundle = recommender.bundle
    if direction.target != _PRODUCT or not bundle.has_edges(direction):
        return np.zeros(bundle.num_nodes(_PRODUCT), dtype=np.int64)
    return np.bincount(bundle.edges(direction).indices, minlength=bundle.num_nodes(_PRODUCT))


def _drawn(sales: Rows, vectors: npt.NDArray[np.float32], most: int) -> Rows | None:
    """The rows with a vector of which most was sold, ascending; None where there are few."""
    known = np.flatnonzero(np.linalg.norm(vectors, axis=1) > 0)
    if len(known) < FEWEST:
        return None
    best: Rows = known[np.argsort(-sales[known], kind="stable")[:most]]
    return np.sort(best)


def _map_of(
    recommender: Recommender,
    node_type: str,
    rows: Rows,
    categories: Rows | None,
    label: Callable[[int], str],
    chosen: str,
) -> NodeMap:
    groups, legend = _groups(recommender, categories, len(rows))
    name = plural(node_type)
    known = recommender.bundle.num_nodes(node_type)
    which = f"All {known:,}" if len(rows) == known else f"The {len(rows):,} of {known:,} {name}"
    return NodeMap(
        name=f"map-{name}",
        title=f"Map of {name}",
        places=places(recommender.bundle.vectors(node_type)[rows]),
        labels=tuple(label(int(row)) for row in rows),
        groups=groups,
        legend=legend,
        num_other=int((groups == OTHER).sum()),
        note=f"{which} {name if len(rows) == known else chosen}, by t-SNE of the directions of "
        "their vectors: near each other means alike to the model. "
        "Distances between far groups mean nothing.",
        radius=next(radius for least, radius in _RADII if len(rows) >= least),
    )


def _groups(
    recommender: Recommender, categories: Rows | None, num_nodes: int
) -> tuple[Rows, tuple[tuple[str, int], ...]]:
    """The place of each node's category among the largest ones, and these with their sizes."""
    if categories is None:
        return np.full(num_nodes, OTHER, dtype=np.int64), ()
    found, counts = np.unique(categories[categories != NONE], return_counts=True)
    largest = np.argsort(-counts, kind="stable")[: len(SERIES)]
    groups = np.full(num_nodes, OTHER, dtype=np.int64)
    legend = []
    for place, at in enumerate(largest):
        groups[categories == found[at]] = place
        category_id = recommender.bundle.id_of("Category", int(found[at]))
        name = recommender.fields("Category", category_id).get("name") or category_id
        legend.append((str(name), int(counts[at])))
    return groups, tuple(legend)
