"""The SVD: a truncated SVD of who bought what, with all else folded into its space."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field

from graphdb.checked_schema import Schema
from graphdb.errors import SchemaError
from graphdb.schema_types import EdgeType
from training.data import (
    HeteroData,
    event_weights,
    interaction_matrix,
    is_side_edge_type,
    membership,
    side_edge_types,
)
from training.encoders.base import Vectors
from training.sparse_ops import (
    SparseMatrix,
    Svd,
    column_sums,
    normalised,
    power_or_zero,
    product,
    randomized_svd,
    to_power,
)

Tensor = torch.Tensor
Weight = Annotated[float, Field(ge=-100, le=100, allow_inf_nan=False)]
SideWeight = Annotated[float, Field(gt=0, le=10, allow_inf_nan=False)]
Power = Annotated[float, Field(ge=0, le=1)]


class SvdConfig(BaseModel):
    """The config of the SVD.

    The defaults were chosen on Complete Journey, on the four weeks before the last four; see
    docs/benchmarks.md. Equal inputs give equal bytes on one machine with one number of threads.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    weight: float = Field(default=1.0, ge=0, le=1000, allow_inf_nan=False)
    """How widely the scores of the SVD spread, relative to those of the graph model; 0 leaves the
    SVD out.
    """

    dim: int = Field(default=512, ge=8, le=1024)
    """The dimensions: how many singular values are kept. Fewer if the graph has fewer users or
    products.
    """

    singular_value_exponent: float = Field(default=0.75, ge=-1, le=3)
    """The power of singular values in scores; higher trusts well-supported tastes more."""

    group_singular_value_exponent: float = Field(default=1.5, ge=-1, le=3)
    """The same for ranking brands, categories and other groups for users."""

    user_degree_exponent: Power = 0.4
    """How much less an edge counts, the more edges its user (or brand, and so on) has."""

    item_exponent: Power = 0.3
    """The same by the edges of its product. 1/2 and 1/2 normalise symmetrically."""

    item_popularity_exponent: Power = 0.3
    """How much of its popularity the vector of a product keeps."""

    repeat_exponent: Power = 0.5
    """How repeated events count: 1 each fully, 0 nothing after the first."""

    group_power: Power = 0.0
    """The same for the edges of users to brands, categories and so on."""

    half_life_days: float | None = Field(default=30.0, gt=0, allow_inf_nan=False)
    """The age at which an event counts half; None for never."""

    event_weights: dict[str, Weight] = Field(default_factory=dict)
    """What one event counts, by relation, instead of the weights of the schema."""

    edge_type_weights: dict[str, SideWeight] = Field(default_factory=dict)
    """Edge types of products that enter the SVD, such as 'Product-MADE_BY-Brand', with their
    weights relative to events. They give vectors to products that nobody bought yet.
    """

    power_iterations: int = Field(default=4, ge=0, le=50)
    """Power iterations of the SVD; more make small singular values more exact."""

    oversampling: int = Field(default=64, ge=0, le=512)
    """Extra dimensions during the SVD."""

    seed: int = Field(default=0, ge=0, lt=2**63)
    """The seed of the random projection."""


@dataclass(frozen=True, slots=True, eq=False)
class SvdFactors:
    """The factorisation of the normalised matrix, before exponents make vectors of it.

    Args:
        summed: The weight of each pair, [num_users, num_products].
        svd: U, S and V; with `edge_type_weights`, rows of other types follow those of users in U.
        degrees: D_i, float64 [num_products].
    """

    summed: Tensor
    svd: Svd
    degrees: Tensor

    @property
    def users(self) -> Tensor:
        """U of the users, float32 [num_users, dim]."""
        return self.svd.left[: self.summed.shape[0]]

    def vectors(self, config: SvdConfig) -> tuple[Tensor, Tensor]:
        """Returns the vectors of users and of products, with at most `config.dim` dimensions."""
        kept = slice(config.dim)
        # S^h
        spectrum = power_or_zero(self.svd.values[kept], (1 + config.singular_value_exponent) / 2)
        popularity = power_or_zero(self.degrees, config.item_popularity_exponent).float()
        products = popularity[:, None] * self.svd.right[:, kept] * spectrum
        return self.users[:, kept] * spectrum, products


