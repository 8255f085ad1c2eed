"""Accuracy on standard splits, beside published figures: python scripts/bench_accuracy.py DATA.

DATA is a folder with `gowalla` in it, that with train.parquet and test.parquet of (user, item), the
LightGCN split. With --validate, a tenth of the training pairs is held out and
measured instead of the test part: the way to choose settings. Seconds hold everything from reading
the files to the vectors, but not the ranking of the test.
"""

import argparse
import platform
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import torch
from rich.console import Console
from rich.table import Table

from graphdb import SCHEMA
from graphdb.schema_types import EdgeType
from graphrec.bundle import Adjacency
from training.encoders import (
    Encoder,
    GraphEncoder,
    PopularityEncoder,
    SpectralConfig,
    SpectralEncoder,
    Vectors,
)
from training.encoders.two_halves import side_by_side
from training.gnn import GnnConfig
from training.gnn.trainer import Epoch
from training.pairs import adjacency
from training.pyg import HeteroData
from training.scoring import Reached, VectorScorer, reached_at_k
from training.sparse import csr_of
from training.split import hold_out_share

PURCHASED = SCHEMA.edge_type("PURCHASED")
K = 20


@dataclass(frozen=True)
class Published:
    """A figure of a paper; nearly all such are the best epoch on the test part."""

    name: str
    recall: float
    ndcg: float


@dataclass(frozen=True)
class Standard:
    """A data set, what was published on it, and the settings chosen on the validation part."""

    published: tuple[Published, ...]
    spectral: SpectralConfig
    graph: GnnConfig
    balance: float


PLAIN = {"half_life_days": None, "pair_power": 1.0}
STANDARDS = {
    "gowalla": Standard(
        (
            Published("LightGCN", 0.1830, 0.1554),
            Published("LightGCN+BSL", 0.1892, 0.1590),
            Published("ChebyCF, the best", 0.1941, 0.1616),
        ),
        SpectralConfig(dim=768, beta=0.5, item_power=0.5, power_iterations=3, **PLAIN),
        GnnConfig(dim=256, epochs=10, temperature=0.12, negative_weight=0.84),
        balance=2.0,
    ),
}


def main() -> None:
    options = parsed()
    torch.set_num_threads(options.threads)
    console = Console(width=None if Console().is_terminal else 120)
    for name in options.sets:
        standard, began = STANDARDS[name], time.perf_counter()
        graph, truth = read(options.data / name, validate=options.validate)
        read_s = time.perf_counter() - began
        graph_config = standard.graph.model_copy(
            update={"seed": options.seed, **dict(map(setting, options.set))}
        )
        part = "validation" if options.validate else "test"
        table = Table(
            title=f"{name}, {part} part, seed {options.seed}, {date.today()}, "
            f"{options.threads} threads of {platform.processor() or platform.machine()}, "
            f"torch {torch.__version__}",
            header_style="bold",
        )
        table.add_column("model")
        for heading in (f"recall@{K}", f"ndcg@{K}", "seconds", "to the best published"):
            table.add_column(heading, justify="right")
        best = standard.published[-1]
        for one in () if options.validate else standard.published:
            table.add_row(*cells(f"published: {one.name}", one.recall, one.ndcg, None, best))
        for model, reached, seconds in measured(
            graph, truth, standard, graph_config, options, read_s, console
        ):
            table.add_row(
                *cells(
                    model, reached.recall, reached.ndcg, seconds, None if options.validate else best
                )
            )
        console.print(table)


def measured(
    graph: HeteroData,
    truth: Adjacency,
    standard: Standard,
    graph_config: GnnConfig,
    options: argparse.Namespace,
    read_s: float,
    console: Console,
) -> Iterator[tuple[str, Reached, float]]:
    def tell(epoch: Epoch) -> None:
        console.print(f"epoch {epoch.number}: loss {epoch.loss:.3f}, {epoch.seconds:.1f} s")

    spectral = standard.spectral.model_copy(update={"seed": options.seed})
    models: dict[str, Encoder] = {
        "popularity": PopularityEncoder(PURCHASED),
        f"spectral, {spectral.dim}": SpectralEncoder(SCHEMA, PURCHASED, spectral),
        f"graph network, {graph_config.dim}": GraphEncoder(SCHEMA, graph_config, on_epoch=tell),
    }
    kept: list[tuple[Vectors, float]] = []
    taken = csr_of(adjacency(graph, PURCHASED))
    for name, encoder in models.items():
        began = time.perf_counter()
        vectors = encoder.fit(graph)
        seconds = time.perf_counter() - began
        kept.append((vectors, seconds))
        yield name, ranked(vectors, taken, truth), read_s + seconds
    (_, (first, first_s), (second, second_s)) = kept
    balances = options.balances if options.validate else [standard.balance]
    for balance in balances:
        began = time.perf_counter()
        both = side_by_side(first, second, "User", balance)
        seconds = read_s + first_s + second_s + time.perf_counter() - began
        yield f"both, {balance:g} to 1", ranked(both, taken, truth), seconds


def ranked(vectors: Vectors, taken: torch.Tensor, truth: Adjacency) -> Reached:
    return reached_at_k(VectorScorer.along(vectors, PURCHASED), taken, csr_of(truth), K)


def read(folder: Path, *, validate: bool) -> tuple[HeteroData, Adjacency]:
    """The training pairs as a graph, and the pairs to find."""
    parts = [pq.read_table(folder / f"{part}.parquet") for part in ("train", "test")]
    train, test = (
        np.stack([table[name].to_numpy().astype(np.int64) for name in ("user", "item")])
        for table in parts
    )
    num_users, num_items = (np.concatenate([train, test], axis=1).max(axis=1) + 1).tolist()
    graph = graph_of(train, num_users, num_items, PURCHASED)
    if validate:
        held = hold_out_share(graph, SCHEMA, PURCHASED, 0.1)
        return held.train_graph, held.truth
    return graph, Adjacency.from_edges(*test, num_users, num_items)


def graph_of(pairs: np.ndarray, num_users: int, num_items: int, edge_type: EdgeType) -> HeteroData:
    graph = HeteroData()
    graph[edge_type.source].num_nodes = num_users
    graph[edge_type.target].num_nodes = num_items
    store = graph[edge_type]
    store.edge_index = torch.from_numpy(pairs)
    store.at_s = torch.zeros(pairs.shape[1], dtype=torch.int64)
    store["count"] = torch.ones(pairs.shape[1])
    return graph


def cells(
    name: str, recall: float, ndcg: float, seconds: float | None, best: Published | None
) -> list[str]:
    return [
        name,
        f"{recall:.4f}",
        f"{ndcg:.4f}",
        "" if seconds is None else f"{seconds:.0f}",
        "" if best is None else f"{recall / best.recall:.3f} x",
    ]


def setting(text: str) -> tuple[str, object]:
    """'dim=64' for `--set`; the value as GnnConfig reads it."""
    name, _, value = text.partition("=")
    parsed_config = GnnConfig.model_validate({name: None if value == "none" else value})
    return name, getattr(parsed_config, name)


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, help="the folder with the data sets")
    parser.add_argument("sets", nargs="*", default=list(STANDARDS), help="which of them")
    parser.add_argument("--validate", action="store_true", help="measure on a part of train")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="of GnnConfig"
    )
    parser.add_argument(
        "--balances", type=float, nargs="*", default=[1.0, 2.0, 3.0], help="with --validate"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
