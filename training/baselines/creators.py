"""Plain rules for who should carry a product or a brand."""

from dataclasses import dataclass

import numpy as np
import torch

from graphdb.errors import NotEnoughDataError
from graphdb.schema_types import EdgeType
from training.data import edge_types_of
from training.pairs import adjacency, compose, source_rows
from training.pyg import HeteroData
from training.scoring import VectorScorer

PRODUCT = "Product"
FOLLOWS = EdgeType("User", "FOLLOWS", "Creator")
IN_CATEGORY = EdgeType(PRODUCT, "IN_CATEGORY", "Category")
MADE_BY = EdgeType(PRODUCT, "MADE_BY", "Brand")
PURCHASED = EdgeType("User", "PURCHASED", PRODUCT)


@dataclass(frozen=True, slots=True)
class MostFollowers:
    """Scores a creator by the number of followers, the same for every product or brand."""

    direction: EdgeType

    def fit(self, graph: HeteroData) -> VectorScorer:
        """Counts.

        Raises:
            NotEnoughDataError: Nobody follows any creator.
        """
        if not has_followers(graph):
            raise NotEnoughDataError("there are no followers of creators to count")
        followers = adjacency(graph, FOLLOWS).reverse().degrees()
        seeds = torch.ones(graph[self.direction.source].num_nodes, 1)
        return VectorScorer(seeds, torch.from_numpy(followers).float()[:, None])


@dataclass(frozen=True, slots=True)
class CategorySales:
    """Scores a creator by the sales, in the seed's categories, of the products carried.

    A sale is a user who bought one of the products that the creator carries; for a brand, the
    sales in all categories in which it has a product count.

    Args:
        direction: From products or brands to creators. The graph has such edges from products,
            which say what creators carry.
    """

    direction: EdgeType

    def fit(self, graph: HeteroData) -> VectorScorer:
        """Counts.

        Raises:
            NotEnoughDataError: There are no sales, categories or products carried.
        """
        if not has_sales_in_categories(graph):
            raise NotEnoughDataError("there are no sales in categories to count")
        categories = adjacency(graph, IN_CATEGORY)
        buyers = adjacency(graph, PURCHASED).reverse().degrees()
        carries = EdgeType(PRODUCT, self.direction.relation, self.direction.target)
        carried = adjacency(graph, carries).reverse()
        sales = np.zeros((carried.num_sources, categories.num_targets))
        products = carried.indices
        number = categories.degrees()[products]
        creators = np.repeat(source_rows(carried), number)
        np.add.at(
            sales, (creators, categories.gather(products)), np.repeat(buyers[products], number)
        )
        seeds = categories
        if self.direction.source == MADE_BY.target:
            seeds = compose(adjacency(graph, MADE_BY).reverse(), categories)
        is_in = np.zeros((seeds.num_sources, seeds.num_targets), dtype=np.float32)
        is_in[source_rows(seeds), seeds.indices] = 1
        return VectorScorer(torch.from_numpy(is_in), torch.from_numpy(sales).float())


def has_followers(graph: HeteroData) -> bool:
    """Whether anybody follows a creator."""
    return _has(graph, FOLLOWS)


def has_sales_in_categories(graph: HeteroData) -> bool:
    """Whether products are sold, and stand in categories."""
    return _has(graph, PURCHASED) and _has(graph, IN_CATEGORY)


def _has(graph: HeteroData, edge_type: EdgeType) -> bool:
    return edge_type in edge_types_of(graph) and graph[edge_type].edge_index.numel() > 0
