"""The one matrix that most baselines learn from: who took what, and how often."""

from typing import Annotated

import torch
from pydantic import BaseModel, ConfigDict, Field

from graphdb.errors import NotEnoughDataError
from graphdb.schema_types import EdgeType, Schema
from training.data import edge_types_of
from training.pyg import HeteroData
from training.sparse import to_power
from training.weights import behaviour_weights, incidence, interaction_matrix

Tensor = torch.Tensor
Weight = Annotated[float, Field(ge=-100, le=100, allow_inf_nan=False)]


class InteractionConfig(BaseModel):
    """How events become entries of a matrix; the encoders' settings of the same names.

    Args:
        relation_weights: What one event counts, by relation, in place of the schema's weights.
        half_life_days: After how many days an event counts half; None for never.
        pair_power: What repeats count: 1 each fully, 0 nothing after the first, so that all
            entries are 1, as in the papers.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    relation_weights: dict[str, Weight] = Field(default_factory=dict)
    half_life_days: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    pair_power: float = Field(default=0.0, ge=0, le=1)


def interactions(
    graph: HeteroData, schema: Schema, direction: EdgeType, config: InteractionConfig
) -> Tensor:
    """R: coalesced sparse float64 [num_seeds, num_targets], all entries positive.

    Where the direction is an event, all events between its two ends are weighed and summed, as
    `interaction_matrix` does; a tie counts 1.

    Raises:
        NotEnoughDataError: There is no event or tie of that kind.
        SchemaError: A weight is given for a relation that does not tie the two ends.
    """
    if schema.relation(direction.relation).is_event:
        weights = behaviour_weights(schema, direction, config.relation_weights)
        summed = interaction_matrix(graph, weights, half_life_days=config.half_life_days)
        return to_power(summed, config.pair_power)
    if direction not in edge_types_of(graph) or not graph[direction].edge_index.numel():
        raise NotEnoughDataError(f"there are no {direction} ties to learn from")
    return incidence(graph, direction)
