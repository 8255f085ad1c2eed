"""The closed form: a truncated SVD of who bought what, with all else folded into its space."""

from typing import Annotated

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field

from graphdb.checked_schema import Schema
from graphdb.errors import SchemaError
from graphdb.schema_types import EdgeType
from training.data import (
    HeteroData,
    behaviour_weights,
    interaction_matrix,
    is_side_edge_type,
    membership,
    side_edge_types,
)
from training.encoders.base import Vectors
from training.sparse_ops import (
    SparseMatrix,
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


class SpectralConfig(BaseModel):
    """How the closed form is computed.

    The defaults were chosen on Complete Journey, on the four weeks before the last four; see
    docs/benchmarks.md. Equal seeds give equal bytes on one machine with one number of threads.

    Args:
        dim: Length of the vectors; as many singular values are kept. Less where the graph has
            fewer users or products.
        beta: How strongly well-supported tastes count over faint ones.
        group_beta: The same where brands, categories and so on are ranked for users.
        user_exponent: How much less a tie counts, the more its user (or brand, and so on) has.
        item_exponent: The same by the ties of its product. 1/2 and 1/2 normalise symmetrically.
        item_power: How much of a product's popularity its vector keeps.
        pair_power: What repeats count: 1 each fully, 0 nothing after the first.
        group_power: The same for the ties of users to brands, categories and so on.
        half_life_days: After how many days an event counts half; None for never (in TOML, which
            has no None, a very large number).
        relation_weights: What one event counts, by relation, in place of the schema's weights.
        side_weights: Relations of products that enter the SVD, by edge type such as
            'Product-MADE_BY-Brand', each with its weight beside the events. Through them
            products that nobody bought yet get vectors.
        power_iterations: More make small singular values more exact.
        oversampling: Extra directions during the SVD.
        seed: Of the random projection.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    dim: int = Field(default=512, ge=32, le=1024)
    beta: float = Field(default=0.75, ge=-1, le=3)
    group_beta: float = Field(default=1.5, ge=-1, le=3)
    user_exponent: Power = 0.4
    item_exponent: Power = 0.3
    item_power: Power = 0.3
    pair_power: Power = 0.5
    group_power: Power = 0.0
    half_life_days: float | None = Field(default=30.0, gt=0, allow_inf_nan=False)
    relation_weights: dict[str, Weight] = Field(default_factory=dict)
    side_weights: dict[str, SideWeight] = Field(default_factory=dict)
    power_iterations: int = Field(default=4, ge=0, le=50)
    oversampling: int = Field(default=64, ge=0, le=512)
    seed: int = Field(default=0, ge=0, lt=2**63)


class SpectralEncoder:
    """Vectors in closed form.

    With R the weighted user x product matrix and R~ = D_u^-a R D_i^-b = U S V^T (a is
    `user_exponent`, b `item_exponent`), the score of a user for a product is, at a = b = 1/2, that
    of DESIGN's R D_i^(-1/2) V S^beta and D_i^(1/2) V, up to a factor per user. Deviations:

    - Users are scaled by D_u^-a, so that users can be ranked for a brand: the vector of a
      user is U S^h and that of a product D_i^item_power V S^h, h = (1 + beta) / 2. Splitting the
      spectrum evenly makes cosines between two products, or two users, mean something.
    - Normalisation may be weaker than symmetric, a and b below 1/2; see docs/decisions.md.
    - Any other type X that is tied to products is folded in as if its nodes were products: with
      R_x the user x X matrix, V_x = R_x~^T U S^(-1) and x = D_x^item_power V_x S^h. There
      `group_beta` stands in for beta: against the unchanged vector of a user it leaves
      S^(1 + group_beta - h) on the side of x.
    - With `side_weights`, the normalised side relations stand below R~ and one SVD is taken of
      all; U is then the users' part of the left vectors. A product that was never bought counts
      as popular as one with a single typical buyer.
    """

    def __init__(
        self, schema: Schema, direction: EdgeType, config: SpectralConfig | None = None
    ) -> None:
        self.schema = schema
        self.direction = direction
        self.config = config or SpectralConfig()

    def fit(self, graph: HeteroData) -> Vectors:
        """Vectors for users, products and every type tied to products.

        Raises:
            NotEnoughDataError: There are no events to learn from.
            SchemaError: A weight is given for a relation that does not exist or does not fit.
        """
        config = self.config
        summed = interaction_matrix(
            graph,
            behaviour_weights(self.schema, self.direction, config.relation_weights),
            half_life_days=config.half_life_days,
        )
        events = to_power(summed, config.pair_power)  # R, [num_users, num_products]
        stacked = SparseMatrix.from_coordinates(self._stacked(graph, events).float())
        svd = randomized_svd(
            stacked,
            min(config.dim, *stacked.shape),
            power_iterations=config.power_iterations,
            oversampling=config.oversampling,
            seed=config.seed,
        ).without_noise()
        spectrum = power_or_zero(svd.values, (1 + config.beta) / 2)  # S^h, [dim]
        users = svd.left[: events.shape[0]]  # U, [num_users, dim]
        degrees = column_sums(events)
        if config.side_weights:
            degrees = degrees.clamp(min=float(events.values().median()))
        popularity = power_or_zero(degrees, config.item_power).float()
        vectors = {
            self.direction.source: users * spectrum,
            self.direction.target: popularity[:, None] * svd.right * spectrum,
        }
        exponent = config.group_beta - (1 + config.beta) / 2
        readout = users * power_or_zero(svd.values, exponent)  # U S^(group_beta - h)
        vectors |= self._folded_in(graph, summed, readout)
        return {name: _as_array(tensor) for name, tensor in vectors.items()}

    def _stacked(self, graph: HeteroData, events: Tensor) -> Tensor:
        """R~, and below it the normalised side relations: one column per product."""
        blocks = [self._normalised(events)]
        for name, weight in self.config.side_weights.items():
            edge_type = self.schema.parse_edge_type(name)
            if not is_side_edge_type(edge_type, self.direction):
                raise SchemaError(
                    f"side_weights cannot hold {edge_type}",
                    expected=f"a tie of {self.direction.target} to anything but "
                    f"{self.direction.source}",
                    value=name,
                )
            ties = membership(graph, edge_type, self.direction.target).t().coalesce()
            blocks.append(self._normalised(ties) * weight)
        return torch.cat(blocks).coalesce()

    def _folded_in(self, graph: HeteroData, summed: Tensor, readout: Tensor) -> dict[str, Tensor]:
        """Vectors of the types tied to products."""
        shares: dict[str, Tensor] = {}
        for edge_type in side_edge_types(graph, self.direction):
            node_type = edge_type.other_end(self.direction.target)
            if node_type != self.direction.target:
                more = membership(graph, edge_type, self.direction.target)
                shares[node_type] = shares[node_type] + more if node_type in shares else more
        return {
            node_type: self._fold(product(summed, share.coalesce()), readout)
            for node_type, share in shares.items()
        }

    def _fold(self, summed: Tensor, readout: Tensor) -> Tensor:
        """A type X's vectors, D_x^item_power R_x~^T U S^(group_beta - h): [num_nodes, dim]."""
        ties = to_power(summed, self.config.group_power)
        weighted = normalised(
            ties, self.config.user_exponent, self.config.item_exponent - self.config.item_power
        )
        return SparseMatrix.from_coordinates(weighted.float()).transposed @ readout

    def _normalised(self, ties: Tensor) -> Tensor:
        return normalised(ties, self.config.user_exponent, self.config.item_exponent)


def _as_array(tensor: Tensor) -> np.ndarray:
    return np.ascontiguousarray(tensor.cpu().numpy(), dtype=np.float32)
