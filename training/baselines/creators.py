"""Implements rules that match creators with products and brands, by followers and by sales.

`MostFollowers` and `CategorySales` rank creators for a product or a brand; `BestSellers` and
`CategoryBestSellers` rank what a creator could carry.
"""

from dataclasses import dataclass

import numpy as np
import torch

from graphdb.errors import InsufficientDataError
from graphdb.schema_types import EdgeType
from graphrec.adjacency import sources_of
from graphrec.bundle import Adjacency
from training.baselines.base import HistoryScorer, csr_rows
from training.data import HeteroData, edge_types_of
from training.evaluation.metrics import VectorScorer
from training.pairs import adjacency, compose
from training.sparse_ops import csr_of, product, quiet, with_values

PRODUCT = "Product"
FOLLOWS = EdgeType("User", "FOLLOWS", "Creator")
IN_CATEGORY = EdgeType(PRODUCT, "IN_CATEGORY", "Category")
MADE_BY = EdgeType(PRODUCT, "MADE_BY", "Brand")
PURCHASED = EdgeType("User", "PURCHASED", PRODUCT)


@dataclass(frozen=True, slots=True)
class MostFollowers:
    """Scores a creator by the number of followers, the same for every product or brand."""

    target_edge_type: EdgeType

    def fit(self, graph: HeteroData) -> VectorScorer:
        """Counts the followers.

        Raises:
            InsufficientDataError: No creator has followers.
        """
        if not has_followers(graph):
            raise InsufficientDataError("there are no followers of creators to count")
        followers = adjacency(graph, FOLLOWS).reverse().degrees()
        queries = torch.ones(graph[self.target_edge_type.source].num_nodes, 1)
        return VectorScorer(queries, torch.from_numpy(followers).float()[:, None])


@dataclass(frozen=True, slots=True)
class CategorySales:
    """Scores a creator by the sales of the products carried, in the categories of the query node.

    A sale is a user who bought one of the products that the creator carries. For a brand, the sales
    in all categories of its products count.

    Args:
        target_edge_type: An edge type from products or brands to creators. The graph needs such
            edges from products, which are the products that creators carry.
    """

    target_edge_type: EdgeType

    def fit(self, graph: HeteroData) -> VectorScorer:
        """Counts the sales.

        Raises:
            InsufficientDataError: There are no sales, categories or carried products.
        """
        if not has_sales_in_categories(graph):
            raise InsufficientDataError("there are no sales in categories to count")
        categories = adjacency(graph, IN_CATEGORY)
        buyers = adjacency(graph, PURCHASED).reverse().degrees()
        carries = EdgeType(PRODUCT, self.target_edge_type.relation, self.target_edge_type.target)
        carried = adjacency(graph, carries).reverse()
        sales = np.zeros((carried.num_sources, categories.num_targets))
        products = carried.indices
        number = categories.degrees()[products]
        creators = np.repeat(sources_of(carried), number)
        np.add.at(
            sales, (creators, categories.gather(products)), np.repeat(buyers[products], number)
        )
        queries = categories
        if self.target_edge_type.source == MADE_BY.target:
            queries = compose(adjacency(graph, MADE_BY).reverse(), categories)
        is_in = np.zeros((queries.num_sources, queries.num_targets), dtype=np.float32)
        is_in[sources_of(queries), queries.indices] = 1
        return VectorScorer(torch.from_numpy(is_in), torch.from_numpy(sales).float())


@dataclass(frozen=True, slots=True)
class BestSellers:
    """Scores a product, brand or category by its number of buyers, the same for every creator."""

    target_edge_type: EdgeType

    def fit(self, graph: HeteroData) -> VectorScorer:
        """Counts the buyers.

        Raises:
            InsufficientDataError: There are no sales.
        """
        _check_sales(graph)
        bought = adjacency(graph, PURCHASED)
        buyers = compose(bought, _groups_of(graph, self.target_edge_type.target)).reverse()
        queries = torch.ones(graph[self.target_edge_type.source].num_nodes, 1)
        return VectorScorer(queries, torch.from_numpy(buyers.degrees()).float()[:, None])


@dataclass(frozen=True, slots=True)
class CategoryBestSellers:
    """Scores a product or brand by its sales in the categories that the creator carries.

    A sale is a user who bought a product. Each category counts by the number of its products that
    the creator carries.

    Args:
        target_edge_type: An edge type from creators to products or brands. The graph needs such
            edges from products to creators, which are the products that creators carry.
    """

    target_edge_type: EdgeType

    def fit(self, graph: HeteroData) -> HistoryScorer:
        """Counts the sales.

        Raises:
            InsufficientDataError: There are no sales or categories.
        """
        if not has_sales_in_categories(graph):
            raise InsufficientDataError("there are no sales in categories to count")
        categories = adjacency(graph, IN_CATEGORY)
        carries = EdgeType(PRODUCT, self.target_edge_type.relation, self.target_edge_type.source)
        buyers = torch.from_numpy(adjacency(graph, PURCHASED).reverse().degrees())
        in_category = _coo(categories)
        sold = with_values(in_category, buyers[in_category.indices()[0]].float())
        carried = product(_coo(adjacency(graph, carries).reverse()), in_category)
        groups = _coo(_groups_of(graph, self.target_edge_type.target))
        return HistoryScorer(csr_rows(carried), product(sold.t().coalesce(), groups))


def _coo(pairs: Adjacency) -> torch.Tensor:
    with quiet():
        return csr_of(pairs).to_sparse().coalesce()


def _groups_of(graph: HeteroData, target_type: str) -> Adjacency:
    """Returns the brand or category of every product, or itself."""
    if target_type == MADE_BY.target:
        return adjacency(graph, MADE_BY)
    if target_type == IN_CATEGORY.target:
        return adjacency(graph, IN_CATEGORY)
    every = np.arange(graph[PRODUCT].num_nodes)
    return Adjacency.from_edges(every, every, len(every), len(every))


def _check_sales(graph: HeteroData) -> None:
    if not has_sales(graph):
        raise InsufficientDataError(f"there are no {PURCHASED} edges to count")


def has_sales(graph: HeteroData) -> bool:
    """Returns whether products have buyers."""
    return _has(graph, PURCHASED)


def has_followers(graph: HeteroData) -> bool:
    """Returns whether creators have followers."""
    return _has(graph, FOLLOWS)


def has_sales_in_categories(graph: HeteroData) -> bool:
    """Returns whether products have sales and categories."""
    return _has(graph, PURCHASED) and _has(graph, IN_CATEGORY)


def _has(graph: HeteroData, edge_type: EdgeType) -> bool:
    return edge_type in edge_types_of(graph) and graph[edge_type].edge_index.numel() > 0
