"""Accuracy on standard splits, beside published figures: python scripts/bench_accuracy.py DATA.

DATA is a folder with one folder per data set, see scripts/bench_data; the models are those of
scripts/bench_models, their settings stand in scripts/bench_settings. With --validate, a part of the
training pairs is held out and measured instead of the test part: the way to choose settings. It is
drawn at random, or, with --order FILE, it is the end of every user's list in that file of lines
'user item item ...': the LightGCN split of Gowalla and Yelp2018 is published so, in order of time.
Seconds hold everything from reading the files to the vectors, but not the ranking of the test.
"""

import argparse
import platform
import time
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import torch
from bench_data import DATASETS, DataSet, EvalTask, Published, Split
from bench_models import (
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
from rich.console import Console
from rich.table import Table

from graphrec.bundle import Adjacency
from training.evaluation.metrics import Reached, Scorer, reached_at_k
from training.sparse_ops import csr_of, owners_of

_NOT_SHOWN = -1e30  # scores have to be finite


def main() -> None:
    options = parsed()
    torch.set_num_threads(options.threads)
    console = Console(width=None if Console().is_terminal else 120)
    for name in options.sets:
        for seed in options.queries:
            console.print(table_of(DATASETS[name], seed, options, console))


def table_of(data: DataSet, seed: int, options: argparse.Namespace, console: Console) -> Table:
    began = time.perf_counter()
    split = split_of(data, options)
    read_s = time.perf_counter() - began
    config = settings_of(data.name, seed, options.set)
    if options.without:
        dropped = [data.schema.parse_edge_type(name) for name in options.without]
        split = replace(split, graph=without_edges(split.graph, dropped))
        config = settings_without(config, dropped)
    best = None if options.validate or not data.published else data.published[-1]
    table = empty_table(data, seed, options)
    for one in () if options.validate else data.published:
        table.add_row("", *cells(f"published: {one.name}", one, None, best))
    balances = options.balances if options.validate else ()
    wanted = Options(options.models, balances, options.device, options.baseline)
    for model in fitted(split, data, config, wanted, console):
        for asked, scorer in zip(split.questions, model.scorers, strict=True):
            if scorer is not None:
                if asked.shown is not None:
                    scorer = AmongShown(scorer, asked.shown)
                reached = answered(asked, scorer, data.k)
                add_row(table, console, asked, model, reached, read_s + model.seconds, best)
                if options.lists:
                    recall, ndcg = by_lists(asked, scorer, data.k)
                    console.print(
                        f"by training.evaluation.metrics, from lists: {recall:.4f} {ndcg:.4f}"
                    )
    return table


def split_of(data: DataSet, options: argparse.Namespace) -> Split:
    folder = options.data / data.name
    if options.order is None:
        return data.read(folder, options.validate)
    assert data.read_ordered is not None  # the parser refuses others
    return data.read_ordered(folder, options.order)


def empty_table(data: DataSet, seed: int, options: argparse.Namespace) -> Table:
    validation = "validation (ends of lists)" if options.order else "validation"
    part = validation if options.validate else "test"
    table = Table(
        title=f"{data.name}, {part} part, seed {seed}, {date.today()}, "
        f"{options.threads} threads of {platform.processor() or platform.machine()}, "
        f"torch {torch.__version__}",
        header_style="bold",
    )
    table.add_column("asked")
    table.add_column("model")
    for heading in (
        f"recall@{data.k}", f"ndcg@{data.k}", f"hits@{data.k}", "seconds", "recall to published",
    ):  # fmt: skip
        table.add_column(heading, justify="right")
    return table


def add_row(
    table: Table,
    console: Console,
    asked: EvalTask,
    model: Fitted,
    reached: Reached,
    seconds: float,
    best: Published | None,
) -> None:
    """Into the table, and at once to the console: a run may take long."""
    console.print(
        f"{asked.name}, {model.model}: {reached.recall:.4f} {reached.ndcg:.4f}, {seconds:.0f} s"
    )
    table.add_row(asked.name, *cells(model.model, reached, seconds, best))


def answered(asked: EvalTask, scorer: Scorer, k: int) -> Reached:
    """How much of what is true a model finds."""
    return reached_at_k(
        scorer, csr_of(asked.taken), csr_of(asked.truth), k, candidates=asked.candidates
    )


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
    name: str, reached: Reached | Published, seconds: float | None, best: Published | None
) -> list[str]:
    return [
        name,
        f"{reached.recall:.4f}",
        f"{reached.ndcg:.4f}",
        "" if reached.hit_rate is None else f"{reached.hit_rate:.4f}",
        "" if seconds is None else f"{seconds:.0f}",
        "" if best is None else f"{reached.recall / best.recall:.3f} x",
    ]


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, help="the folder with the data sets")
    parser.add_argument("sets", nargs="*", default=list(DATASETS), help="which of them")
    parser.add_argument("--validate", action="store_true", help="measure on a part of train")
    parser.add_argument("--order", type=Path, help="lists in order of time, with --validate")
    parser.add_argument(
        "--models",
        nargs="*",
        choices=MODELS,
        default=[name for name in MODELS if name != "lightgcn"],
        help="lightgcn, which takes hours on the large sets, only where named",
    )
    parser.add_argument("--lists", action="store_true", help="measure in a second way as well")
    parser.add_argument("--queries", type=int, nargs="*", default=[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", help="where networks train; a GPU if there is one")
    parser.add_argument(
        "--set", action="append", default=[], metavar="TOML", help="such as 'graph.dim=64'"
    )
    parser.add_argument(
        "--baseline",
        action="append",
        type=baseline_change,
        default=[],
        metavar="TOML",
        help="such as 'ials.dim=256'",
    )
    parser.add_argument(
        "--without",
        action="append",
        default=[],
        metavar="TIE",
        help="leave out what an edge says, such as Product-ALSO_BOUGHT-Product",
    )
    parser.add_argument(
        "--balances", type=float, nargs="*", default=[1.0, 2.0, 3.0, 4.0], help="with --validate"
    )
    options = parser.parse_intermixed_args()
    if options.order is not None:
        others = [name for name in options.sets if DATASETS[name].read_ordered is None]
        if others:
            parser.error(f"--order is for gowalla and yelp2018, not {', '.join(others)}")
        if not options.validate:
            parser.error("--order goes with --validate")
    return options


if __name__ == "__main__":
    main()
