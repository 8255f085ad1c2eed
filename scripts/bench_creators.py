"""Creators on synthetic worlds, where what followers want is planted: scripts/bench_creators.py.

For each query node a world is made and its last weeks are held out; a model learns the rest and is
asked through the query layer, beside the baselines of `graphrec evaluate`:

- by time: which creators begin to carry a product, or something of a brand, since;
- by planted truth: of which five creators the followers like a product or brand best, on average.
  Who has fewer than five followers is not among them; who carries it already is left out;
- whose place the first one is: of creators without a follower, and with fewer than ten;
- what is offered to creators: how well it fits what their followers want, over the best offer;
- portfolios: how many followers of any chosen creator have the brand among their favourites.

    python scripts/bench_creators.py --edges 200000 --queries 2 3 4
"""

import argparse
import platform
import tempfile
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from rich.console import Console
from rich.table import Table

from graphdb import open_store, write_snapshot
from graphdb.ingest import ingest
from graphdb.schema import SCHEMA
from graphdb.sources.opening import arrow_tables
from graphdb.sources.synthetic import WorldConfig, generate_world
from graphdb.sources.synthetic.generate import Truth
from graphrec import Recommendations
from graphrec.bundle import Adjacency
from training.config import load_config, preset_path
from training.data import load_graph
from training.evaluation.backtest import model_of_the_past
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
        store = open_store(str(folder / "store.duckdb"))
        ingest(arrow_tables(world.nodes, "world") + arrow_tables(world.edges, "world"), store)
        snapshot = write_snapshot(store, folder / "snapshot")
        store.close()
        graph = load_graph(snapshot)
        self.holdout = hold_out_last(graph, SCHEMA.edge_type("PURCHASED"), options.holdout_days)
        config = load_config(preset_path(options.preset))
        self.model = model_of_the_past(folder / "past", snapshot, self.holdout, config, Run())
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


def main() -> None:
    options = parsed()
    torch.set_num_threads(options.threads)
    found: Found = {}
    firsts, offered, reached = [], [], []
    for seed in options.queries:
        with tempfile.TemporaryDirectory() as folder:
            market = Market(options, seed, Path(folder))
            for name, values in measured(market):
                found.setdefault(name, []).append(values)
            firsts += [(str(seed), *row) for row in first_places(market)]
            offered += [(str(seed), *row) for row in offers(market)]
            reached.append((str(seed), *portfolios(market)))
    console = Console(width=None if Console().is_terminal else 160)
    console.print(
        f"{options.edges:,} edges, queries {', '.join(map(str, options.queries))}, preset "
        f"{options.preset}, last {options.holdout_days} days held out, {date.today()}, "
        f"{platform.machine()}, {options.threads} threads"
    )
    console.print(figures(found, options.resamples))
    console.print(
        table("First places", ("seed", "question", "without followers", "fewer than 10"), firsts)
    )
    console.print(
        table("Share of the best offer", ("seed", "question", "any offer", "found"), offered)
    )
    heading = "Followers whose favourite the brand is, mean over brands; 5 creators"
    columns = ("seed", "the first five", "portfolio", "reach over its bound")
    console.print(table(heading, columns, reached))


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


def figures(found: Found, resamples: int) -> Table:
    """Means over the queries of all worlds, with their intervals, and what each world gives."""
    rows = []
    for (task, model), worlds in found.items():
        values = {name: np.concatenate([each[name] for each in worlds]) for name in worlds[0]}
        number = len(next(iter(values.values())))
        cells = []
        for name in (f"recall@{K}", f"ndcg@{K}"):
            column = values[name][:, None]
            (mean,) = estimates(column, Bootstrap(number, resamples, seed=0).means(column))
            each = ", ".join(f"{np.nanmean(one[name]):.3f}" for one in worlds)
            if mean is not None:
                cells.append(f"{mean.mean:.3f} ({mean.low:.3f} to {mean.high:.3f}); {each}")
        rows.append((task, model, str(number), *cells))
    columns = ("task", "model", "asked", f"recall@{K}; by world", f"ndcg@{K}; by world")
    return table("Who should carry it, 95 % intervals", columns, rows)


def table(title: str, columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> Table:
    found = Table(title=title, title_justify="left", header_style="bold")
    for heading in columns:
        found.add_column(heading)
    for row in rows:
        found.add_row(*row)
    return found


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


def offers(market: Market) -> Iterator[tuple[str, str, str]]:
    """Per question the share of the best possible offer, of any offer and of what is found."""
    ask = market.recommender
    creators = np.flatnonzero(market.followers.degrees() >= FEWEST_FOLLOWERS)
    for target, question, k in (
        ("Product", ask.products_for_creator, 10),
        ("Brand", ask.brands_for_creator, 5),
    ):
        shares = [share for row in creators if (share := offer(market, row, target, question, k))]
        any_offer, found = np.mean(shares, axis=0)
        yield f"{question.__name__}, first {k}", f"{any_offer:.3f}", f"{found:.3f}"


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
    had = market.recommender.seen("Creator", creator_id, target_type)
    left = np.setdiff1d(np.arange(len(values)), [bundle.row_of(target_type, one) for one in had])
    best = np.sort(values[left])[::-1][:k].sum()
    if best <= 0:
        return None
    rows = [bundle.row_of(target_type, one) for one in question(creator_id, k=k).ids]
    return float(k * values[left].mean() / best), float(values[rows].sum() / best)


def portfolios(market: Market) -> tuple[str, str, str]:
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
    return (
        f"{first_five:.1f}",
        f"{portfolio:.1f}",
        f"{np.mean(tight):.3f} (lowest {min(tight):.3f})",
    )


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--edges", type=int, default=200_000)
    parser.add_argument("--queries", type=int, nargs="+", default=[2, 3, 4])
    parser.add_argument("--preset", default="quick")
    parser.add_argument("--holdout-days", type=int, default=28)
    parser.add_argument("--resamples", type=int, default=1000)
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    main()
