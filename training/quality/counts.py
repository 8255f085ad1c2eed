"""Counts orders, returns, ratings and repeat purchases of products and groups of products."""

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from graphdb.checked_schema import Schema
from graphdb.schema_types import EdgeType
from graphrec.adjacency import sources_of
from graphrec.bundle import Adjacency
from training.data import AT_S, STARS, HeteroData, edge_types_of
from training.pairs import adjacency, compose

Numbers = npt.NDArray[np.float64]

VALUE = "value"
PRODUCT, BRAND, SHOP, CREATOR = "Product", "Brand", "Shop", "Creator"
CATEGORY, CONTENT = "Category", "Content"


@dataclass(frozen=True, slots=True, eq=False)
class Counts:
    """Counts per node, float64 [num_nodes] each; all except stars and money are integers.

    Args:
        num_orders: Purchases, order line by order line.
        num_returns: Returned orders, at most `num_orders`.
        num_priced: Orders with a known price.
        paid: The money paid for these.
        num_ratings: Current ratings.
        stars: Sum of their stars.
        squared_stars: Sum of the squares.
        num_buyers: Distinct users who bought it.
        num_repeat_buyers: Buyers who bought it at two or more times.
    """

    num_orders: Numbers
    num_returns: Numbers
    num_priced: Numbers
    paid: Numbers
    num_ratings: Numbers
    stars: Numbers
    squared_stars: Numbers
    num_buyers: Numbers
    num_repeat_buyers: Numbers

    def grouped(self, members: Adjacency) -> "Counts":
        """Sums over the members of every group; a product of two shops counts in both.

        Args:
            members: From groups to nodes.
        """
        groups, rows = sources_of(members), members.indices
        return Counts(
            *(
                summed(groups, getattr(self, field.name)[rows], members.num_sources)
                for field in fields(self)
            )
        )


def summed(rows: npt.NDArray[np.integer], values: Numbers, num_rows: int) -> Numbers:
    """Returns the sum of the values of each row, float64 [num_rows]."""
    totals: Numbers = np.bincount(rows, values, num_rows).astype(np.float64)
    return totals


def counts_of_products(graph: HeteroData, schema: Schema) -> Counts:
    """Counts all events between users and products in a graph."""
    num_products = graph[PRODUCT].num_nodes

    def rows_of(relation: str) -> list[npt.NDArray[np.int64]]:
        return [graph[of].edge_index.numpy()[1] for of in _edge_types(graph, schema, relation)]

    def counted(rows: list[npt.NDArray[np.int64]]) -> Numbers:
        return np.bincount(_joined(rows), minlength=num_products).astype(np.float64)

    def values_of(relation: str, name: str) -> Numbers:
        stores = [graph[of] for of in _edge_types(graph, schema, relation)]
        found = [store[name].numpy() for store in stores if name in store]
        return np.concatenate([np.empty(0), *found]).astype(np.float64)

    sold, paid = _joined(rows_of("PURCHASED")), values_of("PURCHASED", VALUE)
    if len(paid) < len(sold):  # a hand-made graph may have no money
        paid = np.full(len(sold), np.nan)
    is_priced = np.isfinite(paid)
    rated, stars = _joined(rows_of("RATED")), values_of("RATED", STARS)
    num_orders = counted([sold])
    buyers, repeat_buyers = _buyers(graph, schema)
    return Counts(
        num_orders=num_orders,
        # Purchases from before the data can be returned, too.
        num_returns=np.minimum(counted(rows_of("RETURNED")), num_orders),
        num_priced=counted([sold[is_priced]]),
        paid=summed(sold[is_priced], paid[is_priced], num_products),
        num_ratings=counted([rated]),
        stars=summed(rated, stars, num_products),
        squared_stars=summed(rated, stars**2, num_products),
        num_buyers=counted([buyers]),
        num_repeat_buyers=counted([repeat_buyers]),
    )


def products_of(graph: HeteroData, schema: Schema) -> dict[str, Adjacency]:
    """Returns the products of every brand, shop and creator, for types with any.

    A creator's products are those carried for commission and those shown in contents.
    """

    def connected(source: str, relation: str, target: str) -> list[Adjacency]:
        wanted = EdgeType(source, relation, target)
        found = _edge_types(graph, schema, relation, target)
        return [adjacency(graph, wanted)] if wanted in found else []

    members = {
        BRAND: [edges.reverse() for edges in connected(PRODUCT, "MADE_BY", BRAND)],
        SHOP: [edges.reverse() for edges in connected(PRODUCT, "SOLD_BY", SHOP)],
        CREATOR: connected(CREATOR, "PROMOTES", PRODUCT)
        + [
            compose(published, features)
            for published in connected(CREATOR, "PUBLISHED", CONTENT)
            for features in connected(CONTENT, "FEATURES", PRODUCT)
        ],
    }
    return {name: _united(parts) for name, parts in members.items() if parts}


def categories_of(graph: HeteroData, schema: Schema) -> Adjacency | None:
    """Returns the direct categories of each product; None without any."""
    in_category = EdgeType(PRODUCT, "IN_CATEGORY", CATEGORY)
    is_known = in_category in _edge_types(graph, schema, "IN_CATEGORY", CATEGORY)
    return adjacency(graph, in_category) if is_known else None


def _edge_types(
    graph: HeteroData, schema: Schema, relation: str, target: str = PRODUCT
) -> list[EdgeType]:
    """Returns the edge types of a relation to `target` that have edges."""
    if relation not in schema.relations:
        return []
    known = set(edge_types_of(graph))
    return [
        edge_type
        for edge_type in schema.relation(relation).edge_types
        if edge_type in known and graph[edge_type].edge_index.numel() and edge_type.target == target
    ]


def _buyers(
    graph: HeteroData, schema: Schema
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Returns the product of every (buyer, product) pair, and of every pair with several times."""
    num_products = graph[PRODUCT].num_nodes
    every, often = [], []
    for of in _edge_types(graph, schema, "PURCHASED"):
        buyers, products = graph[of].edge_index.numpy()
        pairs, at_s = buyers * num_products + products, graph[of][AT_S].numpy()
        order = np.lexsort((at_s, pairs))
        pairs, at_s = pairs[order], at_s[order]
        later = np.ones(len(pairs), dtype=np.bool_)  # than the event before, or another pair's
        later[1:] = (pairs[1:] != pairs[:-1]) | (at_s[1:] != at_s[:-1])
        distinct, num_moments = np.unique(pairs[later], return_counts=True)
        every.append(distinct % num_products)
        often.append(distinct[num_moments > 1] % num_products)
    return _joined(every), _joined(often)


def _joined(rows: list[npt.NDArray[np.int64]]) -> npt.NDArray[np.int64]:
    return np.concatenate([np.empty(0, dtype=np.int64), *rows])


def _united(parts: list[Adjacency]) -> Adjacency:
    sources = np.concatenate([sources_of(part) for part in parts])
    targets = np.concatenate([part.indices for part in parts])
    return Adjacency.from_edges(sources, targets, parts[0].num_sources, parts[0].num_targets)
