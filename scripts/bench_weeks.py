"""Held-out weeks beside the usual baselines: python scripts/bench_weeks.py SNAPSHOT.

SNAPSHOT is a folder that `graphrec snapshot` wrote, such as that of the demo. Its last four weeks
are held out; with --validate they are cut off, and the four weeks before them are held out: the
way to choose settings. Every model learns users' purchases; for brands, the baselines learn the
same purchases as events of users and brands. To all, recent purchases count more. Presets are
trained as `graphrec train --preset` trains them.
"""

import argparse
import platform
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import torch
from bench_data.weeks import WEEKS, held_out_weeks
from rich.console import Console
from rich.table import Table

from graphrec.bundle import Adjacency
from training.config import make_config, preset_path, presets
from training.evaluation.baselines import IALS, ITEM_KNN, MAKERS, POPULARITY, RECENT
from training.evaluation.metrics import Scorer, VectorScorer, reached_at_k
from training.evaluation.tasks import EvalTarget, Task, first_tasks
from training.models import Run, make_encoder
from training.pairs import without
from training.sparse_ops import csr_of
from training.splitting.split import Holdout

K = 20


@dataclass(frozen=True)
class EvalTask:
    """What is to be found, and what is no answer."""

    name: str
    truth: Adjacency
    taken: Adjacency | None


def main() -> None:
    options = parsed()
    torch.set_num_threads(options.threads)
    weeks = held_out_weeks(options.snapshot, validate=options.validate)
    tasks = first_tasks(weeks.holdout, weeks.schema, weeks.schema.edge_type("MADE_BY"))
    products, brands = questions(tasks, weeks.holdout)
    table = Table(
        title=f"{WEEKS} weeks, {weeks.part} part, seed {options.seed}, {date.today()}, "
        f"{options.threads} threads of {platform.processor() or platform.machine()}",
        header_style="bold",
    )
    for heading in ("model", *(f"{one.name}, recall/NDCG@{K}" for one in (*products, brands))):
        table.add_column(heading)
    table.add_column("seconds", justify="right")
    targets = tasks[0].target, tasks[-1].target
    for name, of_products, of_brands, seconds in fitted(targets, options.presets, options.seed):
        found = [reached(of_products, one) for one in products] + [reached(of_brands, brands)]
        table.add_row(name, *found, f"{seconds:.0f}")
    Console(width=None if Console().is_terminal else 140).print(table)


def questions(tasks: list[Task], holdout: Holdout) -> tuple[list[EvalTask], EvalTask]:
    every, new, brands = (
        EvalTask(task.name, task.truth, task.target.seen if task.exclude_seen else None)
        for task in tasks
    )
    repeated = EvalTask("bought before", without(holdout.truth, holdout.new_truth), None)
    return [every, repeated, new], brands


def fitted(
    targets: tuple[EvalTarget, EvalTarget], presets: Sequence[str], seed: int
) -> Iterator[tuple[str, Scorer, Scorer, float]]:
    """Every model's scorers of products and of brands, and the seconds that they took."""
    for name in (POPULARITY, RECENT, ITEM_KNN, IALS):
        began = time.perf_counter()
        of_products, of_brands = (
            MAKERS[name](target, seed).fit(target.graph) for target in targets
        )
        yield name, of_products, of_brands, time.perf_counter() - began
    products, brands = targets
    for name in presets:
        began = time.perf_counter()
        config = make_config(preset_path(name), {"seed": seed}, {"seed": seed})
        encoder = make_encoder(products.schema, products.edge_type, config, Run())
        vectors = encoder.fit(products.graph)
        scorers = (VectorScorer.along(vectors, one.edge_type) for one in (products, brands))
        yield f"preset {name}", *scorers, time.perf_counter() - began


def reached(scorer: Scorer, asked: EvalTask) -> str:
    taken = None if asked.taken is None else csr_of(asked.taken)
    found = reached_at_k(scorer, taken, csr_of(asked.truth), K)
    return f"{found.recall:.4f} / {found.ndcg:.4f}"


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("snapshot", help="folder of a snapshot")
    parser.add_argument("--validate", action="store_true", help="the four weeks before instead")
    parser.add_argument("--presets", nargs="*", choices=presets(), default=["quick"])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


if __name__ == "__main__":
    main()
