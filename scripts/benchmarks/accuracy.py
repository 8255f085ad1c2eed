"""How accurate are models on standard splits, beside published figures?

DATA is a folder with one folder per data set, see scripts/benchmarks/data; the models are those of
scripts/benchmarks/models, with the settings of scripts/benchmarks/settings. With --validate, a part
of the training pairs is held out and measured instead of the test part: the way to choose settings.
It is drawn at random, or, with --order FILE, it is the end of every user's list in that file of
lines 'user item item ...': the LightGCN split of Gowalla and Yelp2018 is published so, in order of
time. Seconds hold everything from reading the files to the vectors, but not the ranking of the
test.
"""

import argparse
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from benchmarks.data import DATASETS, DataSet, EvalTask, Published, Split
from benchmarks.harness import Arguments, Bench, Kind, Table, Timer, measure, text
from benchmarks.models import (
    BASELINES,
    MODELS,
    Fitted,
    Options,
    baseline_change,
    by_lists,
    fitted,
    settings_of,
    settings_without,
    without_edges,
)
from graphrec.bundle import Adjacency
from training.evaluation.metrics import MetricsAtK, Scorer, metrics_at_k
from training.sparse_ops import csr_of, owners_of

_NOT_SHOWN = -1e30  # scores have to be finite


def arguments(arguments: Arguments) -> None:
    arguments.add("data", type=Path, help="the folder with the data sets")
    arguments.add("sets", nargs="*", default=list(DATASETS), help="which of them")
    arguments.validate("measure on a part of train")
    arguments.threads(2)
    arguments.seeds(0)
    arguments.add("--order", type=Path, help="lists in order of time, with --validate")
    arguments.add(
        "--models",
        nargs="*",
        choices=MODELS,
        default=[name for name in MODELS if name != "lightgcn"],
        help="lightgcn, which takes hours on the large sets, only where named",
    )
    arguments.add("--lists", action="store_true", help="measure in a second way as well")
    arguments.add("--device", help="where networks train; a GPU if there is one")
    arguments.add(
        "--set", action="append", default=[], metavar="TOML", help="such as 'graph.dim=64'"
    )
    arguments.add(
        "--baseline",
        action="append",
        type=baseline_change,
        default=[],
        metavar="TOML",
        help="such as 'ials.dim=256'",
    )
    arguments.add(
        "--exclude",
        action="append",
        default=[],
        metavar="EDGE_TYPE",
        help="learn without these edges, such as Product-ALSO_BOUGHT-Product",
    )
    arguments.add(
        "--block-weights",
        type=float,
        nargs="*",
        default=[1.0, 2.0, 3.0, 4.0],
        help="of the network in the concatenated encoders, with --validate",
    )


def run(bench: Bench) -> None:
    options = bench.options
    if options.order is not None:
        others = [name for name in options.sets if DATASETS[name].read_ordered is None]
        if others:
            bench.refuse(f"--order is for gowalla and yelp2018, not {', '.join(others)}")
        if not options.validate:
            bench.refuse("--order goes with --validate")
    for name in options.sets:
        for seed in options.seeds:
            measure_on(DATASETS[name], seed, bench)


def measure_on(data: DataSet, seed: int, bench: Bench) -> None:
    options, timer = bench.options, Timer()
    with timer:
        split = split_of(data, options)
    config = settings_of(data.name, seed, options.set)
    if options.exclude:
        dropped = [data.schema.parse_edge_type(name) for name in options.exclude]
        split = replace(split, graph=without_edges(split.graph, dropped))
        config = settings_without(config, dropped)
    best = None if options.validate or not data.published else data.published[-1]
    table = empty_table(data, seed, bench)
    for one in () if options.validate else data.published:
        table.add(split.questions[0].name, *cells(one.name, one, None, best), kind=Kind.PUBLISHED)
    weights = options.block_weights if options.validate else ()
    wanted = Options(options.models, weights, options.device, options.baseline)
    for model in fitted(split, data, config, wanted, bench.say):
        seconds = timer.clock.last + model.seconds
        for asked, scorer in zip(split.questions, model.scorers, strict=True):
            if scorer is not None:
                if asked.shown is not None:
                    scorer = AmongShown(scorer, asked.shown)
                add(table, asked, model, scorer, data, bench, seconds, best)


def add(
    table: Table,
    asked: EvalTask,
    model: Fitted,
    scorer: Scorer,
    data: DataSet,
    bench: Bench,
    seconds: float,
    best: Published | None,
) -> None:
    reached = answered(asked, scorer, data.k)
    kind = Kind.BASELINE if model.model in BASELINES else Kind.OURS
    bench.say(*table.add(asked.name, *cells(model.model, reached, seconds, best), kind=kind))
    if bench.options.lists:
        recall, ndcg = by_lists(asked, scorer, data.k)
        bench.note(f"{model.model} by training.evaluation.metrics: {recall:.4f} {ndcg:.4f}")


def split_of(data: DataSet, options: argparse.Namespace) -> Split:
    folder = options.data / data.name
    if options.order is None:
        return data.read(folder, options.validate)
    assert data.read_ordered is not None  # others are refused
    return data.read_ordered(folder, options.order)


def empty_table(data: DataSet, seed: int, bench: Bench) -> Table:
    validation = "validation (ends of lists)" if bench.options.order else "validation"
    part = validation if bench.options.validate else "test"
    return bench.table(
        f"{data.name}, {part} part, seed {seed}",
        text("question"),
        text("model"),
        measure(f"recall@{data.k}", 4, "higher"),
        measure(f"NDCG@{data.k}", 4, "higher"),
        measure(f"hits@{data.k}", 4, "higher"),
        measure("seconds", 0),
        measure("recall to published", 3),
        group_by="question",
    )


def answered(asked: EvalTask, scorer: Scorer, k: int) -> MetricsAtK:
    """How much of what is true a model finds."""
    return metrics_at_k(scorer, csr_of(asked.taken), asked.truth, k, candidates=asked.candidates)


@dataclass(frozen=True, slots=True, eq=False)
class AmongShown:
    """The scores of another, with what a query node was not shown far below all else."""

    inner: Scorer
    shown: Adjacency

    @property
    def num_targets(self) -> int:
        return self.inner.num_targets

    def scores(self, rows: torch.Tensor) -> torch.Tensor:
        scores = self.inner.scores(rows)
        lengths = torch.from_numpy(self.shown.degrees())[rows]
        places = owners_of(lengths), torch.from_numpy(self.shown.gather(rows.numpy())).long()
        found = torch.full_like(scores, _NOT_SHOWN)
        found[places] = scores[places]
        return found


def cells(
    name: str, reached: MetricsAtK | Published, seconds: float | None, best: Published | None
) -> tuple[str | float | None, ...]:
    ratio = None if best is None else reached.recall / best.recall
    return name, reached.recall, reached.ndcg, reached.hit_rate, seconds, ratio
