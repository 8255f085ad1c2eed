"""Seconds per epoch beside PyG's LightGCN: python scripts/bench_training.py DATA.

DATA is a folder with `gowalla/train.parquet` of (user, item) in it. Every row trains as many pairs
in a step, over as many layers, with vectors as long, in a process of its own, one by one:

- PyG's `LightGCN` as its example trains it: all nodes along a plain `edge_index` in every step, BPR
  against one drawn negative per pair, Adam; and the same with the adjacency as a CSR matrix.
- graphrec's trainer, which sets every target of a batch against every query node of it; and the
  same with one part of it at a time in the plain way.

Other work on the machine only ever adds to a time, so the fastest of several counts: of ours the
fastest epoch, of PyG the fastest step, times the steps of an epoch. The first is to warm up. Where
the machine is never quiet, the processor's time of all threads says more than the clock.
"""

import argparse
import platform
import resource
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pyarrow.parquet as pq
import torch
from bench_data.base import graph_of
from rich.console import Console
from rich.table import Table

from graphdb import SCHEMA
from training.data import LightGCN
from training.gnn import GnnConfig, HeteroLightGCN, relation_operators
from training.gnn.supervision import supervised_edges
from training.gnn.trainer import Trainer
from training.sparse_ops import SparseMatrix, coordinates

PURCHASED = SCHEMA.edge_type("PURCHASED")
RATE = 1e-3


@dataclass(frozen=True)
class Spent:
    """Seconds by the clock, and of the processor, all threads together."""

    clock_s: float
    cpu_s: float

    @classmethod
    def until_now(cls) -> "Spent":
        return cls(time.perf_counter(), time.process_time())

    @classmethod
    def least(cls, moments: "list[Spent]", times: int = 1) -> "Spent":
        """The least between two moments in a row, each for itself, without the first."""
        pairs = list(pairwise(moments))[1:]
        return cls(
            times * min(after.clock_s - before.clock_s for before, after in pairs),
            times * min(after.cpu_s - before.cpu_s for before, after in pairs),
        )


@dataclass(frozen=True)
class Measured:
    """Memory is the peak of the whole process, and what it held when the data had been read."""

    epoch: Spent
    before_mb: float
    peak_mb: float


@dataclass(frozen=True)
class Job:
    """What a row's process is told."""

    train: Path
    row: str
    config: GnnConfig
    pyg_steps: int
    threads: int


