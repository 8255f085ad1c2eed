"""How long does an epoch take, beside PyG's LightGCN?

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

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pyarrow.parquet as pq
import torch

from benchmarks.data.base import graph_of
from benchmarks.harness import Arguments, Bench, Kind, Timer, in_a_process, measure, peak_mb, text
from graphdb import SCHEMA
from training.data import LightGCN
from training.gnn import GnnConfig, HeteroLightGCN, relation_operators
from training.gnn.supervision import supervised_edges
from training.gnn.trainer import Trainer
from training.sparse_ops import SparseMatrix, coordinates

PURCHASED = SCHEMA.edge_type("PURCHASED")
RATE = 1e-3
Laps = tuple[Timer, int]
"""What is timed, and how many of them make an epoch."""


@dataclass(frozen=True)
class Measured:
    """Seconds of an epoch by the clock, and of the processor, all threads together.

    Memory is the peak of the whole process, and what it held when the data had been read.
    """

    clock_s: float
    cpu_s: float
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


def arguments(arguments: Arguments) -> None:
    arguments.add("data", type=Path, help="the folder with gowalla in it")
    arguments.add("--layers", type=int, nargs="*", default=[1, 2, 3])
    arguments.add("--dim", type=int, default=64)
    arguments.add(
        "--batch-size", type=int, default=512, help="users in a step, with all their pairs"
    )
    arguments.add("--epochs", type=int, default=5, help="of ours, after one to warm up")
    arguments.add("--pyg-steps", type=int, default=10, help="of PyG, after one to warm up")
    arguments.add("--brief", action="store_true", help="the first three rows alone")
    arguments.threads(2)


def run(bench: Bench) -> None:
    options = bench.options
    train = options.data / "gowalla" / "train.parquet"
    users, _ = read(train)
    steps = -(-len(np.unique(users)) // options.batch_size)
    bench.note(
        f"{len(users):,} pairs in {steps} steps of about {len(users) / steps:,.0f}, "
        f"dim {options.dim}; {options.pyg_steps} steps of PyG and {options.epochs} epochs of ours"
    )
    table = bench.table(
        "gowalla, an epoch",
        text("trainer"),
        measure("layers", None),
        measure("seconds", 1, "lower"),
        measure("pairs/s", 0, "higher"),
        measure("times as fast", 1),
        measure("CPU seconds", 1, "lower"),
        measure("times as fast, CPU", 1),
        measure("peak MB", 0),
        measure("of it training, MB", 0, "lower"),
        group_by="layers",
    )
    for num_layers in options.layers:
        config = GnnConfig(
            dim=options.dim,
            num_layers=num_layers,
            epochs=1 + options.epochs,
            batch_size=options.batch_size,
            seed=options.seed,
        )
        plain = None
        for row in list(ROWS)[: 3 if options.brief else None]:
            job = Job(train, row, config, options.pyg_steps, options.threads)
            found = in_a_process(measured, job)
            plain = plain or found
            cells = (
                row,
                num_layers,
                found.clock_s,
                len(users) / found.clock_s,
                plain.clock_s / found.clock_s,
                found.cpu_s,
                plain.cpu_s / found.cpu_s,
                found.peak_mb,
                found.peak_mb - found.before_mb,
            )
            kind = Kind.BASELINE if row.startswith("PyG") else Kind.OURS
            bench.say(*table.add(*cells, kind=kind))


def measured(job: Job) -> Measured:
    torch.set_num_threads(job.threads)
    torch.manual_seed(job.config.seed)
    warnings.filterwarnings("ignore", message="Sparse invariant checks")  # of PyG's own matrices
    users, items = read(job.train)
    before_mb = peak_mb()
    laps, times = ROWS[job.row](users, items, job)
    laps.drop_first()
    return Measured(times * laps.clock.min, times * laps.cpu.min, before_mb, peak_mb())


def ours(users: np.ndarray, items: np.ndarray, job: Job, **adam: bool) -> Laps:
    """Of epochs."""
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
    supervised = supervised_edges(graph, SCHEMA, str(PURCHASED), 1.0, config)
    trainer = Trainer(model, [supervised], config)
    if adam:
        trainer.optimizer = torch.optim.Adam([*model.rows.parameters()], lr=RATE, **adam)
    timer = Timer()
    trainer.run(lambda _: timer.split() is not None)
    return timer, 1


def with_every_row(users: np.ndarray, items: np.ndarray, job: Job) -> Laps:
    with patch("training.sparse_ops._FEW", 0):
        return ours(users, items, job)


def with_rows_taken(users: np.ndarray, items: np.ndarray, job: Job) -> Laps:
    with patch("training.sparse_ops._FEW", 2):
        return ours(users, items, job)


def without_transposes(users: np.ndarray, items: np.ndarray, job: Job) -> Laps:
    def torchs_own(matrix: SparseMatrix, dense: torch.Tensor) -> torch.Tensor:
        return matrix.rows @ dense

    with (
        patch("training.gnn.propagation.multiply", torchs_own),
        patch("training.sparse_ops.multiply", torchs_own),
    ):
        return ours(users, items, job)


def with_plain_adam(users: np.ndarray, items: np.ndarray, job: Job) -> Laps:
    return ours(users, items, job, fused=False, foreach=False)


def pyg(users: np.ndarray, items: np.ndarray, job: Job, *, as_csr: bool = False) -> Laps:
    """Of steps."""
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
    timer = Timer()
    for chosen in torch.randperm(len(users)).split(size)[: 1 + job.pyg_steps]:
        pairs = there[:, chosen]
        drawn = torch.randint(num_users, num_nodes, (len(chosen),))
        label_index = torch.cat([pairs, torch.stack([pairs[0], drawn])], dim=1)
        positives, negatives = model(edge_index, label_index).chunk(2)
        loss = model.recommendation_loss(positives, negatives, node_id=label_index.unique())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        timer.split()
    return timer, steps


def pyg_as_csr(users: np.ndarray, items: np.ndarray, job: Job) -> Laps:
    return pyg(users, items, job, as_csr=True)


ROWS: dict[str, Callable[[np.ndarray, np.ndarray, Job], Laps]] = {
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