class SvdEncoder:
    """Computes vectors by the normalised SVD of the user x product matrix, without epochs.

    R is the weighted user x product matrix, and `N = D_u^-a R D_i^-b = U S V^T` its normalised
    form. Here a is `user_degree_exponent`, b `item_exponent`, p `item_popularity_exponent`, and h =
    (1 + `singular_value_exponent`) / 2.

    - The vector of a user is `U S^h`, that of a product `D_i^p V S^h`. The spectrum is split
      evenly, so that cosines between two products, or two users, are meaningful.
    - Users are scaled by `D_u^-a`, so that users can be ranked for a brand.
    - Normalisation can be weaker than symmetric, with a and b below 1/2; see
      docs/adr/014-svd-degree-exponents.md.
    - Nodes of any other type X with edges to products are folded in like products: with N_x the
      normalised user x X matrix, `V_x = N_x^T U S^(-1)` and `x = D_x^p V_x S^h`. There,
      `group_singular_value_exponent`, g, replaces the other exponent: against the unchanged vector
      of a user, it leaves `S^(1 + g - h)` on the side of x.
    - With `edge_type_weights`, the normalised matrices of these edge types stand below N, and one
      SVD covers all; U is then the part of the users in the left vectors. A product that was never
      bought counts as popular as one with a single typical buyer.
    """

    def __init__(
        self, schema: Schema, target_edge_type: EdgeType, config: SvdConfig | None = None
    ) -> None:
        self.schema = schema
        self.target_edge_type = target_edge_type
        self.config = config or SvdConfig()

    def fit(self, graph: HeteroData) -> Vectors:
        """Returns vectors for users, products and every type with edges to products.

        Raises:
            InsufficientDataError: There are no events to train on.
            SchemaError: A weight is given for a relation that does not exist or does not fit.
        """
        return self.vectors(graph, self.factors(graph))

    def vectors(self, graph: HeteroData, factors: SvdFactors) -> Vectors:
        """Returns the vectors that `fit` makes of a factorisation, with at most `dim` dimensions.

        Args:
            graph: What was factorised.
        """
        config = self.config
        exponent = config.group_singular_value_exponent - (1 + config.singular_value_exponent) / 2
        # U S^(group_singular_value_exponent - h)
        kept = slice(config.dim)
        readout = factors.users[:, kept] * power_or_zero(factors.svd.values[kept], exponent)
        folded_in = self._folded_in(graph, factors.summed, readout)
        others = {name: _as_array(tensor) for name, tensor in folded_in.items()}
        return self.ends(factors) | others

    def ends(self, factors: SvdFactors) -> Vectors:
        """Returns those of the two types of the target edge type alone."""
        users, products = factors.vectors(self.config)
        return {
            self.target_edge_type.source: _as_array(users),
            self.target_edge_type.target: _as_array(products),
        }

    def factors(self, graph: HeteroData) -> SvdFactors:
        """Returns the factorisation alone, which several configs can share.

        Raises:
            InsufficientDataError: There are no events to train on.
            SchemaError: A weight is given for a relation that does not exist or does not fit.
        """
        config = self.config
        weights = event_weights(self.schema, self.target_edge_type, config.event_weights)
        summed = interaction_matrix(graph, weights, half_life_days=config.half_life_days)
        events = to_power(summed, config.repeat_exponent)  # R, [num_users, num_products]
        stacked = SparseMatrix.from_coordinates(self._stacked(graph, events).float())
        svd = randomized_svd(
            stacked,
            min(config.dim, *stacked.shape),
            power_iterations=config.power_iterations,
            oversampling=config.oversampling,
            seed=config.seed,
        ).without_noise()
        degrees = column_sums(events)
        if config.edge_type_weights:
            degrees = degrees.clamp(min=float(events.values().median()))
        return SvdFactors(summed, svd, degrees)

    def _stacked(self, graph: HeteroData, events: Tensor) -> Tensor:
        """R~, and below it the normalised side relations: one column per product."""
        blocks = [self._normalised(events)]
        for name, weight in self.config.edge_type_weights.items():
            edge_type = self.schema.parse_edge_type(name)
            if not is_side_edge_type(edge_type, self.target_edge_type):
                raise SchemaError(
                    f"edge_type_weights cannot hold {edge_type}",
                    expected=f"an edge of {self.target_edge_type.target} to anything but "
                    f"{self.target_edge_type.source}",
                    value=name,
                )
            edges = membership(graph, edge_type, self.target_edge_type.target).t().coalesce()
            blocks.append(self._normalised(edges) * weight)
        return torch.cat(blocks).coalesce()

    def _folded_in(self, graph: HeteroData, summed: Tensor, readout: Tensor) -> dict[str, Tensor]:
        """Vectors of the types connected to products."""
        shares: dict[str, Tensor] = {}
        for edge_type in side_edge_types(graph, self.target_edge_type):
            node_type = edge_type.other_end(self.target_edge_type.target)
            if node_type != self.target_edge_type.target:
                more = membership(graph, edge_type, self.target_edge_type.target)
                shares[node_type] = shares[node_type] + more if node_type in shares else more
        return {
            node_type: self._fold(product(summed, share.coalesce()), readout)
            for node_type, share in shares.items()
        }

    def _fold(self, summed: Tensor, readout: Tensor) -> Tensor:
        """A type X's vectors, D_x^p R_x~^T U S^(g - h): [num_nodes, dim]."""
        edges = to_power(summed, self.config.group_power)
        weighted = normalised(
            edges,
            self.config.user_degree_exponent,
            self.config.item_exponent - self.config.item_popularity_exponent,
        )
        return SparseMatrix.from_coordinates(weighted.float()).transposed @ readout

    def _normalised(self, edges: Tensor) -> Tensor:
        return normalised(edges, self.config.user_degree_exponent, self.config.item_exponent)


def _as_array(tensor: Tensor) -> np.ndarray:
    return np.ascontiguousarray(tensor.cpu().numpy(), dtype=np.float32)
