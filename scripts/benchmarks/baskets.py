"""Is a user's next basket predicted better than by rules that count baskets?

DATA is the folder of Ta-Feng, grocery baskets in order, as "A next basket recommendation reality
check" (Li et al., TOIS 2023) has them: the last basket of every user is the one to predict; with
--validate the one before it, while the last is cut off. All products compete, bought before or
not, and figures are recall and NDCG of that paper. A bundle of the past answers as it is served.
"""

import tempfile
from pathlib import Path

import numpy as np

from benchmarks.data.sequences import MADE_BY, PURCHASED, SEQUENCES
from benchmarks.harness import Arguments, Bench, Timer, measure, text
from benchmarks.models.backtest import rankers
from benchmarks.models.settings import AUTO, merged_config
from training.data import load_graph
from training.evaluation.baselines import (
    ITEM_KNN,
    MAKERS,
    PERSONAL,
    PERSONAL_HALF_LIFE_DAYS,
    POPULARITY,
    TIFU_KNN,
    UP_CF,
)
from training.evaluation.metrics import Rows, ndcg_at_k, recall_at_k
from training.evaluation.rankers import Ranker
from training.evaluation.tasks import ALL, NEW, REPEAT, Task, all_tasks
from training.splitting.split import hold_out_last

KS = (10, 20)
BASELINES = (POPULARITY, ITEM_KNN, PERSONAL, TIFU_KNN, UP_CF)
MODELS = {
    "auto": AUTO,
    "auto without habits": AUTO + "[habits]\nweight = 0",
    "default": "",
}
"""What is changed in the default settings, as TOML."""


def arguments(arguments: Arguments) -> None:
    arguments.add("data", type=Path, help="the folder of ta-feng")
    arguments.validate("cut the last baskets off, and predict those before them: to choose")
    arguments.threads(2)
    arguments.add("--models", nargs="*", default=["auto"], choices=MODELS, help="which")
    arguments.add("--baselines", nargs="*", default=list(BASELINES), choices=MAKERS, help="which")


def run(bench: Bench) -> None:
    options = bench.options
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        snapshot = SEQUENCES["ta-feng"].read(options.data, folder)
        graph = load_graph(snapshot)
        holdout = hold_out_last(graph, PURCHASED, 1)  # a day is a basket
        if options.validate:
            graph = holdout.train_graph
            holdout = hold_out_last(graph, PURCHASED, 1)
        tasks = {task.name: task for task in all_tasks(graph, holdout, snapshot.schema, MADE_BY)}
        table = bench.table(
            f"ta-feng, {'validation' if options.validate else 'test'} part",
            text("model"),
            *(measure(f"recall@{k}", 4, "higher") for k in KS),
            *(measure(f"NDCG@{k}", 4, "higher") for k in KS),
            measure("bought before, recall@20", 4, "higher"),
            measure("new products, recall@20", 4, "higher"),
            measure("seconds", 0),
        )
        numbers = {
            name: int(np.count_nonzero(tasks[name].truth.degrees())) for name in (ALL, REPEAT, NEW)
        }
        bench.note(f"users asked: {', '.join(f'{n:,} for {name}' for name, n in numbers.items())}")
        if PERSONAL in options.baselines:
            bench.note(f"{PERSONAL}: a basket counts half after {PERSONAL_HALF_LIFE_DAYS:g} others")
        configs = {name: merged_config([MODELS[name]]) for name in options.models}
        tried = rankers(options.baselines, options.seed, configs, snapshot, holdout, folder)
        for kind, name, model, seconds in tried:
            timer = Timer()
            with timer:
                figures: list[float | None] = []
                ranked, asked = answers(model, tasks[ALL])
                for metric in (recall_at_k, ndcg_at_k):
                    figures += [metric(ranked, asked, tasks[ALL].truth, k) for k in KS]
                for task in (tasks[REPEAT], tasks[NEW]):
                    found = None
                    if model.can_answer(task):
                        ranked, asked = answers(model, task)
                        found = recall_at_k(ranked, asked, task.truth, max(KS))
                    figures.append(found)
            bench.say(*table.add(name, *figures, seconds + timer.clock.last, kind=kind))


def answers(model: Ranker, task: Task) -> tuple[Rows, Rows]:
    """The best targets of every query node that has something to find, and which these are."""
    asked = np.flatnonzero(task.truth.degrees())
    model.learn(task.target)
    return model.top(task, asked, max(KS)), asked
