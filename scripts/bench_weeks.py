"""Held-out weeks beside the usual baselines: python scripts/bench_weeks.py SNAPSHOT.

SNAPSHOT is a folder that `graphrec snapshot` wrote, such as that of the demo. Its last four weeks
are held out; with --validate they are cut off, and the four weeks before them are held out: the
way to choose settings. Every model learns users' purchases; for brands, the baselines learn the
same purchases as events of users and brands. To all, recent purchases count more.
"""

import argparse
import platform
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import torch
from bench_data.weeks import WEEKS, held_out_weeks
from rich.console import Console
from rich.table import Table

from graphdb.schema_types import EdgeType, Schema
from graphrec.bundle import Adjacency
from training.baselines import (
    Baseline,
    Ials,
    IalsConfig,
    ItemKnn,
    ItemKnnConfig,
    Popularity,
    RecentPopularity,
    RecentPopularityConfig,
)
from training.data import AT_S, COUNT
from training.encoders import SpectralEncoder
from training.evaluation.tasks import first_tasks
from training.pairs import without
from training.pyg import HeteroData
from training.scoring import Scorer, VectorScorer, reached_at_k
from training.sparse import csr_of
from training.split import Holdout

K = 20
EVENTS = {"half_life_days": 30.0, "pair_power": 0.5}


@dataclass(frozen=True)
class Question:
    """What is to be found, and what is no answer."""

    name: str
    truth: Adjacency
    taken: Adjacency | None


def main() -> None:
    options = parsed()
    torch.set_num_threads(options.threads)
    weeks = held_out_weeks(options.snapshot, validate=options.validate)
    schema, holdout, made_by = weeks.schema, weeks.holdout, weeks.schema.edge_type("MADE_BY")
    products, brands = questions(holdout, schema, made_by)
    table = Table(
        title=f"{WEEKS} weeks, {weeks.part} part, seed {options.seed}, {date.today()}, "
        f"{options.threads} threads of {platform.processor() or platform.machine()}",
        header_style="bold",
    )
    for heading in ("model", *(f"{one.name}, recall/NDCG@{K}" for one in (*products, brands))):
        table.add_column(heading)
    table.add_column("seconds", justify="right")
    for name, of_products, of_brands, seconds in fitted(holdout, schema, made_by, options.seed):
        found = [reached(of_products, one) for one in products] + [reached(of_brands, brands)]
        table.add_row(name, *found, f"{seconds:.0f}")
    Console(width=None if Console().is_terminal else 140).print(table)


def questions(
    holdout: Holdout, schema: Schema, made_by: EdgeType
) -> tuple[list[Question], Question]:
    every, new, brands = (
        Question(task.name, task.truth, task.direction.had if task.exclude_seen else None)
        for task in first_tasks(holdout, schema, made_by)
    )
    repeated = Question("bought before", without(holdout.truth, holdout.new_truth), None)
    return [every, repeated, new], brands


def fitted(
    holdout: Holdout, schema: Schema, made_by: EdgeType, seed: int
) -> Iterator[tuple[str, Scorer, Scorer, float]]:
    """Every model's scorers of products and of brands, and the seconds that they took."""
    bought = holdout.edge_type
    follows = schema.edge_type("FOLLOWS", bought.source, made_by.target)
    by_brand = brand_graph(holdout.train_graph, bought, made_by, follows)
    for name in ("popularity", "recent popularity", "ItemKNN", "iALS"):
        began = time.perf_counter()
        of_products = baseline(name, schema, bought, seed).fit(holdout.train_graph)
        of_brands = baseline(name, schema, follows, seed).fit(by_brand)
        yield name, of_products, of_brands, time.perf_counter() - began
    began = time.perf_counter()
    vectors = SpectralEncoder(schema, bought).fit(holdout.train_graph)
    scorers = (VectorScorer.along(vectors, one) for one in (bought, follows))
    yield "closed form", *scorers, time.perf_counter() - began


def baseline(name: str, schema: Schema, direction: EdgeType, seed: int) -> Baseline:
    """With plain settings and the encoder's weights of events; not tuned further."""
    match name:
        case "popularity":
            return Popularity(direction)
        case "recent popularity":
            return RecentPopularity(direction, RecentPopularityConfig(half_life_days=30))
        case "ItemKNN":
            return ItemKnn(schema, direction, ItemKnnConfig(num_neighbours=200, **EVENTS))
        case _:
            return Ials(schema, direction, IalsConfig(dim=64, confidence=1, seed=seed, **EVENTS))


def brand_graph(
    graph: HeteroData, bought: EdgeType, made_by: EdgeType, follows: EdgeType
) -> HeteroData:
    """Each purchase as an event between the user and the product's brand."""
    users, products = graph[bought].edge_index
    makers = torch.full((graph[bought.target].num_nodes,), -1)
    makers[graph[made_by].edge_index[0]] = graph[made_by].edge_index[1]
    known = makers[products] >= 0
    found = HeteroData()
    for end in (follows.source, follows.target):
        found[end].num_nodes = graph[end].num_nodes
    store = found[follows]
    store.edge_index = torch.stack([users[known], makers[products[known]]])
    for name in (AT_S, COUNT):
        store[name] = graph[bought][name][known]
    return found


def reached(scorer: Scorer, asked: Question) -> str:
    taken = None if asked.taken is None else csr_of(asked.taken)
    found = reached_at_k(scorer, taken, csr_of(asked.truth), K)
    return f"{found.recall:.4f} / {found.ndcg:.4f}"


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("snapshot", help="folder of a snapshot")
    parser.add_argument("--validate", action="store_true", help="the four weeks before instead")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


if __name__ == "__main__":
    main()
