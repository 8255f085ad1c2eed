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
from training.encoders import SpectralEncoder
from training.evaluation.lookalikes import NewBuyers, lifts, new_buyers, orders
from training.evaluation.past import bundle_of_the_past

SHARES = (0.01, 0.05, 0.1)

Floats = npt.NDArray[np.float64]


def main() -> None:
    options = parsed()
    torch.set_num_threads(options.threads)
    weeks = held_out_weeks(options.snapshot, validate=options.validate)
    made_by = weeks.schema.edge_type("MADE_BY")
    brands = new_buyers(weeks.holdout, made_by, min_new_buyers=options.new_buyers)
    with tempfile.TemporaryDirectory() as folder:
        recommender = past(Path(folder) / "bundle", weeks)
        found = {
            name: lifts(brands, scores, SHARES)
            for name, scores in scored(recommender, weeks, brands, options.seed)
        }
        promised = promises(recommender, brands)
    console = Console(width=None if Console().is_terminal else 140)
    title = (
        f"{len(brands.rows)} brands with {options.new_buyers} new buyers or more, {WEEKS} weeks, "
        f"{weeks.part} part, seed {options.seed}, {date.today()}, {options.threads} threads of "
        f"{platform.processor() or platform.machine()}"
    )
    console.print(table_of_lifts(title, found))
    console.print(table_of_curves(found["users_for_brand"], promised))


def past(folder: Path, weeks: Weeks) -> Recommender:
    """Serves what was known when the held-out weeks began."""
    encoder = SpectralEncoder(weeks.schema, weeks.holdout.edge_type)
    vectors = encoder.fit(weeks.holdout.train_graph)
    return Recommender(bundle_of_the_past(folder, weeks.snapshot, weeks.holdout, vectors))


def scored(
    recommender: Recommender, weeks: Weeks, brands: NewBuyers, seed: int
) -> Iterator[tuple[str, list[Floats]]]:
    """The orders that an evaluation compares, and the brand's own vector."""
    yield from orders(recommender, weeks.holdout, brands, seed=seed)
    vectors = {name: recommender.bundle.vectors(name) for name in ("User", "Brand")}
    dots = vectors["Brand"][brands.rows].astype(np.float64) @ vectors["User"].T
    yield "brand's vector alone", list(dots)


def promises(recommender: Recommender, brands: NewBuyers) -> Floats:
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


def table_of_lifts(title: str, lifts: dict[str, Floats]) -> Table:
    table = Table(title=title, title_justify="left", header_style="bold")
    for heading in ("households", *(f"lift, top {share:.0%}" for share in SHARES)):
        table.add_column(heading)
    for name, found in lifts.items():
        table.add_row(name, *map(spread_of, found.T))
    return table


def table_of_curves(real: Floats, promised: Floats) -> Table:
    """Real lifts beside those of `reach_curve`."""
    title = "What reach_curve tells of buyers kept back, beside real new buyers (same brands)"
    table = Table(title=title, title_justify="left", header_style="bold")
    for heading in ("lift", *(f"top {share:.0%}" for share in SHARES)):
        table.add_column(heading)
    known = ~np.isnan(promised).any(axis=1)
    table.add_row("kept back", *map(spread_of, promised[known].T))
    table.add_row("real", *map(spread_of, real[known].T))
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
