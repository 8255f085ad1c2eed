"""How long does an evaluation take?

A market of made-up users, products, brands and categories, with tastes, so that models differ;
by default 30,000 users and 40,000 products. Learning is not counted: two models are given as
vectors, one served from a bundle, one as a baseline's scores. Everybody is asked about all
products, repeats and new ones; all metrics at 5, 10 and 20, groups, intervals and tests are worked
out.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import torch

from benchmarks.data.worlds import bare_nodes
from benchmarks.harness import Arguments, Bench, Timer, measure, text
from graphdb.schema import SCHEMA
from graphrec import Adjacency, Recommender, write_bundle
from training.data import AT_S, COUNT, DAY_S, HeteroData
from training.evaluation.groups import EVENT_STEPS, by_name, by_steps, num_events, query_groupings
from training.evaluation.measure import EvalContext, Resampling, rank_all
from training.evaluation.measure import measure as measure_task
from training.evaluation.metrics import Scorer, VectorScorer
from training.evaluation.rankers import Catalogue, Ranker, Scored, Served
from training.evaluation.tasks import EvalTarget, all_tasks
from training.pairs import adjacency
from training.splitting.split import Holdout, hold_out_last

BOUGHT, MADE_BY = SCHEMA.edge_type("PURCHASED"), SCHEMA.edge_type("MADE_BY")
NUM_BRANDS, NUM_CATEGORIES, NUM_DAYS = 500, 40, 365
Vectors = npt.NDArray[np.float32]
T = TypeVar("T")


def arguments(arguments: Arguments) -> None:
    arguments.add("--users", type=int, default=30_000)
    arguments.add("--products", type=int, default=40_000)
    arguments.add("--events", type=int, default=1_500_000)
    arguments.add("--dim", type=int, default=128)
    arguments.add("--resamples", type=int, default=1000)
    arguments.threads(2)


def run(bench: Bench) -> None:
    options = bench.options
    table = bench.table(
        f"{options.users:,} users, {options.products:,} products, {options.dim} dimensions, "
        f"{options.resamples} resamples",
        text("step"),
        measure("seconds", 1, "lower"),
        measure("of processors", 1, "lower"),
    )
    timer = Timer()

    def timed(step: str, work: Callable[[], T]) -> T:
        with timer:
            done = work()
        bench.say(*table.add(step, timer.clock.last, timer.cpu.last))
        return done

    rng = np.random.default_rng(options.seed)
    users = rng.normal(size=(options.users, options.dim)).astype(np.float32)
    products = rng.normal(size=(options.products, options.dim)).astype(np.float32)
    graph = market(users, products, options.events, rng)
    holdout = hold_out_last(graph, BOUGHT, 28)
    tasks = timed("tasks", lambda: all_tasks(graph, holdout, SCHEMA, MADE_BY))
    tasks = [task for task in tasks if task.target_type == BOUGHT.target]
    noisy = products + rng.normal(size=products.shape).astype(np.float32)
    how = Resampling((5, 10, 20), options.resamples, options.seed)
    with TemporaryDirectory() as folder:
        models: list[Ranker] = [
            served(Path(folder) / "bundle", users, products, holdout),
            Scored("noisy", lambda _: Fixed(VectorScorer(*map(torch.from_numpy, (users, noisy))))),
        ]
        lists = {
            model.name: timed(
                f"rank by {model.name}", lambda model=model: rank_all(model, tasks, how.longest)
            )
            for model in models
        }
    context = context_of(tasks[0].target, options.products)
    results = [
        timed(
            f"measure {task.name}: {len(np.flatnonzero(task.truth.degrees())):,} users",
            lambda task=task: (
                measure_task(
                    task, {name: found[task.name] for name, found in lists.items()}, context, how
                ).result
            ),
        )
        for task in tasks
    ]
    table.add("in all", timer.clock.total, timer.cpu.total)
    for one in results[0].models:
        bench.say(one.model, one.metrics["recall@20"], one.lists)


class Fixed:
    """A baseline that has learned already."""

    def __init__(self, scorer: Scorer) -> None:
        self.scorer = scorer

    def fit(self, graph: HeteroData) -> Scorer:  # noqa: ARG002 - as baselines are asked
        return self.scorer


def market(
    users: Vectors, products: Vectors, num_events: int, rng: np.random.Generator
) -> HeteroData:
    """Purchases in a year; each is the best by the user's taste of twenty that were met."""
    graph = HeteroData()
    for name, number in (
        ("User", len(users)),
        ("Product", len(products)),
        ("Brand", NUM_BRANDS),
    ):
        graph[name].num_nodes = number
    buyers = np.sort(rng.integers(len(users), size=num_events))
    bought = np.empty(num_events, dtype=np.int64)
    for part in np.array_split(np.arange(num_events), 200):
        met = rng.integers(len(products), size=(len(part), 20))
        fit = np.einsum("nd,nkd->nk", users[buyers[part]], products[met])
        bought[part] = met[np.arange(len(part)), fit.argmax(axis=1)]
    again = rng.random(num_events) < 0.2  # what the same user bought before
    again[1:] &= buyers[1:] == buyers[:-1]
    again[0] = False
    bought[again] = bought[np.flatnonzero(again) - 1]
    store = graph[BOUGHT]
    store.edge_index = torch.from_numpy(np.stack([buyers, bought]))
    store[AT_S] = torch.from_numpy(rng.integers(NUM_DAYS * DAY_S, size=num_events))
    store[COUNT] = torch.ones(num_events)
    store.value = torch.from_numpy(rng.lognormal(3, 1, size=num_events).astype(np.float32))
    makers = torch.from_numpy(rng.integers(NUM_BRANDS, size=len(products)))
    graph[MADE_BY].edge_index = torch.stack([torch.arange(len(products)), makers])
    graph[MADE_BY][AT_S] = torch.zeros(len(products), dtype=torch.int64)
    return graph


def served(folder: Path, users: Vectors, products: Vectors, holdout: Holdout) -> Served:
    vectors = {BOUGHT.source: users, BOUGHT.target: products}
    nodes = {
        name: bare_nodes(name, [f"{row:08d}" for row in range(len(some))])
        for name, some in vectors.items()
    }
    bought: Adjacency = adjacency(holdout.train_graph, BOUGHT)
    bundle = write_bundle(
        folder,
        schema=SCHEMA,
        snapshot_id="bench",
        cutoff=datetime.now(UTC),
        nodes=nodes,
        vectors=vectors,
        edges={BOUGHT: bought},
        config={},
        metrics={},
    )
    return Served("served", Recommender(bundle))


def context_of(target: EvalTarget, num_products: int) -> EvalContext:
    """Groups as a snapshot would give them: activity, events, and two dimensions by name."""
    of_queries, of_targets = num_events(target.graph, target.edge_type)
    categories = np.arange(num_products) % NUM_CATEGORIES
    names = [f"category {number}" for number in range(NUM_CATEGORIES)]
    bands = np.arange(num_products) % 8
    return EvalContext(
        query_groupings(of_queries, "User"),
        [
            by_steps("training events", of_targets, EVENT_STEPS, "event", "unknown"),
            by_name("category", categories, names, of_targets),
            by_name("price band", bands, names, of_targets),
            by_steps("age", categories * 10.0, (7, 28, 91, 182, 365), "day", "unknown"),
        ],
        Catalogue(of_targets, categories, categories == 0),
    )
