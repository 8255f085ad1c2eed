"""Lookalikes against chance and activity: python scripts/bench_lookalikes.py SNAPSHOT.

SNAPSHOT is a folder that `graphrec snapshot` wrote of Complete Journey, such as that of the demo.
Its last four weeks are held out; with --validate they are cut off, and the four weeks before them
are held out: the way to choose how an audience is scored. For every brand with enough households
who bought it for the first time in these weeks, all households that had never bought it are put
in order; the lift is the share of new buyers at the top over their share among all of them.
"""

import argparse
import platform
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from rich.console import Console
from rich.table import Table

from graphdb.errors import QueryError
from graphdb.schema_types import EdgeType
from graphdb.snapshot import Snapshot, open_snapshot
from graphrec import Recommender
from graphrec.bundle import Adjacency
from training.bundling import bundle_up
from training.data import AT_S, load_graph
from training.encoders import SpectralEncoder
from training.pairs import adjacency, compose, without
from training.split import DAY_S, Holdout, hold_out_last

WEEKS = 4
SHARES = (0.01, 0.05, 0.1)
RECENT_HALF_LIFE_DAYS = 30.0

Scores = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Brands:
    """What is asked.

    Args:
        rows: The brands with enough new buyers.
        had, new: Per brand row who had bought before, and who bought for the first time since.
    """

    rows: npt.NDArray[np.int64]
    had: Adjacency
    new: Adjacency


def main() -> None:
    options = parsed()
    torch.set_num_threads(options.threads)
    snapshot = open_snapshot(options.snapshot)
    schema, graph = snapshot.schema, load_graph(snapshot)
    bought, made_by = schema.edge_type("PURCHASED"), schema.edge_type("MADE_BY")
    holdout = hold_out_last(graph, bought, 7 * WEEKS)
    if options.validate:
        holdout = hold_out_last(holdout.train_graph, bought, 7 * WEEKS)
    brands = asked(holdout, made_by, options.new_buyers)
    with tempfile.TemporaryDirectory() as folder:
        recommender = past(Path(folder) / "bundle", snapshot, holdout)
        of_models = list(scored(recommender, holdout, brands, options.seed))
        promised = promises(recommender, brands)
    part = "validation" if options.validate else "test"
    console = Console(width=None if Console().is_terminal else 140)
    title = (
        f"{len(brands.rows)} brands with {options.new_buyers} new buyers or more, {WEEKS} weeks, "
        f"{part} part, seed {options.seed}, {date.today()}, {options.threads} threads of "
        f"{platform.processor() or platform.machine()}"
    )
    lifts = {
        name: np.array([lift(brands, *pair) for pair in enumerate(rows)])
        for name, rows in of_models
    }
    console.print(table_of_lifts(title, lifts))
    console.print(table_of_curves(lifts["users_for_brand"], promised))


def asked(holdout: Holdout, made_by: EdgeType, new_buyers: int) -> Brands:
    """Brands with old buyers and enough new ones."""
    makers = adjacency(holdout.train_graph, made_by)
    had = compose(adjacency(holdout.train_graph, holdout.edge_type), makers)
    new = without(compose(holdout.truth, makers), had).reverse()
    had = had.reverse()
    rows = np.flatnonzero((new.degrees() >= new_buyers) & (had.degrees() > 0))
    return Brands(rows, had, new)


def past(folder: Path, snapshot: Snapshot, holdout: Holdout) -> Recommender:
    """Serves what was known when the held-out weeks began."""
    graph = holdout.train_graph
    vectors = SpectralEncoder(snapshot.schema, holdout.edge_type).fit(graph)
    cutoff = datetime.fromtimestamp(holdout.cutoff_s, UTC)
    return Recommender(
        bundle_up(folder, snapshot, graph, vectors, cutoff=cutoff, config={}, metrics={})
    )


