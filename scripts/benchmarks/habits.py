"""How well is found what households buy again, beside rules that count?

SNAPSHOT is a folder that `graphrec snapshot` wrote, such as that of the demo. Its last four weeks
are held out; with --validate they are cut off, and the four weeks before them are held out. Models
are trained and served as `graphrec evaluate` does: with settings that training chooses (`auto`,
what trains without options), with the default settings, and without habits; all baselines have
theirs. Lists of new products and brands exclude what was bought before.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.data.weeks import WEEKS, Weeks, held_out_weeks
from benchmarks.harness import Arguments, Bench, Kind, Timer, measure, text
from benchmarks.models.backtest import trained_backtests
from benchmarks.models.settings import AUTO, merged_config
from training.evaluation.baselines import EASE, IALS, PERSONAL, TIFU_KNN, UP_CF, baseline
from training.evaluation.metrics import ndcg_at_k, recall_at_k
from training.evaluation.rankers import Ranker
from training.evaluation.tasks import ALL, NEW, NEW_GROUPS, REPEAT, all_tasks

K = 20
TASKS = (ALL, REPEAT, NEW, NEW_GROUPS)
BASELINES = (PERSONAL, TIFU_KNN, UP_CF, IALS, EASE)
MODELS = {
    "auto": AUTO,
    "default": "",
    "default without habits": "habits.weight = 0",
}
"""What is changed in the default settings, as TOML."""


def arguments(arguments: Arguments) -> None:
    arguments.snapshot()
    arguments.threads(2)
    arguments.add("--baselines", nargs="*", default=list(BASELINES), help="which")
    arguments.add("--models", nargs="*", default=list(MODELS), choices=MODELS, help="which")


def run(bench: Bench) -> None:
    options = bench.options
    weeks = held_out_weeks(options.snapshot, validate=options.validate)
    brands = weeks.schema.edge_type("MADE_BY")
    tasks = [
        task
        for task in all_tasks(weeks.graph, weeks.holdout, weeks.schema, brands)
        if task.name in TASKS
    ]
    table = bench.table(
        f"{WEEKS} weeks, {weeks.part} part",
        text("model"),
        *(
            measure(f"{task.name}, {metric}@{K}", 4, "higher")
            for task in tasks
            for metric in ("recall", "NDCG")
        ),
        measure("seconds", 0),
    )
    with tempfile.TemporaryDirectory() as scratch:
        for kind, name, model, seconds in models(weeks, Path(scratch), bench):
            figures: list[float | None] = []
            timer = Timer()
            with timer:
                for task in tasks:
                    if not model.can_answer(task):
                        figures += [None, None]
                        continue
                    queries = np.flatnonzero(task.truth.degrees())
                    ranked = model.top(task, queries, K)
                    figures.append(recall_at_k(ranked, queries, task.truth, K))
                    figures.append(ndcg_at_k(ranked, queries, task.truth, K))
            bench.say(*table.add(name, *figures, seconds + timer.clock.last, kind=kind))


def models(weeks: Weeks, folder: Path, bench: Bench) -> Iterator[tuple[Kind, str, Ranker, float]]:
    """Kind, name, model, and the seconds that training took; baselines are fitted when asked."""
    configs = {name: merged_config([MODELS[name]]) for name in bench.options.models}
    for name, served, seconds in trained_backtests(configs, weeks.snapshot, weeks.holdout, folder):
        yield Kind.OURS, name, served, seconds
    for name in bench.options.baselines:
        yield Kind.BASELINE, name, baseline(name, bench.options.seed), 0.0
