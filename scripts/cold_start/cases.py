"""The data of the cold start: a graph to learn from, and what was bought afterwards."""

import argparse
from dataclasses import dataclass
from pathlib import Path

import torch
from bench_accuracy import settings_of
from bench_data import DATASETS
from bench_data.amazon_beauty import RELATED
from bench_data.weeks import held_out_weeks
from bench_models.edges import settings_without, without_edges

from graphdb.checked_schema import Schema
from graphdb.schema_types import EdgeType
from graphrec.bundle import Adjacency
from training.config import TrainConfig
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
        taken: What is no answer because the user had it; None where repeats count.
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
    """Amazon Beauty with the settings that bench_accuracy has for it."""
    data = DATASETS[BEAUTY]
    split = data.read(options.data / BEAUTY, options.validate)
    config = settings_of(BEAUTY, options.seed, [])
    graph, name = split.graph, BEAUTY
    if options.without_related:
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
        past, {edge for edge in edge_types_of(past) if edge.relation in _FROM_SALES}
    )
    config = TrainConfig().model_dump()
    config["svd"]["seed"] = config["graph"]["seed"] = options.seed
    return Case(
        JOURNEY,
        weeks.schema,
        bought,
        past,
        holdout.truth,
        None,
        torch.ones(past[bought.target].num_nodes, dtype=torch.bool),
        TrainConfig.model_validate(config),
    )


def bought_before(case: Case) -> Adjacency:
    """What each user bought in the training part."""
    return adjacency(case.graph, case.target_edge_type)


def edges_of(case: Case) -> list[EdgeType]:
    """The edges of products to anything but users, where there are any."""
    product = case.target_edge_type.target
    return [
        edge
        for edge in edge_types_of(case.graph)
        if product in edge[::2]
        and case.target_edge_type.source not in edge[::2]
        and case.graph[edge].edge_index.numel()
    ]


def opened(options: argparse.Namespace) -> list[Case]:
    """The data sets that were asked for."""
    cases = []
    if options.data:
        cases.append(beauty(options))
    if options.snapshot:
        cases.append(journey(options))
    return cases


def data_options(parser: argparse.ArgumentParser) -> None:
    """Where the data lie, and which part of them is measured."""
    parser.add_argument("--data", type=Path, help=f"folder that holds {BEAUTY}")
    parser.add_argument("--snapshot", type=Path, help="of Complete Journey, such as the demo's")
    parser.add_argument("--validate", action="store_true", help="measure on a part of train")
    parser.add_argument(
        "--without-related",
        action="store_true",
        help="leave out edges that purchases may have made",
    )
