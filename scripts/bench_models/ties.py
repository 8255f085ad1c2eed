"""A graph without some of its ties, and the settings that go with it."""

from collections.abc import Collection

import torch

from graphdb.schema_types import EdgeType
from training.config import TrainConfig
from training.data import HeteroData, edge_types_of
from training.splitting.split import kept_part


def without_ties(graph: HeteroData, ties: Collection[EdgeType]) -> HeteroData:
    """The graph with no edge of some types, which it still has.

    Raises:
        ValueError: It has no such type to begin with.
    """
    missing = set(ties) - set(edge_types_of(graph))
    if missing:
        raise ValueError(
            f"there are no edges of {', '.join(sorted(map(str, missing)))} to leave out"
        )

    def keep(tie: EdgeType) -> torch.Tensor | None:
        number = graph[tie].edge_index.shape[1]
        return torch.zeros(number, dtype=torch.bool) if tie in ties else None

    return kept_part(graph, keep)


def settings_without(config: TrainConfig, ties: Collection[EdgeType]) -> TrainConfig:
    """The settings without those of some ties, walked either way."""
    names = {str(tie) for tie in ties}
    content = config.model_dump()
    for part, key in (
        ("svd", "edge_type_weights"),
        ("graph", "supervision"),
        ("graph", "relation_weights"),
    ):
        given = content[part][key]
        if given is not None:
            content[part][key] = {
                n: value for n, value in given.items() if n.lstrip("~") not in names
            }
    return TrainConfig.model_validate(content)
