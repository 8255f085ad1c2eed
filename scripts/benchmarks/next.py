"""How well is the next product predicted from the order of events?

DATA is a folder with one folder per data set, see scripts/benchmarks/data/sequences.py. The last
event of every user is held out (the last basket, where several products have one time), and with
--validate the one before it, while the last is left away: the way to choose settings. Ranked are
all products that the user has not met, by a backtest bundle as it is served, and by baselines.
"""

import math
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.data.sequences import MADE_BY, PURCHASED, SEQUENCES
from benchmarks.harness import Arguments, Bench, Kind, Timer, measure, text
from benchmarks.models.backtest import rankers
from benchmarks.models.settings import merged_config
from graphdb import Snapshot
from graphrec import Recommender
from training.data import load_graph
from training.evaluation.baselines import (
    DECAYED_EASE,
    EASE,
    GF_CF,
    ITEM_KNN,
    POPULARITY,
    TRANSITIONS,
)
from training.evaluation.metrics import ndcg_at_k, recall_at_k
from training.evaluation.rankers import Served
from training.evaluation.tasks import first_tasks
from training.splitting.holdout import hold_out_last_of_each

KS = (5, 10, 20)
NUM_RECENT, NUM_UPDATES = 50, 500
BASELINES = (POPULARITY, TRANSITIONS, ITEM_KNN, EASE, GF_CF, DECAYED_EASE)
MODELS = {
    "next-512": "svd.weight = 0\nprofile.weight = 0\nnext.weight = 1\nnext.dim = 512",
    "next-softmax-128": "svd.weight = 0\nprofile.weight = 0\n[next]\nweight = 1\nepochs = 6",
    "svd-128-next-384": "svd.dim = 128\nprofile.weight = 0\nnext.dim = 384\nnext.weight = 4",
    "default": "",
}
"""What is changed in the default settings, as TOML."""


def arguments(arguments: Arguments) -> None:
    arguments.add("data", type=Path, help="the folder with the data sets")
    arguments.add("sets", nargs="*", default=list(SEQUENCES), help="which of them")
    arguments.validate("hold out the events before the last ones instead: to choose")
    arguments.threads(2)
    arguments.add("--models", nargs="*", default=list(MODELS), choices=MODELS, help="which")
    arguments.add("--baselines", nargs="*", default=list(BASELINES), help="which")
    arguments.add(
        "--set", action="append", default=[], metavar="TOML", help="such as 'next.dim=64'"
    )


def run(bench: Bench) -> None:
    for name in bench.options.sets:
        with tempfile.TemporaryDirectory() as folder:
            snapshot = SEQUENCES[name].read(bench.options.data / name, Path(folder))
            measured(name, snapshot, Path(folder), bench)


def measured(name: str, snapshot: Snapshot, folder: Path, bench: Bench) -> None:
    options = bench.options
    graph = load_graph(snapshot)
    holdout = hold_out_last_of_each(graph, PURCHASED)
    if options.validate:
        holdout = hold_out_last_of_each(holdout.train_graph, PURCHASED)
    _, task, *_ = first_tasks(holdout, snapshot.schema, MADE_BY)
    asked = np.flatnonzero(task.truth.degrees())
    table = bench.table(
        f"{name}, {'validation' if options.validate else 'test'} part",
        text("model"),
        measure("dimensions", 0),
        *(measure(f"recall@{k}", 4, "higher") for k in KS),
        *(measure(f"NDCG@{k}", 4, "higher") for k in KS),
        measure("seconds", 0),
    )
    bench.note(f"{name}: {len(asked):,} users asked, {task.truth.num_edges:,} products to find")
    for one in () if options.validate else SEQUENCES[name].published:
        at_10 = [None, one.recall, None, None, None if math.isnan(one.ndcg) else one.ndcg, None]
        table.add(one.name, None, *at_10, None, kind=Kind.PUBLISHED)
    configs = {name: merged_config([MODELS[name], *options.set]) for name in options.models}
    tried = rankers(options.baselines, options.seed, configs, snapshot, holdout, folder)
    for kind, title, model, seconds in tried:
        timer = Timer()
        with timer:
            model.learn(task.target)
        ranked = model.top(task, asked, max(KS))
        figures = [
            metric(ranked, asked, task.truth, k) for metric in (recall_at_k, ndcg_at_k) for k in KS
        ]
        dim = model.recommender.bundle.manifest.dim if isinstance(model, Served) else None
        bench.say(*table.add(title, dim, *figures, seconds + timer.clock.last, kind=kind))
        if isinstance(model, Served) and model.recommender.bundle.manifest.next is not None:
            milliseconds = updating(model.recommender, bench.options.seed)
            bench.note(
                f"{title}: {milliseconds:.2f} ms to update a user's vector by {NUM_RECENT} events, "
                f"median of {NUM_UPDATES} users"
            )


def updating(recommender: Recommender, seed: int) -> float:
    """How long it takes to bring a known user's vector up to date."""
    rng, bundle = np.random.default_rng(seed), recommender.bundle
    fold_in = recommender._engine.release.fold_in
    ids = bundle.ids("Product").to_pylist()
    taken = []
    for user in rng.integers(bundle.num_nodes("User"), size=NUM_UPDATES).tolist():
        events = [("PURCHASED", ids[row]) for row in rng.integers(len(ids), size=NUM_RECENT)]
        began = time.perf_counter()
        fold_in.updated(user, events)
        taken.append(time.perf_counter() - began)
    return 1000 * float(np.median(taken))
