"""What the encoders are measured beside, with the settings in settings/baselines.toml."""

from collections.abc import Mapping
from typing import Any

import torch

from benchmarks.data import DataSet, EvalTask, Split
from benchmarks.models.served import served
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
BY_HISTORY = ("ease", "item-knn", "gf-cf")
"""Without vectors: they answer along the target edge type alone."""


def baseline(
    name: str,
    split: Split,
    data: DataSet,
    config: TrainConfig,
    changes: Mapping[str, Any],
    device: str | None,
) -> list[Scorer | None]:
    """A scorer for each question; None for one that the baseline cannot answer.

    Events weigh what they do for the SVD; `changes` stand in place of defaults.
    """
    if name == "popularity":
        return [popularity(asked) for asked in split.questions]
    ends = (data.target_edge_type.source, data.target_edge_type.target)
    along = [(asked.source, asked.target) == ends for asked in split.questions]
    if name in BY_HISTORY and not any(along):
        return [None] * len(along)
    settings = {"event_weights": config.svd.event_weights, **changes}
    if name != "item-knn":  # which has nothing random
        settings["seed"] = config.svd.seed
    scorer = _made(name, data, settings, device).fit(split.graph)
    if isinstance(scorer, VectorScorer):
        return list(_by_vectors(scorer, split, data.target_edge_type))
    return [scorer if fits else None for fits in along]


def popularity(asked: EvalTask) -> VectorScorer:
    """The same list for every query node."""
    queries = torch.ones(asked.truth.num_sources, 1)
    return VectorScorer(queries, asked.popularity[:, None])


def _made(name: str, data: DataSet, settings: dict[str, Any], device: str | None) -> Baseline:
    schema, target_edge_type = data.schema, data.target_edge_type
    match name:
        case "ials":
            return Ials(
                schema, target_edge_type, IalsConfig(threads=torch.get_num_threads(), **settings)
            )
        case "ease":
            return LowRankEase(schema, target_edge_type, LowRankEaseConfig(**settings))
        case "gf-cf":
            return GfCf(schema, target_edge_type, GfCfConfig(**settings))
        case "item-knn":
            return ItemKnn(schema, target_edge_type, ItemKnnConfig(**settings))
        case _:
            return LightGcnBpr(schema, target_edge_type, LightGcnBprConfig(**settings), device)


def _by_vectors(
    scorer: VectorScorer, split: Split, target_edge_type: EdgeType
) -> list[VectorScorer]:
    """Vectors answer along every edge type; those of a third type are sums over its targets."""
    vectors = {target_edge_type.source: scorer.queries, target_edge_type.target: scorer.targets}
    for end in {end for asked in split.questions for end in (asked.source, asked.target)}:
        if end not in vectors:
            vectors[end] = _summed(split.graph, target_edge_type, end, scorer.targets)
    return [
        served(vectors[asked.source], vectors[asked.target], asked) for asked in split.questions
    ]


def _summed(
    graph: HeteroData, target_edge_type: EdgeType, node_type: str, targets: torch.Tensor
) -> torch.Tensor:
    """Vectors of a type with edges to the targets: their sums, so scores are sums as well."""
    (edges,) = (
        edge_type
        for edge_type in edge_types_of(graph)
        if is_side_edge_type(edge_type, target_edge_type)
        and edge_type.other_end(target_edge_type.target) == node_type
    )
    return membership(graph, edges, target_edge_type.target).t().float() @ targets
