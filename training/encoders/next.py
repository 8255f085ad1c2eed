"""What comes next: which products follow the last events of a user."""

from collections.abc import Mapping
from typing import Annotated

import numpy as np
import numpy.typing as npt
import torch
from pydantic import BaseModel, ConfigDict, Field

from graphdb.checked_schema import Schema
from graphdb.errors import SchemaError
from graphdb.schema_types import EdgeType
from graphrec.bundle import NextRule
from training.data import (
    HeteroData,
    edge_types_of,
    event_weights,
    is_side_edge_type,
    membership,
)
from training.encoders.base import Vectors, sources_of
from training.ridge import CrossCounts, reduced_rank
from training.sequences import Sequences
from training.softmax_factors import SoftmaxPlan, softmax_factors
from training.sparse_ops import (
    SparseMatrix,
    normalised,
    power_or_zero,
    row_sums,
    scaled,
    to_power,
    with_values,
)

Tensor = torch.Tensor
Weight = Annotated[float, Field(ge=0, le=1)]
SideWeight = Annotated[float, Field(gt=0, le=10, allow_inf_nan=False)]

BY_DEFAULT = ("Product-MADE_BY-Brand", "Product-IN_CATEGORY-Category")
"""The edge types that tell which products are alike, as far as the schema has them."""


class NextConfig(BaseModel):
    """The config of the block for what comes next; docs/benchmarks.md explains the defaults."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    weight: float = Field(default=0.0, ge=0, le=1000, allow_inf_nan=False)
    """How widely its scores spread, relative to those of the SVD, the graph model and the profile
    together; 0 leaves the block out. Without times of events there is no such block.
    """

    dim: int = Field(default=128, ge=1, le=1024)
    """The dimensions: the rank of the weights from products to products."""

    decay: float = Field(default=0.75, gt=0, lt=1)
    """What an event counts beside one a step later. A step is what a user did at one time."""

    backward: float = Field(default=0.3, ge=0, le=1)
    """How much what came before counts as what came next: 1 forgets the order. Without epochs."""

    regularisation: float = Field(default=20.0, gt=0, le=1e6)
    """The ridge, in events: a larger one trusts products with few events less. Without epochs."""

    target_exponent: float = Field(default=0.3, ge=0, le=1)
    """What the dimensions are spent on: 0 on every event alike, 1 on every product alike. Without
    epochs.
    """

    epochs: int = Field(default=0, ge=0, le=1000)
    """How often the steps of all users are seen to learn the vectors by a softmax loss; 0
    takes the vectors of the regression.
    """

    learning_rate: float = Field(default=0.004, gt=0, le=1, allow_inf_nan=False)
    """The learning rate of the first step, with epochs; it falls to 0."""

    dropout: float = Field(default=0.5, ge=0, lt=1)
    """The share of the numbers of a user's part that a step leaves out, with epochs."""

    batch_size: int = Field(default=1024, ge=1)
    """Steps of users that are learned from at once, with epochs."""

    num_random_negatives: int = Field(default=3000, ge=1)
    """Products that a batch is told not to have followed, with epochs."""

    edge_type_weights: dict[str, SideWeight] | None = None
    """Edge types of products by which those with few events learn from products like them, such as
    'Product-MADE_BY-Brand', with weights relative to a product's own events. By default brands and
    categories, with weight 1.
    """

    event_weights: dict[str, Weight] = Field(default_factory=dict)
    """What an event counts, by relation, where the edge type to predict counts 1; also how long a
    step it is. Relations that are not named count their share of the schema's weights.
    """

    num_baskets: int = Field(default=50, ge=1, le=1000)
    """How many steps before an event the weights are learned from."""

    max_entries: int = Field(default=3_000_000, ge=1)
    """The most events before steps to learn from, each counted for every step that looks back at
    it; the newest steps of every user are taken. This limits time and memory.
    """

    iterations: int = Field(default=2, ge=1, le=50)
    """Iterations of the subspace; more make the last dimensions more exact. Without epochs."""

    tolerance: float = Field(default=0.03, gt=0, lt=1)
    """How exactly the linear systems are solved, without epochs. To stop early is quicker, and
    finds more.
    """

    seed: int = Field(default=0, ge=0, lt=2**63)
    """The seed of the random projection, and of what epochs draw."""


