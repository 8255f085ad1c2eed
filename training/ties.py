"""The ways from a product to the other things: brand, category, creator, and so on."""

import torch

from graphdb.schema_types import EdgeType
from training.data import edge_types_of
from training.pyg import HeteroData
from training.sparse import power_or_zero, product, row_sums, scaled
from training.weights import incidence

Tensor = torch.Tensor

_MAX_DEPTH = 32  # deeper than any category tree; ends the walk where the data hold a ring


def is_side_edge_type(edge_type: EdgeType, direction: EdgeType) -> bool:
    """Whether it ties a target of `direction` to anything but its source.

    For User-PURCHASED-Product: MADE_BY, IN_CATEGORY, PROMOTES, ALSO_BOUGHT and so on.
    """
    ends = (edge_type.source, edge_type.target)
    return direction.target in ends and direction.source not in ends


def side_edge_types(graph: HeteroData, direction: EdgeType) -> list[EdgeType]:
    """The side edge types that have edges in the graph."""
    return [
        edge_type
        for edge_type in edge_types_of(graph)
        if is_side_edge_type(edge_type, direction) and graph[edge_type].edge_index.numel()
    ]


def membership(graph: HeteroData, edge_type: EdgeType, product_type: str) -> Tensor:
    """How much of each product belongs to each node of the other type, sparse [products, others].

    A product shares itself out evenly: its row sums to 1. Where the other type is a tree (it has
    edges to itself, such as CHILD_OF), a product belongs in full to everything above, too.
    """
    ties = incidence(graph, edge_type)
    if edge_type.source != product_type:
        ties = ties.t().coalesce()
    elif edge_type.target == product_type:
        ties = (ties + ties.t()).coalesce()  # also-bought has no direction
    shares = scaled(ties, power_or_zero(row_sums(ties), -1.0), torch.ones(ties.shape[1]))
    for tree in edge_types_of(graph):
        if tree.source == tree.target == edge_type.other_end(product_type) != product_type:
            shares = _rolled_up(shares, incidence(graph, tree))
    return shares


def _rolled_up(shares: Tensor, parents: Tensor) -> Tensor:
    """Adds to every node what the nodes below it have."""
    total, level = shares, shares
    for _ in range(_MAX_DEPTH):
        level = product(level, parents)
        if not level.values().numel():
            break
        total = (total + level).coalesce()
    return total
