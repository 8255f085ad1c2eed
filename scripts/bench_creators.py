"""Creators on synthetic worlds, where what fans want is planted: python scripts/bench_creators.py.

For each seed a world is made, the closed form learns from its purchases, and every question is
answered with the creators' own vectors alone and with their audiences in them. What is offered to
a creator is measured by what the followers want: of how many of a product's or brand's sides
(home category, then price level, style, function, trend, brand) they are fond, over that of the
best offer possible. A portfolio is measured by how many followers of any of its creators have the
brand among their planted favourites.
"""

import argparse
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
from graphdb.sources.in_memory import arrow_tables
from graphdb.sources.synthetic import WorldConfig, generate_world
from graphdb.sources.synthetic.truth import Truth
from graphrec import Recommendations, Recommender
from graphrec.bundle import Adjacency
from training.bundling import bundle_up
from training.data import load_graph
from training.encoders import SpectralConfig, SpectralEncoder
from training.pairs import adjacency

FEWEST_FOLLOWERS = 5
TRAITS = ("level", "style", "function", "trend")
Matrix = npt.NDArray[np.float64]


class Market:
    """One world, what was learned from it, and what followers want, [num_creators, ...]."""

    def __init__(self, num_edges: int, seed: int, dim: int, folder: Path) -> None:
        world = generate_world(WorldConfig(num_edges=num_edges, seed=seed))
        store = open_store(str(folder / "store.duckdb"))
        ingest(arrow_tables(world.nodes, "world") + arrow_tables(world.edges, "world"), store)
        snapshot = write_snapshot(store, folder / "snapshot")
        store.close()
        graph = load_graph(snapshot)
        direction = SCHEMA.edge_type("PURCHASED")
        vectors = SpectralEncoder(SCHEMA, direction, SpectralConfig(dim=dim)).fit(graph)
        bundle = bundle_up(
            folder / "bundle", snapshot, graph, vectors, cutoff=None, config={}, metrics={}
        )
        self.recommender = Recommender(bundle)
        self.truth = world.truth
        self.fans = adjacency(graph, SCHEMA.edge_type("FOLLOWS", target="Creator")).reverse()
        users = self.truth.users.tastes
        loved = np.zeros((len(users.level), len(self.truth.brands.level)))
        loved[np.arange(len(loved))[:, None], users.brands] = 1
        self.wanted = {
            "Product": of_fans(self.fans, wanted_products(self.truth)),
            "Brand": of_fans(self.fans, loved),
        }
        self.known = {
            name: np.flatnonzero(vectors[name].any(axis=1))
            for name in ("Creator", "Product", "Brand")
        }
        enough = np.flatnonzero(self.fans.degrees() >= FEWEST_FOLLOWERS)
        self.known["Creator"] = np.intersect1d(self.known["Creator"], enough)


def wanted_products(truth: Truth) -> Matrix:
    """[num_users, num_products]: 0 outside of the home categories, else 1 + tastes met."""
    users, products = truth.users.tastes, truth.products
    at_home = (users.categories[:, :, None] == products.category).any(axis=1)
    met = (users.brands[:, :, None] == products.brand).any(axis=1).astype(np.float64)
    for name in TRAITS:
        met += getattr(users, name)[:, None] == getattr(products, name)
    return at_home * (1 + met)


def of_fans(fans: Adjacency, values: Matrix) -> Matrix:
    """Means over followers; 0 for a creator without any."""
    found = np.zeros((fans.num_sources, values.shape[1]))
    for creator in np.flatnonzero(fans.degrees()):
        found[creator] = values[fans.targets(creator)].mean(axis=0)
    return found


def main() -> None:
    options = parsed()
    torch.set_num_threads(options.threads)
    title = (
        f"{options.edges:,} edges, seeds {', '.join(map(str, options.seeds))}, {options.dim} "
        f"numbers, {date.today()}; share of the best possible"
    )
    table = Table(title=title, title_justify="left", header_style="bold")
    for heading in ("seed", "question", "any", "own vector", "with the audience"):
        table.add_column(heading)
    reach = Table(
        title="Followers whose favourite the brand is, mean over brands; 5 creators",
        title_justify="left",
        header_style="bold",
    )
    for heading in ("seed", "the nearest", "portfolio", "reach of the portfolio over its bound"):
        reach.add_column(heading)
    for seed in options.seeds:
        with tempfile.TemporaryDirectory() as folder:
            market = Market(options.edges, seed, options.dim, Path(folder))
            for name, found in matches(market):
                table.add_row(str(seed), name, *(f"{value:.3f}" for value in found))
            reach.add_row(str(seed), *portfolios(market))
    console = Console(width=None if Console().is_terminal else 120)
    console.print(table)
    console.print(reach)


def matches(market: Market) -> Iterator[tuple[str, tuple[float, float, float]]]:
    """Per question the share of what is possible: of any offer, own vectors, and the blend."""
    ask = market.recommender
    for target, question, k in (
        ("Product", ask.products_for_creator, 10),
        ("Brand", ask.brands_for_creator, 5),
    ):
        yield f"{question.__name__}, first {k}", offers(market, "Creator", target, question, k)
    for source, question in (
        ("Product", ask.creators_for_product),
        ("Brand", ask.creators_for_brand),
    ):
        yield f"{question.__name__}, first 5", offers(market, source, "Creator", question, 5)


def offers(
    market: Market,
    seed_type: str,
    target_type: str,
    question: Callable[..., Recommendations],
    k: int,
) -> tuple[float, float, float]:
    values = market.wanted[target_type if seed_type == "Creator" else seed_type]
    values = values if seed_type == "Creator" else values.T
    bundle = market.recommender.bundle
    shares = []
    for row in market.known[seed_type]:
        seed_id = bundle.id_of(seed_type, row)
        own, _ = market.recommender.top_rows(seed_type, np.array([row]), target_type, k=k)
        blended = [bundle.row_of(target_type, one) for one in question(seed_id, k=k).ids]
        had = market.recommender.seen(seed_type, seed_id, target_type)
        open_to = np.setdiff1d(
            np.arange(values.shape[1]), [bundle.row_of(target_type, one) for one in had]
        )
        best = np.sort(values[row, open_to])[::-1][:k].sum()
        if best > 0:
            found = [values[row, rows].sum() / best for rows in (own[own >= 0], blended)]
            shares.append((k * values[row, open_to].mean() / best, *found))
    any_offer, own_alone, with_audience = np.mean(shares, axis=0).tolist()
    return any_offer, own_alone, with_audience


def portfolios(market: Market) -> tuple[str, str, str]:
    recommender, bundle = market.recommender, market.recommender.bundle
    counts, tight = [], []
    for brand in market.known["Brand"]:
        brand_id, audience = bundle.id_of("Brand", brand), market.truth.brand_audience(int(brand))
        chosen = recommender.creator_portfolio(brand_id, k=5)
        near = recommender.creators_for_brand(brand_id, k=5)
        counts.append(
            [
                len(np.intersect1d(market.fans.gather(rows), audience))
                for rows in (
                    np.array([bundle.row_of("Creator", one) for one in ids])
                    for ids in (near.ids, chosen.ids)
                )
            ]
        )
        tight.append(chosen.reach / chosen.bound)
    nearest, portfolio = np.mean(counts, axis=0)
    return f"{nearest:.1f}", f"{portfolio:.1f}", f"{np.mean(tight):.3f} (lowest {min(tight):.3f})"


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--edges", type=int, default=300_000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[2, 3])
    parser.add_argument("--dim", type=int, default=128)
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


if __name__ == "__main__":
    main()
