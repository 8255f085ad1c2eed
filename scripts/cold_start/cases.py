"""The data of the cold start: a graph to learn from, and what was bought afterwards."""

import argparse
from dataclasses import dataclass
from pathlib import Path

import torch
from bench_accuracy import settings_of
from bench_data import DATASETS
from bench_data.amazon_beauty import RELATED
from bench_data.weeks import held_out_weeks

from cold_start.hiding import with_edges
from graphdb.schema_types import EdgeType, Schema
from graphrec.bundle import Adjacency
from training.config import TrainConfig
from training.data import edge_types_of
from training.pairs import adjacency
from training.pyg import HeteroData

BEAUTY = "amazon-beauty"
JOURNEY = "complete-journey"

# Complete Journey takes from sales which shop sells a product and what it costs; see decisions.
_FROM_SALES = ("SOLD_BY", "IN_PRICE_BAND")


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """A data set before anything is hidden.

    Args:
        graph: The training part, without ties that purchases made.
        truth: What each user bought in the held-out part.
        taken: What is no answer because the user had it; None where repeats count.
        candidates: Which products can be answers, bool [num_products].
        config: How the models are trained.
    """

    name: str
    schema: Schema
    direction: EdgeType
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
        dropped = set(RELATED)
        graph = with_edges(graph, lambda tie: _none(graph, tie) if tie in dropped else None)
        config, name = _without(config, {str(tie) for tie in dropped}), f"{BEAUTY}, nothing related"
    (asked,) = split.questions
    assert asked.candidates is not None
    return Case(
        name,
        data.schema,
        data.direction,
        graph,
        asked.truth,
        asked.taken,
        asked.candidates,
        config,
    )


def journey(options: argparse.Namespace) -> Case:
    """Complete Journey: four weeks are foretold, the last ones or those before."""
    weeks = held_out_weeks(options.snapshot, validate=options.validate)
    holdout, past = weeks.holdout, weeks.holdout.train_graph
    bought = holdout.edge_type
    past = with_edges(past, lambda tie: _none(past, tie) if tie.relation in _FROM_SALES else None)
    config = TrainConfig().model_dump()
    config["spectral"]["seed"] = config["graph"]["seed"] = options.seed
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
    return adjacency(case.graph, case.direction)


def ties_of(case: Case) -> list[EdgeType]:
    """The ties of products to anything but users, where there are any."""
    product = case.direction.target
    return [
        tie
        for tie in edge_types_of(case.graph)
        if product in tie[::2]
        and case.direction.source not in tie[::2]
        and case.graph[tie].edge_index.numel()
    ]


def _none(graph: HeteroData, tie: EdgeType) -> torch.Tensor:
    return torch.zeros(graph[tie].edge_index.shape[1], dtype=torch.bool)


def _without(config: TrainConfig, names: set[str]) -> TrainConfig:
    """The settings without those of some ties, walked either way."""
    content = config.model_dump()
    for part, key in (("spectral", "side_weights"), ("graph", "directions"), ("graph", "gains")):
        kept = {n: value for n, value in content[part][key].items() if n.lstrip("~") not in names}
        content[part][key] = kept
    return TrainConfig.model_validate(content)


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
        "--without-related", action="store_true", help="leave out ties that purchases may have made"
    )
