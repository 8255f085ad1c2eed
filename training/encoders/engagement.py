"""What users watch, like and follow: an SVD of all they do, for all but products and brands."""

from collections.abc import Mapping
from typing import Annotated

import torch
from pydantic import BaseModel, ConfigDict, Field

from graphdb.checked_schema import Schema
from graphdb.schema_types import EdgeType
from training.data import HeteroData, edge_types_of, event_weights, interaction_matrix
from training.encoders.base import Vectors
from training.sparse_ops import (
    SparseMatrix,
    column_sums,
    normalised,
    power_or_zero,
    randomized_svd,
    to_power,
)

Tensor = torch.Tensor
Power = Annotated[float, Field(ge=0, le=1)]


class EngagementConfig(BaseModel):
    """The config of the engagement encoder; docs/benchmarks.md explains the defaults."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    weight: float = Field(default=2.0, ge=0, le=1000, allow_inf_nan=False)
    """How widely its scores for contents and creators spread, relative to those that SVD, graph
    model and profile give together; 0 leaves engagement out.
    """

    dim: int = Field(default=128, ge=1, le=1024)
    """The dimensions: how many singular values are kept."""

    singular_value_exponent: float = Field(default=0.75, ge=-1, le=3)
    """The power of singular values in scores; higher trusts well-supported tastes more."""

    user_degree_exponent: Power = 0.4
    """How much less an event counts, the more events of its type its user has."""

    item_exponent: Power = 0.3
    """The same by the events of its target."""

    item_popularity_exponent: Power = 0.3
    """How much of its popularity the vector of a content or creator keeps."""

    repeat_exponent: Power = 0.5
    """How repeated events count: 1 each fully, 0 nothing after the first."""

    half_life_days: float | None = Field(default=45.0, gt=0, allow_inf_nan=False)
    """The age at which an event counts half; None for never. Contents are short-lived: what users
    watch next is mostly what others watched recently.
    """

    left_out: tuple[str, ...] = ("Brand",)
    """Node types that keep their vectors, although users have events with them; these events still
    describe the users. By default brands, because purchases say more about them.
    """

    user_share: float = Field(default=0.1, gt=0, le=10)
    """The length of the engagement part of a user, relative to the rest of the vector. It is small,
    so that users are similar by what they buy; scores do not depend on it.
    """

    seed: int = Field(default=0, ge=0, lt=2**63)
    """The seed of the random projection."""


class EngagementEncoder:
    """Scores contents, creators and so on by what alike users did with them recently.

    With R_x the weighted user x X matrix of what users did with nodes of a type X (products
    included) and R_x~ = D_u^-a R_x D_x^-b / s, s its largest singular value, all types stand side
    by side, [R_1~ R_2~ ...] = U S V^T. Users get U S^h and the nodes of X get D_x^p V_x S^h, with
    p = `item_popularity_exponent` and h = (1 + `singular_value_exponent`) / 2, as in `SvdEncoder`.
    Products tell of users here, but get no vectors, so their recommendations do not change.

    Args:
        event_weights: What one event with a product counts, by relation, in place of the
            schema's weights.
    """

    def __init__(
        self,
        schema: Schema,
        target_edge_type: EdgeType,
        config: EngagementConfig | None = None,
        event_weights: Mapping[str, float] | None = None,
    ) -> None:
        self.schema = schema
        self.target_edge_type = target_edge_type
        self.config = config or EngagementConfig()
        self.event_weights = event_weights or {}

    def fit(self, graph: HeteroData) -> Vectors:
        """Vectors for users, and for the types that they deal with beside products.

        Empty where users deal with no such type.

        Raises:
            InsufficientDataError: There are no events with products to learn from.
            SchemaError: A type that is left out does not exist.
        """
        config = self.config
        left_out = {self.schema.node_type(name).name for name in config.left_out}
        others = self._others(graph)
        if not others.keys() - left_out:
            return {}
        products = event_weights(self.schema, self.target_edge_type, self.event_weights)
        weights = {self.target_edge_type.target: products, **others}
        done = {name: self._events(graph, of_type) for name, of_type in weights.items()}
        stacked = torch.cat([self._levelled(events) for events in done.values()], dim=1)
        svd = randomized_svd(
            SparseMatrix.from_coordinates(stacked.coalesce()),
            min(config.dim, *stacked.shape),
            oversampling=32,
            power_iterations=2,
            seed=config.seed,
        ).without_noise()
        spectrum = power_or_zero(svd.values, (1 + config.singular_value_exponent) / 2)  # S^h, [dim]
        parts = torch.split(svd.right, [events.shape[1] for events in done.values()])  # V_x
        vectors = {self.target_edge_type.source: svd.left * spectrum}
        for (name, events), part in zip(done.items(), parts, strict=True):
            if name in others and name not in left_out:
                popularity = power_or_zero(
                    column_sums(events), config.item_popularity_exponent
                ).float()
                vectors[name] = popularity[:, None] * part * spectrum
        return {name: tensor.numpy() for name, tensor in vectors.items()}

    def _others(self, graph: HeteroData) -> dict[str, dict[EdgeType, float]]:
        """Per type that users deal with beside products, what the events with it count."""
        found: dict[str, dict[EdgeType, float]] = {}
        for edge_type in edge_types_of(graph):
            relation = self.schema.relation(edge_type.relation)
            is_other = edge_type.target not in (
                self.target_edge_type.source,
                self.target_edge_type.target,
            )
            tells_taste = relation.is_event and relation.event_weight > 0
            has_edges = graph[edge_type].edge_index.numel() > 0
            if (
                edge_type.source == self.target_edge_type.source
                and is_other
                and tells_taste
                and has_edges
            ):
                found.setdefault(edge_type.target, {})[edge_type] = relation.event_weight
        return found

    def _events(self, graph: HeteroData, weights: dict[EdgeType, float]) -> Tensor:
        """R_x, [num_users, num_nodes]."""
        summed = interaction_matrix(graph, weights, half_life_days=self.config.half_life_days)
        return to_power(summed, self.config.repeat_exponent)

    def _levelled(self, events: Tensor) -> Tensor:
        """R_x~; its largest singular value is 1, so that no type drowns another."""
        even = normalised(
            events, self.config.user_degree_exponent, self.config.item_exponent
        ).float()
        matrix = SparseMatrix.from_coordinates(even)
        return even / randomized_svd(matrix, 1, oversampling=8, seed=self.config.seed).values[0]
