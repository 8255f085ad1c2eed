"""Is a user's next purchase found among what they viewed, and beyond it?

DATA is the folder of Taobao's views, carts and purchases, see scripts/benchmarks/data/taobao.py. A
purchase of every user is to be found among all products that the user did not buy in training.
First as published, with all views and carts: then it says mostly who buys what they viewed. Then
without the views and carts of the held-out pairs, among products that the user neither viewed nor
put into the cart nor bought.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from benchmarks.data.taobao import FILES, PURCHASED, TAOBAO_PUBLISHED, read
from benchmarks.harness import Arguments, Bench, Kind, Timer, measure, text
from benchmarks.models.backtest import rankers
from benchmarks.models.settings import merged_config
from graphdb import SCHEMA, Snapshot
from graphrec import Seen
from graphrec.bundle import Adjacency
from training.data import HeteroData, load_graph
from training.evaluation.baselines import (
    ITEM_KNN,
    MAKERS,
    POPULARITY,
    VIEWED_CONVERSION,
    VIEWED_ITEM_KNN,
    VIEWED_THEN_BOUGHT,
)
from training.evaluation.metrics import ndcg_at_k, recall_at_k
from training.evaluation.tasks import EvalTarget, Task
from training.pairs import adjacency, pair_keys, without
from training.splitting.holdout import given_split
from training.splitting.split import Holdout, hold_out_share, kept_part

K = 10
VALIDATION_SHARE = 0.1
BASELINES = (POPULARITY, ITEM_KNN, VIEWED_CONVERSION, VIEWED_ITEM_KNN, VIEWED_THEN_BOUGHT)
MODELS = {"auto": "selection.enabled = true", "default": ""}
"""What is changed in the default settings, as TOML."""
AS_PUBLISHED, NOT_VIEWED = "with all views and carts", "without those of the held-out pairs"


def arguments(arguments: Arguments) -> None:
    arguments.add("data", type=Path, help="the folder of taobao-behaviours")
    arguments.validate("find a share of the training purchases in the place of the held-out ones")
    arguments.threads(2)
    arguments.add("--models", nargs="*", default=["auto"], choices=MODELS, help="which")
    arguments.add("--baselines", nargs="*", default=list(BASELINES), choices=MAKERS, help="which")


def run(bench: Bench) -> None:
    options = bench.options
    with tempfile.TemporaryDirectory() as scratch:
        snapshot, held = read(options.data, Path(scratch))
        graph = load_graph(snapshot)
        if options.validate:
            held = hold_out_share(graph, SCHEMA, PURCHASED, VALIDATION_SHARE).truth
        for number, (way, holdout, task) in enumerate(ways(graph, held)):
            folder = Path(scratch) / str(number)
            folder.mkdir()
            measured(way, holdout, task, snapshot, folder, bench)


def ways(graph: HeteroData, held: Adjacency) -> Iterator[tuple[str, Holdout, Task]]:
    """Name, what may be learned from, and what is asked."""
    users, products = graph[PURCHASED].edge_index.numpy()
    is_held = np.isin(users * held.num_targets + products, pair_keys(held))
    stays = torch.from_numpy(~is_held)
    as_published = kept_part(graph, lambda one: stays if one == PURCHASED else None)
    not_viewed = given_split(graph, SCHEMA, PURCHASED, held).train_graph
    for way, past, relations in (
        (AS_PUBLISHED, as_published, (PURCHASED.relation,)),
        (NOT_VIEWED, not_viewed, tuple(one.relation for one in FILES)),
    ):
        seen = union([adjacency(past, one) for one in FILES if one.relation in relations])
        target = EvalTarget(PURCHASED, past, SCHEMA, seen)
        holdout = Holdout(past, PURCHASED, None, held, held)
        yield way, holdout, Task(way, target, Seen(relations=relations), held)


def union(parts: list[Adjacency]) -> Adjacency:
    """The distinct pairs of several."""
    keys = np.unique(np.concatenate([pair_keys(part) for part in parts]))
    num_targets = parts[0].num_targets
    return Adjacency.from_edges(
        keys // num_targets, keys % num_targets, parts[0].num_sources, num_targets
    )


def measured(
    way: str, holdout: Holdout, task: Task, snapshot: Snapshot, folder: Path, bench: Bench
) -> None:
    """Adds a table: hit rate and NDCG, and the part of the hit rate that was viewed or carted."""
    options, truth = bench.options, task.truth
    asked = np.flatnonzero(truth.degrees())
    viewed = union([adjacency(task.target.graph, one) for one in FILES if one != PURCHASED])
    new = without(truth, viewed)
    table = bench.table(
        f"{way}, {'validation' if options.validate else 'test'} part",
        text("model"),
        measure(f"hit rate@{K}", 4, "higher"),
        measure(f"NDCG@{K}", 4, "higher"),
        measure("of it viewed", 4),
        measure("seconds", 0),
    )
    share = 1 - new.num_edges / truth.num_edges
    bench.note(f"{way}: {len(asked):,} users asked, {100 * share:.0f} % of the purchases viewed")
    if way == AS_PUBLISHED and not options.validate:
        for one in TAOBAO_PUBLISHED:
            table.add(one.name, one.recall, one.ndcg, None, None, kind=Kind.PUBLISHED)
    configs = {name: merged_config([MODELS[name]]) for name in options.models}
    tried = rankers(options.baselines, options.seed, configs, snapshot, holdout, folder)
    for kind, name, model, seconds in tried:
        timer = Timer()
        with timer:
            model.learn(task.target)
            ranked = model.top(task, asked, K)
        hits = recall_at_k(ranked, asked, truth, K)
        not_viewed = np.flatnonzero(new.degrees())
        others = ranked[np.searchsorted(asked, not_viewed)]
        new_hits = recall_at_k(others, not_viewed, new, K) if len(not_viewed) else 0.0
        of_viewed = hits - new_hits * len(not_viewed) / len(asked)
        ndcg = ndcg_at_k(ranked, asked, truth, K)
        bench.say(*table.add(name, hits, ndcg, of_viewed, seconds + timer.clock.last, kind=kind))
