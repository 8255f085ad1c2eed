"""What the encoders are measured beside, with the settings in bench_settings/baselines.toml."""

from collections.abc import Mapping
from typing import Any

import torch
from bench_data import DataSet, EvalTask, Split

from bench_models.served import served
from graphdb.schema_types import EdgeType
from training.baselines import (
    Baseline,
    GfCf,
    GfCfConfig,
    Ials,
    IalsConfig,
    ItemKnn,
    ItemKnnConfig,
    LightGcnBpr,
    LightGcnBprConfig,
    LowRankEase,
    LowRankEaseConfig,
)
from training.config import TrainConfig
from training.data import HeteroData, edge_types_of, is_side_edge_type, membership
from training.evaluation.metrics import Scorer, VectorScorer

BASELINES = ("popularity", "ials", "ease", "item-knn", "gf-cf", "lightgcn")
BY_HISTORY = ("ease", "item-knn", "gf-cf")  # without vectors: they answer along the direction alone


def baseline(
    name: str,
    split: Split,
    data: DataSet,
    config: TrainConfig,
    changes: Mapping[str, Any],
    device: str | None,
) -> list[Scorer | None]:
    """A scorer for each question; None for one that the baseline cannot answer.

    Events weigh what they do for the closed form; `changes` stand in place of defaults.
    """
    if name == "popularity":
        return [popularity(asked) for asked in split.questions]
    ends = (data.direction.source, data.direction.target)
    along = [(asked.source, asked.target) == ends for asked in split.questions]
    if name in BY_HISTORY and not any(along):
        return [None] * len(along)
    settings = {"event_weights": config.svd.event_weights, **changes}
    if name != "item-knn":  # which has nothing random
        settings["seed"] = config.svd.seed
    scorer = _made(name, data, settings, device).fit(split.graph)
    if isinstance(scorer, VectorScorer):
        return list(_by_vectors(scorer, split, data.direction))
    return [scorer if fits else None for fits in along]


def popularity(asked: EvalTask) -> VectorScorer:
    """The same list for every seed."""
    seeds = torch.ones(asked.truth.num_sources, 1)
    return VectorScorer(seeds, asked.popularity[:, None])


def _made(name: str, data: DataSet, settings: dict[str, Any], device: str | None) -> Baseline:
    schema, direction = data.schema, data.direction
    match name:
        case "ials":
            return Ials(schema, direction, IalsConfig(threads=torch.get_num_threads(), **settings))
        case "ease":
            return LowRankEase(schema, direction, LowRankEaseConfig(**settings))
        case "gf-cf":
            return GfCf(schema, direction, GfCfConfig(**settings))
        case "item-knn":
            return ItemKnn(schema, direction, ItemKnnConfig(**settings))
        case _:
            return LightGcnBpr(schema, direction, LightGcnBprConfig(**settings), device)


def _by_vectors(scorer: VectorScorer, split: Split, direction: EdgeType) -> list[VectorScorer]:
    """Vectors answer in every direction; those of a third type are summed from its own targets."""
    vectors = {direction.source: scorer.seeds, direction.target: scorer.targets}
    for end in {end for asked in split.questions for end in (asked.source, asked.target)}:
        if end not in vectors:
            vectors[end] = _summed(split.graph, direction, end, scorer.targets)
    return [
        served(vectors[asked.source], vectors[asked.target], asked) for asked in split.questions
    ]


def _summed(
    graph: HeteroData, direction: EdgeType, node_type: str, targets: torch.Tensor
) -> torch.Tensor:
    """Vectors of a type tied to the targets: a seed's score is the sum of those of its own ones."""
    (ties,) = (
        edge_type
        for edge_type in edge_types_of(graph)
        if is_side_edge_type(edge_type, direction)
        and edge_type.other_end(direction.target) == node_type
    )
    return membership(graph, ties, direction.target).t().float() @ targets