def scored(
    recommender: Recommender, holdout: Holdout, brands: Brands, seed: int
) -> Iterator[tuple[str, list[Scores]]]:
    """By name, scores of all households for each brand; -inf for who does not come out."""
    graph, bought = holdout.train_graph, holdout.edge_type
    num_users = graph[bought.source].num_nodes
    rng = np.random.default_rng(seed)
    yield "random", [rng.random(num_users) for _ in brands.rows]
    users = graph[bought].edge_index[0].numpy()
    age_days = (holdout.cutoff_s - graph[bought][AT_S].numpy()) / DAY_S
    for name, weights in (
        ("most purchases", None),
        ("most purchases, recent ones count more", 0.5 ** (age_days / RECENT_HALF_LIFE_DAYS)),
    ):
        activity = np.bincount(users, weights, minlength=num_users).astype(np.float64)
        yield name, [activity for _ in brands.rows]
    vectors = {name: recommender.bundle.vectors(name) for name in ("User", "Brand")}
    dots = vectors["Brand"][brands.rows].astype(np.float64) @ vectors["User"].T
    yield "brand's vector alone", list(dots)
    yield "users_for_brand", served(recommender, brands, num_users)


def served(recommender: Recommender, brands: Brands, num_users: int) -> list[Scores]:
    """What the query layer ranks, as scores by household."""
    ids = [recommender.bundle.id_of("Brand", int(row)) for row in brands.rows]
    ranked, _ = recommender.lookalike_rows("Brand", ids, new_customers_only=True, share=1.0)
    found = np.full((len(ids), num_users), -np.inf)
    for scores, rows in zip(found, ranked, strict=True):
        # By place, not by score: likenesses near 1 may round to one number.
        scores[rows[rows >= 0]] = -np.arange(np.count_nonzero(rows >= 0), dtype=np.float64)
    return list(found)


def lift(brands: Brands, position: int, scores: Scores) -> list[float]:
    """Of the best 1, 5 and 10 % of those who had never bought the brand."""
    brand = int(brands.rows[position])
    candidates = np.setdiff1d(np.arange(brands.had.num_targets), brands.had.targets(brand))
    is_new = np.isin(candidates, brands.new.targets(brand))
    order = np.lexsort((candidates, -scores[candidates]))
    sizes = [max(round(share * len(candidates)), 1) for share in SHARES]
    return [float(is_new[order[:size]].mean() / is_new.mean()) for size in sizes]


def promises(recommender: Recommender, brands: Brands) -> npt.NDArray[np.float64]:
    """The lifts that `reach_curve` tells, [num_brands, num_shares]; NaN with too few buyers."""
    found = np.full((len(brands.rows), len(SHARES)), np.nan)
    for position, row in enumerate(brands.rows):
        brand_id = recommender.bundle.id_of("Brand", int(row))
        try:
            points = recommender.reach_curve("Brand", brand_id, shares=SHARES)
        except QueryError:  # the one buyer it has cannot be kept back
            continue
        found[position] = [point.lift for point in points]
    return found


def table_of_lifts(title: str, lifts: dict[str, npt.NDArray[np.float64]]) -> Table:
    table = Table(title=title, title_justify="left", header_style="bold")
    for heading in ("households", *(f"lift, top {share:.0%}" for share in SHARES)):
        table.add_column(heading)
    for name, found in lifts.items():
        table.add_row(name, *map(spread_of, found.T))
    return table


def table_of_curves(real: npt.NDArray[np.float64], promised: npt.NDArray[np.float64]) -> Table:
    """Real lifts beside those of `reach_curve`."""
    title = "What reach_curve tells of buyers kept back, beside real new buyers (same brands)"
    table = Table(title=title, title_justify="left", header_style="bold")
    for heading in ("lift", *(f"top {share:.0%}" for share in SHARES)):
        table.add_column(heading)
    known = ~np.isnan(promised).any(axis=1)
    table.add_row("kept back", *map(spread_of, promised[known].T))
    table.add_row("real", *map(spread_of, real[known].T))
    return table


def spread_of(values: npt.NDArray[np.float64]) -> str:
    """The mean with its standard error, and the quartiles over brands."""
    error = values.std(ddof=1) / np.sqrt(len(values))
    low, middle, high = np.quantile(values, (0.25, 0.5, 0.75))
    return f"{values.mean():.2f} ± {error:.2f} ({low:.1f}, {middle:.1f}, {high:.1f})"


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("snapshot", help="folder of a snapshot")
    parser.add_argument("--validate", action="store_true", help="the four weeks before instead")
    parser.add_argument("--new-buyers", type=int, default=10, help="a brand needs so many")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


if __name__ == "__main__":
    main()
