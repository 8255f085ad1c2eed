"""Lookalikes against chance and activity: python scripts/bench_lookalikes.py SNAPSHOT.

SNAPSHOT is a folder that `graphrec snapshot` wrote, such as that of the demo (Complete Journey).
Its last four weeks are held out; with --validate they are cut off, and the four weeks before them
are held out: the way to choose how an audience is scored. For every brand with enough households
who bought it for the first time in these weeks, all households that had never bought it are put
in order; the lift is the share of new buyers at the top over their share among all of them.

Users who bought nothing at all are counted in first places beside their share of all users: the
vector of who met a single product points nowhere else, and must not win by that.

What `reach_curve` and the scores tell is measured on the four weeks before, by a model of what came
before these, as training does it, and set beside what came in the held-out weeks.
"""

import argparse
import platform
import tempfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from bench_data.weeks import WEEKS, Weeks, held_out_weeks
from rich.console import Console
from rich.table import Table

from graphdb.errors import QueryError
from graphrec import Recommender
from graphrec.bundle import AudienceFigures
from training.cold_start import ColdStartLearner
from training.encoders import SvdEncoder, Vectors
from training.evaluation.audiences import audience_figures
from training.evaluation.backtest import bundle_of_the_past
from training.evaluation.lookalikes import NewBuyers, lifts, new_buyers, orders, ranked_others
from training.pairs import adjacency
from training.splitting.split import Holdout, hold_out_last

SHARES = (0.01, 0.05, 0.1)
BRANDS = 400

Floats = npt.NDArray[np.float64]


def main() -> None:
    options = parsed()
    torch.set_num_threads(options.threads)
    weeks = held_out_weeks(options.snapshot, validate=options.validate)
    made_by = weeks.schema.edge_type("MADE_BY")
    brands = new_buyers(weeks.holdout, made_by, min_new_buyers=options.new_buyers)
    with tempfile.TemporaryDirectory() as folder:
        told = figures_before(Path(folder) / "before", weeks, options.seed)
        recommender = past(Path(folder) / "bundle", weeks, told)
        by_order = dict(scored(recommender, weeks, brands, options.seed))
        found = {name: lifts(brands, scores, SHARES) for name, scores in by_order.items()}
        promised = promises(recommender, brands)
        likely = probabilities(recommender, brands, options.seed)
    console = Console(width=None if Console().is_terminal else 140)
    title = (
        f"{len(brands.rows)} brands with {options.new_buyers} new buyers or more, {WEEKS} weeks, "
        f"{weeks.part} part, seed {options.seed}, {date.today()}, {options.threads} threads of "
        f"{platform.processor() or platform.machine()}"
    )
    console.print(table_of_lifts(title, found))
    console.print(table_of_first_places(brands, by_order, weeks))
    console.print(table_of_curves(found["users_for_brand"], promised))
    console.print(table_of_probabilities(*likely))


def figures_before(folder: Path, weeks: Weeks, seed: int) -> dict[str, AudienceFigures]:
    """What the four weeks before the held-out ones tell, as training would measure it."""
    holdout = hold_out_last(weeks.holdout.train_graph, weeks.holdout.edge_type, 7 * WEEKS)
    vectors = learned(weeks, holdout)
    recommender = Recommender(bundle_of_the_past(folder, weeks.snapshot, holdout, vectors))
    made_by = weeks.schema.edge_type("MADE_BY")
    return audience_figures(recommender, holdout, made_by, 7 * WEEKS, seed=seed)


def learned(weeks: Weeks, holdout: Holdout) -> Vectors:
    """The vectors that training gives, those of users known by no event with a product too."""
    found = SvdEncoder(weeks.schema, holdout.edge_type).fit(holdout.train_graph)
    learner = ColdStartLearner(holdout.train_graph, found, weeks.schema, holdout.edge_type)
    return learner.applied(learner.rules())


def past(folder: Path, weeks: Weeks, told: dict[str, AudienceFigures]) -> Recommender:
    """Serves what was known when the held-out weeks began."""
    holdout = weeks.holdout
    vectors = learned(weeks, holdout)
    bundle = bundle_of_the_past(folder, weeks.snapshot, holdout, vectors, audiences=told)
    return Recommender(bundle)


