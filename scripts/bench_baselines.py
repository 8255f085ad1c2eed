"""What the models of bench_accuracy are measured beside."""

import torch
from bench_data import DataSet, Question, Split

from graphdb.schema_types import EdgeType
from training.baselines import Ials, IalsConfig
from training.config import TrainConfig
from training.data import edge_types_of
from training.pyg import HeteroData
from training.scoring import VectorScorer
from training.ties import is_side_edge_type, membership


def popularity(asked: Question) -> VectorScorer:
    """The same list for every seed."""
    seeds = torch.ones(asked.truth.num_sources, 1)
    return VectorScorer(seeds, asked.popularity[:, None])


def ials(split: Split, data: DataSet, config: TrainConfig) -> list[VectorScorer]:
    """A scorer for each question, from one factorisation along the data set's direction.

    Events weigh what they do for the closed form, vectors are as long as the network's.
    """
    chosen = IalsConfig(
        relation_weights=config.spectral.relation_weights,
        dim=config.graph.dim,
        seed=config.spectral.seed,
    )
    factors = Ials(data.schema, data.direction, chosen).fit(split.graph)
    vectors = {data.direction.source: factors.seeds, data.direction.target: factors.targets}
    for end in {end for asked in split.questions for end in (asked.source, asked.target)}:
        if end not in vectors:
            vectors[end] = summed(split.graph, data.direction, end, factors.targets)
    return [VectorScorer(vectors[asked.source], vectors[asked.target]) for asked in split.questions]


def summed(
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
