"""The data of the cold start: a graph to learn from, and what was bought afterwards."""

import argparse
from dataclasses import dataclass

import torch

from benchmarks.data import DATASETS
from benchmarks.data.amazon_beauty import RELATED
from benchmarks.data.weeks import held_out_weeks
from benchmarks.models import settings_of, settings_without, without_edges
from graphdb.checked_schema import Schema
from graphdb.schema_types import EdgeType
from graphrec.bundle import Adjacency
from training.config import TrainConfig, make_config, preset_path
from training.data import HeteroData, edge_types_of
from training.pairs import adjacency

BEAUTY = "amazon-beauty"
JOURNEY = "complete-journey"

# Complete Journey takes from sales which shop sells a product and what it costs; see
# docs/adr/033-edges-derived-from-sales.md.
_FROM_SALES = ("SOLD_BY", "IN_PRICE_BAND")


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """A data set before anything is hidden.

    Args:
        graph: The training part, without edges that purchases made.
        truth: What each user bought in the held-out part.
        taken: What is no answer because the user has seen it; None where repeats count.
        candidates: Which products can be answers, bool [num_products].
        config: How the models are trained.
    """

    name: str
    schema: Schema
    target_edge_type: EdgeType
    graph: HeteroData
    truth: Adjacency
    taken: Adjacency | None
    candidates: torch.Tensor
    config: TrainConfig


def beauty(options: argparse.Namespace) -> Case:
    """Amazon Beauty with the settings that the accuracy benchmark has for it."""
    data = DATASETS[BEAUTY]
    split = data.read(options.data / BEAUTY, options.validate)
    config = settings_of(BEAUTY, options.seed, [])
    graph, name = split.graph, BEAUTY
    if options.exclude_related:
        graph, config = without_edges(graph, RELATED), settings_without(config, RELATED)
        name = f"{BEAUTY}, nothing related"
    (asked,) = split.questions
    assert asked.candidates is not None
    return Case(
        name,
        data.schema,
        data.target_edge_type,
        graph,
        asked.truth,
        asked.taken,
        asked.candidates,
        config,
    )


def journey(options: argparse.Namespace) -> Case:
    """Complete Journey: four weeks are predicted, the last ones or those before."""
    weeks = held_out_weeks(options.snapshot, validate=options.validate)
    holdout, past = weeks.holdout, weeks.holdout.train_graph
    bought = holdout.edge_type
    past = without_edges(
        past, {edge_type for edge_type in edge_types_of(past) if edge_type.relation in _FROM_SALES}
    )
    seed = {"seed": options.seed}
    return Case(
        JOURNEY,
        weeks.schema,
        bought,
        past,
        holdout.truth,
        None,
        torch.ones(past[bought.target].num_nodes, dtype=torch.bool),
        make_config(preset_path("svd-graph"), seed, seed),
    )


def bought_before(case: Case) -> Adjacency:
    """What each user bought in the training part."""
    return adjacency(case.graph, case.target_edge_type)


def edge_types_beside(case: Case) -> list[EdgeType]:
    """The edge types of products to anything but users, where there are any edges."""
    product = case.target_edge_type.target
    return [
        edge_type
        for edge_type in edge_types_of(case.graph)
        if product in edge_type[::2]
        and case.target_edge_type.source not in edge_type[::2]
        and case.graph[edge_type].edge_index.numel()
    ]


def cases(options: argparse.Namespace) -> list[Case]:
    """The data sets that were asked for."""
    found = []
    if options.data:
        found.append(beauty(options))
    if options.snapshot:
        found.append(journey(options))
    return found