def probabilities(recommender: Recommender, brands: NewBuyers, seed: int) -> tuple[Floats, Floats]:
    """Of brands that anyone had bought, every user who had not: the chance told, and whether."""
    sold = np.flatnonzero(brands.bought_before.degrees())
    told, came = [], []
    for row in np.random.default_rng(seed).permutation(sold)[:BRANDS].tolist():
        brand = recommender.bundle.id_of("Brand", row)
        try:
            rows, scores = recommender.lookalike_rows(
                "Brand", [brand], share=1.0, new_customers_only=True
            )
        except QueryError:  # nothing tells its audience from everyone
            continue
        users = rows[0][rows[0] >= 0]
        told.append(scores[0][: len(users)])
        came.append(np.isin(users, brands.new.targets(row)).astype(np.float64))
    return np.concatenate(told), np.concatenate(came)


def scored(
    recommender: Recommender, weeks: Weeks, brands: NewBuyers, seed: int
) -> Iterator[tuple[str, list[Floats]]]:
    """The orders that an evaluation compares, and the brand's own vector."""
    yield from orders(recommender, weeks.holdout, brands, seed=seed)
    vectors = {name: recommender.bundle.vectors(name) for name in ("User", "Brand")}
    dots = vectors["Brand"][brands.rows].astype(np.float64) @ vectors["User"].T
    yield "brand's vector alone", list(dots)


def promises(recommender: Recommender, brands: NewBuyers) -> Floats:
    """The lifts that `reach_curve` tells, [num_brands, num_shares]."""
    ids = (recommender.bundle.id_of("Brand", int(row)) for row in brands.rows)
    curves = (recommender.reach_curve("Brand", one, shares=SHARES) for one in ids)
    return np.array([[point.lift for point in curve] for curve in curves])


def table_of_probabilities(told: Floats, came: Floats) -> Table:
    """By tenths of all pairs, and the last hundredth."""
    title = f"Chance to buy a brand for the first time, {BRANDS} brands, {len(told):,} pairs"
    table = Table(title=title, title_justify="left", header_style="bold")
    for heading in ("pairs by chance", "told", "came"):
        table.add_column(heading)
    order = np.argsort(told, kind="stable")
    parts = {f"tenth {n + 1}": part for n, part in enumerate(np.array_split(order, 10))}
    error = np.mean([abs(told[part].mean() - came[part].mean()) for part in parts.values()])
    parts |= {"last 1 %": order[-len(order) // 100 :], "all": order}
    for name, part in parts.items():
        table.add_row(name, f"{told[part].mean():.3%}", f"{came[part].mean():.3%}")
    table.add_row("expected calibration error", f"{error:.5f}", "")
    return table


def table_of_lifts(title: str, lifts: dict[str, Floats]) -> Table:
    table = Table(title=title, title_justify="left", header_style="bold")
    for heading in ("households", *(f"lift, top {share:.0%}" for share in SHARES)):
        table.add_column(heading)
    for name, found in lifts.items():
        table.add_row(name, *map(spread_of, found.T))
    return table


def table_of_first_places(
    brands: NewBuyers, by_order: dict[str, list[Floats]], weeks: Weeks
) -> Table:
    """How often someone who bought nothing comes first, and how many of all users did so."""
    idle = adjacency(weeks.holdout.train_graph, weeks.holdout.edge_type).degrees() == 0
    title = f"Users who bought nothing before: {idle.mean():.1%} of all"
    table = Table(title=title, title_justify="left", header_style="bold")
    for heading in ("users", "of first places", "of the first 5 %"):
        table.add_column(heading)
    top = max(len(idle) // 20, 1)
    for name, scores in by_order.items():
        orders = [
            ranked_others(brands, int(brand), found)[:top]
            for brand, found in zip(brands.rows, scores, strict=True)
        ]
        first = np.mean([idle[order[0]] for order in orders])
        table.add_row(name, f"{first:.0%}", f"{np.mean([idle[order] for order in orders]):.0%}")
    return table


def table_of_curves(real: Floats, promised: Floats) -> Table:
    """Real lifts beside those of `reach_curve`."""
    title = "What reach_curve tells from the weeks before, beside real new buyers (same brands)"
    table = Table(title=title, title_justify="left", header_style="bold")
    for heading in ("lift", *(f"top {share:.0%}" for share in SHARES)):
        table.add_column(heading)
    table.add_row("told", *map(spread_of, promised.T))
    table.add_row("real", *map(spread_of, real.T))
    return table


def spread_of(values: Floats) -> str:
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