def main() -> None:
    options = parsed()
    console = Console(width=None if Console().is_terminal else 120)
    train = options.data / "gowalla" / "train.parquet"
    users, _ = read(train)
    steps = -(-len(np.unique(users)) // options.batch_size)
    console.print(
        f"{len(users):,} pairs in {steps} steps of about {len(users) / steps:,.0f}, "
        f"dim {options.dim}; {options.pyg_steps} steps of PyG and {options.epochs} epochs of ours"
    )
    for num_layers in options.layers:
        config = GnnConfig(
            dim=options.dim,
            num_layers=num_layers,
            epochs=1 + options.epochs,
            batch_size=options.batch_size,
            seed=options.seed,
        )
        table = empty_table(num_layers, options)
        plain = None
        for row in list(ROWS)[: 3 if options.brief else None]:
            found = in_a_process(Job(train, row, config, options.pyg_steps, options.threads))
            plain = plain or found.epoch
            table.add_row(
                row,
                f"{found.epoch.clock_s:.1f}",
                f"{len(users) / found.epoch.clock_s:,.0f}",
                f"{plain.clock_s / found.epoch.clock_s:.1f} x",
                f"{found.epoch.cpu_s:.1f}",
                f"{plain.cpu_s / found.epoch.cpu_s:.1f} x",
                f"{found.peak_mb:,.0f}",
                f"{found.peak_mb - found.before_mb:,.0f}",
            )
        console.print(table)


def empty_table(num_layers: int, options: argparse.Namespace) -> Table:
    table = Table(
        title=f"gowalla, L = {num_layers}, seed {options.seed}, {date.today()}, {options.threads} "
        f"threads of {platform.processor() or platform.machine()}, torch {torch.__version__}",
        header_style="bold",
    )
    table.add_column("trainer")
    headings = ("s per epoch", "pairs/s", "ratio", "CPU s", "ratio", "peak MB", "of it training")
    for heading in headings:
        table.add_column(heading, justify="right")
    return table


def in_a_process(job: Job) -> Measured:
    """In a fresh process, so that neither memory nor caches of another row count."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(measured, job).result()


def measured(job: Job) -> Measured:
    torch.set_num_threads(job.threads)
    torch.manual_seed(job.config.seed)
    warnings.filterwarnings("ignore", message="Sparse invariant checks")  # of PyG's own matrices
    users, items = read(job.train)
    before_mb = peak_mb()
    epoch = ROWS[job.row](users, items, job)
    return Measured(epoch, before_mb, peak_mb())


def ours(users: np.ndarray, items: np.ndarray, job: Job, **adam: bool) -> Spent:
    """Of the fastest epoch."""
    config = job.config
    num_nodes = {"User": int(users.max()) + 1, "Product": int(items.max()) + 1}
    graph = graph_of(num_nodes, {PURCHASED: np.stack([users, items])})
    model = HeteroLightGCN(
        num_nodes,
        relation_operators(graph, SCHEMA, config),
        dim=config.dim,
        num_layers=config.num_layers,
        seed=config.seed,
    )
    target_edge_type = supervised_edges(graph, SCHEMA, str(PURCHASED), 1.0, config)
    trainer = Trainer(model, [target_edge_type], config)
    if adam:
        trainer.optimizer = torch.optim.Adam([*model.rows.parameters()], lr=RATE, **adam)
    moments = [Spent.until_now()]
    trainer.run(lambda _: moments.append(Spent.until_now()) is not None)
    return Spent.least(moments)


def with_every_row(users: np.ndarray, items: np.ndarray, job: Job) -> Spent:
    with patch("training.sparse_ops._FEW", 0):
        return ours(users, items, job)


def with_rows_taken(users: np.ndarray, items: np.ndarray, job: Job) -> Spent:
    with patch("training.sparse_ops._FEW", 2):
        return ours(users, items, job)


def without_transposes(users: np.ndarray, items: np.ndarray, job: Job) -> Spent:
    def torchs_own(matrix: SparseMatrix, dense: torch.Tensor) -> torch.Tensor:
        return matrix.rows @ dense

    with (
        patch("training.gnn.propagation.multiply", torchs_own),
        patch("training.sparse_ops.multiply", torchs_own),
    ):
        return ours(users, items, job)


def with_plain_adam(users: np.ndarray, items: np.ndarray, job: Job) -> Spent:
    return ours(users, items, job, fused=False, foreach=False)


def pyg(users: np.ndarray, items: np.ndarray, job: Job, *, as_csr: bool = False) -> Spent:
    """Of an epoch, from the fastest of some steps."""
    num_users, num_items = int(users.max()) + 1, int(items.max()) + 1
    num_nodes = num_users + num_items
    there = torch.from_numpy(np.stack([users, items + num_users]))
    edge_index = torch.cat([there, there.flip(0)], dim=1)
    if as_csr:
        matrix = coordinates(edge_index, torch.ones(edge_index.shape[1]), (num_nodes, num_nodes))
        edge_index = SparseMatrix.from_coordinates(matrix).rows
    model = LightGCN(num_nodes, job.config.dim, job.config.num_layers)
    optimizer = torch.optim.Adam(model.parameters(), lr=RATE)
    steps = -(-len(np.unique(users)) // job.config.batch_size)
    size = -(-len(users) // steps)
    moments = [Spent.until_now()]
    for chosen in torch.randperm(len(users)).split(size)[: 1 + job.pyg_steps]:
        pairs = there[:, chosen]
        drawn = torch.randint(num_users, num_nodes, (len(chosen),))
        label_index = torch.cat([pairs, torch.stack([pairs[0], drawn])], dim=1)
        positives, negatives = model(edge_index, label_index).chunk(2)
        loss = model.recommendation_loss(positives, negatives, node_id=label_index.unique())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        moments.append(Spent.until_now())
    return Spent.least(moments, steps)


def pyg_as_csr(users: np.ndarray, items: np.ndarray, job: Job) -> Spent:
    return pyg(users, items, job, as_csr=True)


ROWS: dict[str, Callable[[np.ndarray, np.ndarray, Job], Spent]] = {
    "PyG LightGCN, edge_index": pyg,
    "PyG LightGCN, CSR": pyg_as_csr,
    "graphrec": ours,
    "graphrec, all rows of the last layer": with_every_row,
    "graphrec, rows always taken apart": with_rows_taken,
    "graphrec, transposes built anew": without_transposes,
    "graphrec, Adam tensor by tensor": with_plain_adam,
}


def read(path: Path) -> tuple[np.ndarray, np.ndarray]:
    table = pq.read_table(path)
    users, items = (table[name].to_numpy().astype(np.int64) for name in ("user", "item"))
    return users, items


def peak_mb() -> float:
    """The most memory this process has had.

    Linux' own figure, where there is one: `getrusage` begins with that of the parent.
    """
    status = Path("/proc/self/status")
    if status.exists():
        fields = dict(line.split(":", 1) for line in status.read_text().splitlines())
        return int(fields["VmHWM"].split()[0]) / 1024
    unit = 1024**2 if platform.system() == "Darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, help="the folder with gowalla in it")
    parser.add_argument("--layers", type=int, nargs="*", default=[1, 2, 3])
    parser.add_argument("--dim", type=int, default=64)
    parser.add_argument(
        "--seed-batch", type=int, default=512, help="users in a step, with all their pairs"
    )
    parser.add_argument("--epochs", type=int, default=5, help="of ours, after one to warm up")
    parser.add_argument("--pyg-steps", type=int, default=10, help="of PyG, after one to warm up")
    parser.add_argument("--brief", action="store_true", help="the first three rows alone")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


if __name__ == "__main__":
    main()
