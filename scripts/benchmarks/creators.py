"""Which creators fit a product or brand, on synthetic worlds where what followers want is planted?

For each seed a world is made and its last weeks are held out; a model learns the rest and is
asked through the query layer, beside the baselines of `graphrec evaluate`:

- by time: which creators begin to carry a product, or something of a brand, since;
- by planted truth: of which five creators the followers like a product or brand best, on average.
  Who has fewer than five followers is not among them; who carries it already is left out;
- whose place the first one is: of creators without a follower, and with fewer than ten;
- what is offered to creators: how well it fits what their followers want, over the best offer;
- portfolios: how many followers of any chosen creator have the brand among their favourites.
"""

import argparse
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.data.worlds import snapshot_of
from benchmarks.harness import Arguments, Bench, Kind, measure, text
from graphdb.schema import SCHEMA
from graphdb.sources.opening import arrow_tables
from graphdb.sources.synthetic import WorldConfig, generate_world
from graphdb.sources.synthetic.generate import Truth
from graphrec import Recommendations
from graphrec.bundle import Adjacency
from training.config import load_config, preset_path
from training.data import load_graph
from training.evaluation.backtest import train_backtest_model
from training.evaluation.baselines import OF_CREATORS, POPULARITY, baseline
from training.evaluation.bootstrap import Bootstrap, estimates
from training.evaluation.creators import creator_tasks
from training.evaluation.measure import asked
from training.evaluation.metrics import Hits, Values, per_query
from training.evaluation.rankers import Ranker
from training.evaluation.tasks import Task
from training.models import Run
from training.pairs import adjacency
from training.splitting.split import hold_out_last

FEWEST_FOLLOWERS = 5
K = 10
BEST = 5
Matrix = npt.NDArray[np.float64]
Found = dict[tuple[str, str], list[dict[str, Values]]]
"""By task and model, world by world the figures of all queries."""


class Market:
    """One world, what was learned of its past, and what followers want."""

    def __init__(self, options: argparse.Namespace, seed: int, folder: Path) -> None:
        world = generate_world(WorldConfig(num_edges=options.edges, seed=seed))
        tables = arrow_tables(world.nodes, "world") + arrow_tables(world.edges, "world")
        snapshot = snapshot_of(tables, folder)
        graph = load_graph(snapshot)
        self.holdout = hold_out_last(graph, SCHEMA.edge_type("PURCHASED"), options.holdout_days)
        config = load_config(preset_path(options.preset))
        self.model = train_backtest_model(folder / "past", snapshot, self.holdout, config, Run())
        self.recommender = self.model.recommender
        self.truth = world.truth
        past = self.holdout.train_graph
        self.followers = adjacency(past, SCHEMA.edge_type("FOLLOWS", target="Creator")).reverse()
        liking = {"Product": world.truth.liking_of_products, "Brand": world.truth.liking_of_brands}
        self.wanted = {
            name: of_followers(self.followers, of_users()) for name, of_users in liking.items()
        }
        assert self.holdout.cutoff_s is not None
        self.tasks = list(creator_tasks(graph, past, self.holdout.cutoff_s, SCHEMA))

    def planted(self, task: Task) -> Task:
        """The same question, with the creators whose followers like it best for right answers."""
        values = self.wanted[task.query_type].T.copy()
        values[:, self.followers.degrees() < FEWEST_FOLLOWERS] = 0
        for row in range(len(values)):
            values[row, task.target.seen.targets(row)] = 0
        best = np.argsort(-values, axis=1, kind="stable")[:, :BEST]
        rows, places = np.nonzero(np.take_along_axis(values, best, axis=1))
        truth = Adjacency.from_edges(rows, best[rows, places], *values.shape)
        sources = np.repeat(np.arange(len(values)), truth.degrees())
        gains = values[sources, truth.indices]
        return Task(f"{task.name}, planted", task.target, task.exclude_seen, truth, gains)


def of_followers(followers: Adjacency, values: Matrix) -> Matrix:
    """Means over followers, [num_creators, ...]; 0 for a creator without any."""
    found = np.zeros((followers.num_sources, values.shape[1]))
    for creator in np.flatnonzero(followers.degrees()):
        found[creator] = values[followers.targets(creator)].mean(axis=0)
    return found


def arguments(arguments: Arguments) -> None:
    arguments.add("--edges", type=int, default=200_000)
    arguments.add("--preset", default="default")
    arguments.add("--holdout-days", type=int, default=28)
    arguments.add("--resamples", type=int, default=1000)
    arguments.seeds(2, 3, 4)
    arguments.threads(1)


