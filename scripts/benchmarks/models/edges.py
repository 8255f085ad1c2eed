"""A graph without some of its edge types, and the settings that go with it."""

from collections.abc import Collection

import torch

from graphdb.schema_types import EdgeType
from training.config import TrainConfig
from training.data import HeteroData, edge_types_of
from training.splitting.split import kept_part


def without_edges(graph: HeteroData, edge_types: Collection[EdgeType]) -> HeteroData:
    """The graph with no edge of some types, which it still has.

    Raises:
        ValueError: It has no such type to begin with.
    """
    missing = set(edge_types) - set(edge_types_of(graph))
    if missing:
        raise ValueError(f"there are no edges of {', '.join(sorted(map(str, missing)))} to exclude")

    def keep(edge_type: EdgeType) -> torch.Tensor | None:
        number = graph[edge_type].edge_index.shape[1]
        return torch.zeros(number, dtype=torch.bool) if edge_type in edge_types else None

    return kept_part(graph, keep)


def settings_without(config: TrainConfig, edge_types: Collection[EdgeType]) -> TrainConfig:
    """The settings without those of some edge types, walked either way."""
    names = {str(edge_type) for edge_type in edge_types}
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
