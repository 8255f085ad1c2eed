"""What users like in products: shares of tags, price bands and brands, as vectors."""

from collections.abc import Mapping
from typing import Annotated

import torch
from pydantic import BaseModel, ConfigDict, Field

from graphdb.checked_schema import Schema
from graphdb.errors import SchemaError
from graphdb.schema_types import EdgeType
from training.data import (
    HeteroData,
    edge_types_of,
    event_weights,
    interaction_matrix,
    is_side_edge_type,
    membership,
)
from training.encoders.base import Vectors
from training.encoders.concat import joined, score_spread
from training.sparse_ops import (
    SparseMatrix,
    column_sums,
    product,
    quiet,
    randomized_svd,
    row_sums,
    scaled,
    to_power,
)

Tensor = torch.Tensor
BY_DEFAULT = (
    "Product-TAGGED-Tag",
    "Product-IN_PRICE_BAND-PriceBand",
    "Product-MADE_BY-Brand",
)
_NOISE = 1e-5  # of what is left when the average is taken off; what lies below is rounding
EdgeWeight = Annotated[float, Field(gt=0, le=100, allow_inf_nan=False)]


class ProfileConfig(BaseModel):
    """The config of the profile encoder; docs/benchmarks.md says how the defaults were chosen."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    weight: float = Field(default=1.0, ge=0, le=1000, allow_inf_nan=False)
    """How widely its scores spread, relative to those of SVD and graph model together; 0 leaves the
    profile out.
    """

    edge_type_weights: dict[str, EdgeWeight] | None = None
    """The edge types that describe products, with weights: how widely their scores spread, relative
    to each other. By default tags, price bands and brands with equal weights, as far as the schema
    has them. Edge types that the graph lacks are ignored.
    """

    dim: int = Field(default=32, ge=1, le=512)
    """The most dimensions per edge type; types with fewer nodes take fewer."""

    prior: float = Field(default=5.0, gt=0, le=1000)
    """How many average edges are mixed into those of each user. It keeps users with a single
    purchase from getting the strongest profiles.
    """

    repeat_exponent: float = Field(default=0.5, ge=0, le=1)
    """How repeated events count: 1 each fully, 0 nothing after the first."""

    half_life_days: float | None = Field(default=90.0, gt=0, allow_inf_nan=False)
    """The age at which an event counts half; None for never. Tastes outlast current needs."""

    seed: int = Field(default=0, ge=0, lt=2**63)
    """The seed of the random projection."""


class ProfileEncoder:
    """Scores a product by how much more than others a user cares for its tags, price and brand.

    With R the weighted user x product matrix, T the memberships of products in nodes of one kind
    (each row sums to 1, without such an edge to 0), P = R T, b the shares of these nodes in all of
    P, s the row sums of P and m the prior, the score of user u for product p is C T^T at (u, p),
    with

        C = (P - s b) / (s + m).

    So an average taste scores 0 everywhere, whatever is popular, and what a user has more or less
    of than others counts by how sure it is. C is kept in the span of the first right singular
    vectors V of P / (s + m): users get C V, products T V, and the nodes themselves V, so that new
    products can get theirs from them. Nodes that users deal with by themselves, such as brands
    that can be followed, get none: they are recommended for their own sake, and who would like a
    brand that is new to them is not told by the brands that they have.

    Args:
        event_weights: What one event counts, by relation, in place of the schema's weights.
    """

    def __init__(
        self,
        schema: Schema,
        target_edge_type: EdgeType,
        config: ProfileConfig | None = None,
        event_weights: Mapping[str, float] | None = None,
    ) -> None:
        self.schema = schema
        self.target_edge_type = target_edge_type
        self.config = config or ProfileConfig()
        self.event_weights = event_weights or {}

    def fit(self, graph: HeteroData) -> Vectors:
        """Vectors for users, products, and nodes that only products are connected to.

        Empty where the graph has none of these edges.

        Raises:
            InsufficientDataError: There are no events to learn from.
            SchemaError: An edge weight is given for what connects products to nothing else.
        """
        config = self.config
        weights = event_weights(self.schema, self.target_edge_type, self.event_weights)
        summed = interaction_matrix(graph, weights, half_life_days=config.half_life_days)
        events = to_power(summed, config.repeat_exponent)  # R
        blocks = [
            block
            for edge_type, weight in self._edges(graph)
            if (block := self._block(graph, events, edge_type, weight))
        ]
        return joined(blocks)

    def _edges(self, graph: HeteroData) -> list[tuple[EdgeType, float]]:
        there = {one for one in edge_types_of(graph) if graph[one].edge_index.numel()}
        found = []
        for name, weight in self._edge_weights().items():
            edge_type = self.schema.parse_edge_type(name)
            product_type = self.target_edge_type.target
            if (
                not is_side_edge_type(edge_type, self.target_edge_type)
                or edge_type.source == edge_type.target
            ):
                raise SchemaError(
                    f"profiles cannot hold {edge_type}",
                    expected=f"an edge of {product_type} to another type than "
                    f"{self.target_edge_type.source}",
                    value=name,
                )
            if edge_type in there:
                found.append((edge_type, weight))
        return found

    def _edge_weights(self) -> dict[str, float]:
        if self.config.edge_type_weights is not None:
            return self.config.edge_type_weights
        fitting = [
            one for one in self.schema.edge_types() if is_side_edge_type(one, self.target_edge_type)
        ]
        return {str(one): 1.0 for one in fitting if str(one) in BY_DEFAULT}

    def _block(
        self, graph: HeteroData, events: Tensor, edge_type: EdgeType, weight: float
    ) -> Vectors:
        """The vectors of one edge type, scaled so that scores spread by its weight.

        Empty where nothing that was bought has such an edge.
        """
        shares = membership(graph, edge_type, self.target_edge_type.target)  # T
        taken = product(events, shares)  # P
        if not taken.values().numel():
            return {}
        totals = row_sums(taken)
        prior = self.config.prior * float(events.values().mean())
        sure = 1 / (totals + prior)
        base = column_sums(taken) / taken.values().sum()
        own = SparseMatrix.from_coordinates(scaled(taken, sure, torch.ones(len(base))).float())
        rank = min(self.config.dim, *own.shape)
        seed = self.config.seed
        svd = randomized_svd(own, rank, oversampling=32, power_iterations=4, seed=seed)
        svd = svd.without_noise()
        at_base = base.float() @ svd.right  # b V, [rank]
        with quiet():
            uncentred = own.rows @ svd.right
            products = SparseMatrix.from_coordinates(shares.float()).rows @ svd.right
        users = uncentred - (totals * sure).float()[:, None] * at_base
        spread = score_spread(users.numpy(), products.numpy())
        told = spread > 0 and users.abs().max() > _NOISE * uncentred.abs().max()
        scale = (weight / spread) ** 0.5 if told else 0.0
        vectors = {
            self.target_edge_type.source: users * scale,
            self.target_edge_type.target: products * scale,
        }
        node_type = edge_type.other_end(self.target_edge_type.target)
        if not self._dealt_with(node_type):
            vectors[node_type] = svd.right * scale
        return {name: rows.numpy() for name, rows in vectors.items()}

    def _dealt_with(self, node_type: str) -> bool:
        """Whether the schema knows edges of users to this type."""
        ends = (self.target_edge_type.source, node_type)
        return any((one.source, one.target) == ends for one in self.schema.edge_types())