def run(bench: Bench) -> None:
    options = bench.options
    found: Found = {}
    fits = bench.table(
        "Who should carry it, 95 % intervals over all questions",
        *map(text, ("task", "model")),
        measure("queries", None),
        *(
            measure(f"{metric}{end}", 3, None if end else "higher")
            for metric in ("NDCG@10", "recall@10")
            for end in ("", " low", " high")
        ),
        *map(text, ("NDCG@10 by world", "recall@10 by world")),
        group_by="task",
    )
    firsts = bench.table(
        "First places",
        *map(text, ("seed", "question", "without followers", "fewer than 10")),
    )
    offered = bench.table(
        "Share of the best offer",
        *map(text, ("seed", "question")),
        measure("any offer", 3),
        measure("found", 3, "higher"),
    )
    portfolio = bench.table(
        "Followers whose favourite the brand is, mean over brands; 5 creators",
        text("seed"),
        measure("the first five", 1),
        measure("portfolio", 1, "higher"),
        measure("reach over its bound", 3),
        measure("lowest", 3),
    )
    for seed in options.seeds:
        with tempfile.TemporaryDirectory() as folder:
            market = Market(options, seed, Path(folder))
            for name, values in measured(market):
                found.setdefault(name, []).append(values)
            for row in first_places(market):
                firsts.add(str(seed), *row)
            for row in offers(market):
                offered.add(str(seed), *row)
            portfolio.add(str(seed), *portfolios(market))
    for (task, model), worlds in found.items():
        kind = Kind.BASELINE if model in (*OF_CREATORS, POPULARITY) else Kind.OURS
        fits.add(task, model, *figures(worlds, options.resamples), kind=kind)


def measured(market: Market) -> Iterator[tuple[tuple[str, str], dict[str, Values]]]:
    """The figures of every task and model, query by query."""
    models: list[Ranker] = [market.model]
    models += [baseline(name, seed=0) for name in (*OF_CREATORS, POPULARITY)]
    for task in market.tasks:
        for one in (task, market.planted(task)):
            queries = asked(one)
            for model in models:
                hits = Hits.of(model.top(one, queries, K), queries, one.truth, one.gains)
                yield (one.name, model.name), per_query(hits, (K,))


def figures(worlds: list[dict[str, Values]], resamples: int) -> Iterator[str | float | None]:
    """How many questions; mean and interval of each metric; and what each world gives."""
    values = {name: np.concatenate([each[name] for each in worlds]) for name in worlds[0]}
    number, each_world = len(next(iter(values.values()))), []
    yield number
    for name in (f"ndcg@{K}", f"recall@{K}"):
        column = values[name][:, None]
        (mean,) = estimates(column, Bootstrap(number, resamples, seed=0).means(column))
        yield from (None,) * 3 if mean is None else (mean.mean, mean.low, mean.high)
        each_world.append(", ".join(f"{np.nanmean(one[name]):.3f}" for one in worlds))
    yield from each_world


def first_places(market: Market) -> Iterator[tuple[str, str, str]]:
    """Per question the share of first places of creators with few followers, and of all such."""
    followers = market.followers.degrees()
    for query_type in ("Brand", "Product"):
        queries = np.arange(market.recommender.bundle.num_nodes(query_type))
        rows, _ = market.recommender.creator_rows(query_type, queries, k=1)
        first = followers[rows[rows >= 0]]
        shares = [
            f"{(first < most).mean():.3f} (of all creators {(followers < most).mean():.3f})"
            for most in (1, 10)
        ]
        yield (f"creators for a {query_type.lower()}", shares[0], shares[1])


def offers(market: Market) -> Iterator[tuple[str, float, float]]:
    """Per question the share of the best possible offer, of any offer and of what is found."""
    ask = market.recommender
    creators = np.flatnonzero(market.followers.degrees() >= FEWEST_FOLLOWERS)
    for target, question, k in (
        ("Product", ask.products_for_creator, 10),
        ("Brand", ask.brands_for_creator, 5),
    ):
        shares = [share for row in creators if (share := offer(market, row, target, question, k))]
        any_offer, found = np.mean(shares, axis=0)
        yield f"{question.__name__}, first {k}", float(any_offer), float(found)


def offer(
    market: Market,
    creator: int,
    target_type: str,
    question: Callable[..., Recommendations],
    k: int,
) -> tuple[float, float] | None:
    """Of one creator; None where nothing that is not carried yet would please any follower."""
    bundle, values = market.recommender.bundle, market.wanted[target_type][creator]
    creator_id = bundle.id_of("Creator", creator)
    seen = market.recommender.seen("Creator", creator_id, target_type)
    left = np.setdiff1d(np.arange(len(values)), [bundle.row_of(target_type, one) for one in seen])
    best = np.sort(values[left])[::-1][:k].sum()
    if best <= 0:
        return None
    rows = [bundle.row_of(target_type, one) for one in question(creator_id, k=k).ids]
    return float(k * values[left].mean() / best), float(values[rows].sum() / best)


def portfolios(market: Market) -> tuple[float, float, float, float]:
    recommender, bundle = market.recommender, market.recommender.bundle
    truth: Truth = market.truth
    counts, tight = [], []
    for brand in range(bundle.num_nodes("Brand")):
        brand_id = bundle.id_of("Brand", brand)
        if not recommender.knows("Brand", brand_id, "User"):
            continue
        chosen = recommender.creator_portfolio(brand_id, k=5)
        first = recommender.creators_for_brand(brand_id, k=5)
        audience = truth.brand_audience(brand)
        rows = [[bundle.row_of("Creator", one) for one in ids] for ids in (first.ids, chosen.ids)]
        reached = [market.followers.gather(np.array(some, dtype=np.int64)) for some in rows]
        counts.append([len(np.intersect1d(users, audience)) for users in reached])
        tight.append(chosen.reach / chosen.bound)
    first_five, portfolio = np.mean(counts, axis=0)
    return float(first_five), float(portfolio), float(np.mean(tight)), float(min(tight))