class NextEncoder:
    """Scores products by what followed events like a user's last ones.

    With x the events before a step, each counting its weight x `decay`^(steps ago), and y those of
    the step to predict, the weights W minimise |Y - X W|^2 + regularisation |W|^2, as in SLIST
    (Choi et al., "Session-aware Linear Item-Item Models for Session-based Recommendation", WWW
    2021, section 4), reduced to `dim` dimensions: W = A B^T. Products get their rows of B, and
    users the sum of the rows of A of their events, each with weight and decay; A is also returned
    (see `sources_of`), so that later events can be added.

    Products with few events learn from those of their brands and categories (`edge_type_weights`):
    W = [I F] Z, with F what a product belongs to and the ridge on Z.

    With `epochs`, A and B are learned by gradient descent instead: the softmax of a step's scores
    over all products is to give its products a large share (see `softmax_factors`). It finds more
    with fewer dimensions, forwards alone. [I F] gives both sides what products share.

    Deviations: one regression with `backward` for both of the paper's models, a rank, and no
    constraint on the diagonal of W but that nothing is predicted from itself.
    """

    def __init__(
        self, schema: Schema, target_edge_type: EdgeType, config: NextConfig | None = None
    ) -> None:
        self.schema = schema
        self.target_edge_type = target_edge_type
        self.config = config or NextConfig()

    def fit(self, graph: HeteroData) -> Vectors:
        """Vectors for users and products; empty where no event has a time, or none follows another.

        Raises:
            SchemaError: A weight is given for a relation that does not exist or does not fit, or
                for an edge type that is none of products.
        """
        config = self.config
        weights = step_weights(self.schema, self.target_edge_type, config.event_weights)
        sequences = Sequences.of(graph, self.target_edge_type, weights)
        examples = sequences and sequences.examples(
            config.decay, config.num_baskets, config.max_entries
        )
        if not sequences or not examples:
            return {}
        features = self._features(graph)
        sources, targets = self._factors(*examples, features)
        histories = SparseMatrix.from_coordinates(sequences.histories(config.decay).float())
        user_type, product_type = self.target_edge_type.source, self.target_edge_type.target
        return {
            user_type: (histories.rows @ sources).numpy(),
            product_type: targets.numpy(),
            sources_of(product_type): sources.numpy(),
        }

    def _factors(
        self, past: SparseMatrix, following: SparseMatrix, features: SparseMatrix | None
    ) -> tuple[Tensor, Tensor]:
        """A and B, float32 [num_products, rank] each."""
        config = self.config
        rank = min(config.dim, past.shape[1])
        if config.epochs:
            plan = SoftmaxPlan(
                dim=rank,
                epochs=config.epochs,
                learning_rate=config.learning_rate,
                dropout=config.dropout,
                batch_size=config.batch_size,
                num_random_negatives=config.num_random_negatives,
                seed=config.seed,
            )
            return softmax_factors(past, following, features, plan)
        counts = CrossCounts(
            past, following, config.backward, config.regularisation, features, config.tolerance
        )
        return reduced_rank(counts, rank, config.target_exponent, config.iterations, config.seed)

    def _features(self, graph: HeteroData) -> SparseMatrix | None:
        """What products belong to, rows of the length of the weight; None where nothing is known.

        What many products belong to tells less: columns are divided by the root of their sums.
        """
        given = self.config.edge_type_weights
        known = {str(one) for one in self.schema.edge_types()}
        weights = {one: 1.0 for one in BY_DEFAULT if one in known} if given is None else given
        there = {one for one in edge_types_of(graph) if graph[one].edge_index.numel()}
        parts = []
        for name, weight in weights.items():
            edge_type = self.schema.parse_edge_type(name)
            if not is_side_edge_type(edge_type, self.target_edge_type):
                raise SchemaError(
                    f"edge_type_weights cannot hold {edge_type}",
                    expected=f"an edge of {self.target_edge_type.target} to anything but "
                    f"{self.target_edge_type.source}",
                    value=name,
                )
            if edge_type in there:
                members = membership(graph, edge_type, self.target_edge_type.target)
                members = normalised(to_power(members, 0.0), 0.0, 0.5)
                squares = row_sums(with_values(members, members.values().square()))
                rows = weight * power_or_zero(squares, -0.5)
                parts.append(scaled(members, rows, torch.ones(members.shape[1])))
        if not parts:
            return None
        return SparseMatrix.from_coordinates(torch.cat(parts, dim=1).coalesce().float())


def step_weights(
    schema: Schema, target_edge_type: EdgeType, overrides: Mapping[str, float]
) -> dict[EdgeType, float]:
    """What an event counts in the block, per edge type: 1 for that to predict, at most 1 for all.

    Events that speak against a product, such as returns, and static edges do not count.

    Raises:
        SchemaError: An override names a relation that does not connect the two ends.
    """
    declared = event_weights(schema, target_edge_type, {})
    own = declared.get(target_edge_type, 1.0)
    shares = {one: min(weight / own, 1.0) for one, weight in declared.items() if weight > 0}
    if overrides:
        given = event_weights(schema, target_edge_type, overrides)
        shares |= {one: given[one] for one in given if one.relation in overrides}
        shares = {one: shares[one] for one in shares if overrides.get(one.relation, 1.0) > 0}
    return shares | {target_edge_type: 1.0}


def next_rule(
    schema: Schema, target_edge_type: EdgeType, config: NextConfig, vectors: Vectors
) -> tuple[NextRule, npt.NDArray[np.float32]] | None:
    """What a bundle needs to make a user's part of the block from events.

    Args:
        vectors: Of the whole model, with the source vectors of the block among them.

    Returns:
        The rule, and the source vectors, float32 [num_nodes, width]; None without the block.
    """
    sources = vectors.get(sources_of(target_edge_type.target))
    if sources is None or not sources.any():
        return None
    filled = np.flatnonzero(sources.any(axis=0))
    start, stop = int(filled[0]), int(filled[-1]) + 1
    weights = step_weights(schema, target_edge_type, config.event_weights)
    rule = NextRule(
        node_type=target_edge_type.target,
        start=start,
        stop=stop,
        decay=config.decay,
        event_weights={str(one): weight for one, weight in sorted(weights.items())},
    )
    return rule, np.ascontiguousarray(sources[:, start:stop])
