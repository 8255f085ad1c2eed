"""Do audiences hold a brand's new buyers, beside chance and the most active users?

SNAPSHOT is a folder that `graphrec snapshot` wrote, such as that of the demo (Complete Journey).
Its last four weeks are held out; with --validate they are cut off, and the four weeks before them
are held out: the way to choose how an audience is scored. For every brand with enough households
who bought it for the first time in these weeks, all households that had never bought it are put
in order; the lift is the share of new buyers at the top over their share among all of them.

Users who bought nothing at all are counted in first places beside their share of all users: the
vector of who met a single product points nowhere else, and must not win by that.

`reach_curve` and the scores predict from the four weeks before, measured by a model of what came
before these, as training does it. Beside them stands what is observed in the held-out weeks.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.data.weeks import WEEKS, Weeks, held_out_weeks
from benchmarks.harness import Arguments, Bench, Kind, Table, measure, text
from graphdb.errors import QueryError
from graphrec import Recommender
from graphrec.bundle import AudienceFigures
from training.cold_start import ColdStartLearner
from training.encoders import SvdEncoder, Vectors
from training.evaluation.audiences import audience_figures
from training.evaluation.backtest import write_backtest_bundle
from training.evaluation.lookalikes import (
    SERVED,
    NewBuyers,
    lifts,
    new_buyers,
    orders,
    ranked_others,
)
from training.pairs import adjacency
from training.splitting.split import Holdout, hold_out_last

SHARES = (0.01, 0.05, 0.1)
BRANDS = 400
OWN_VECTOR = "brand's vector alone"

Floats = npt.NDArray[np.float64]


def arguments(arguments: Arguments) -> None:
    arguments.snapshot()
    arguments.threads(2)
    arguments.add("--new-buyers", type=int, default=10, help="a brand needs so many")


def run(bench: Bench) -> None:
    options = bench.options
    weeks = held_out_weeks(options.snapshot, validate=options.validate)
    made_by = weeks.schema.edge_type("MADE_BY")
    brands = new_buyers(weeks.holdout, made_by, min_new_buyers=options.new_buyers)
    with tempfile.TemporaryDirectory() as folder:
        expected = figures_before(Path(folder) / "before", weeks, options.seed)
        recommender = past(Path(folder) / "bundle", weeks, expected)
        by_order = dict(scored(recommender, weeks, brands, options.seed))
        found = {name: lifts(brands, scores, SHARES) for name, scores in by_order.items()}
        promised = promises(recommender, brands)
        likely = probabilities(recommender, brands, options.seed)
    title = f"{len(brands.rows)} brands with {options.new_buyers} new buyers or more"
    audiences = lift_table(bench, f"{title}, {weeks.part} part", "households")
    for name, values in found.items():
        audiences.add(name, *spreads(values), kind=kind_of(name))
    add_first_places(bench, brands, by_order, weeks)
    curves = lift_table(bench, "reach_curve of the weeks before, beside real new buyers", "lift")
    curves.add("predicted", *spreads(promised))
    curves.add("observed", *spreads(found[SERVED["Brand"]]), kind=Kind.REFERENCE)
    add_probabilities(bench, *likely)


def figures_before(folder: Path, weeks: Weeks, seed: int) -> dict[str, AudienceFigures]:
    """What the four weeks before the held-out ones predict, as training would measure it."""
    holdout = hold_out_last(weeks.holdout.train_graph, weeks.holdout.edge_type, 7 * WEEKS)
    vectors = learned(weeks, holdout)
    recommender = Recommender(write_backtest_bundle(folder, weeks.snapshot, holdout, vectors))
    made_by = weeks.schema.edge_type("MADE_BY")
    return audience_figures(recommender, holdout, made_by, 7 * WEEKS, seed=seed)


def learned(weeks: Weeks, holdout: Holdout) -> Vectors:
    """The vectors that training gives, those of users known by no event with a product too."""
    found = SvdEncoder(weeks.schema, holdout.edge_type).fit(holdout.train_graph)
    learner = ColdStartLearner(holdout.train_graph, found, weeks.schema, holdout.edge_type)
    return learner.applied(learner.rules())


def past(folder: Path, weeks: Weeks, figures: dict[str, AudienceFigures]) -> Recommender:
    """Serves what was known when the held-out weeks began."""
    holdout = weeks.holdout
    vectors = learned(weeks, holdout)
    bundle = write_backtest_bundle(folder, weeks.snapshot, holdout, vectors, audiences=figures)
    return Recommender(bundle)


def probabilities(recommender: Recommender, brands: NewBuyers, seed: int) -> tuple[Floats, Floats]:
    """Of brands that anyone had bought, every user who had not: chances, and who bought."""
    sold = np.flatnonzero(brands.bought_before.degrees())
    predicted, observed = [], []
    for row in np.random.default_rng(seed).permutation(sold)[:BRANDS].tolist():
        brand = recommender.bundle.id_of("Brand", row)
        try:
            rows, scores = recommender.lookalike_rows(
                "Brand", [brand], share=1.0, new_customers_only=True
            )
        except QueryError:  # nothing sets its audience apart
            continue
        users = rows[0][rows[0] >= 0]
        predicted.append(scores[0][: len(users)])
        observed.append(np.isin(users, brands.new.targets(row)).astype(np.float64))
    return np.concatenate(predicted), np.concatenate(observed)


def scored(
    recommender: Recommender, weeks: Weeks, brands: NewBuyers, seed: int
) -> Iterator[tuple[str, list[Floats]]]:
    """The orders that an evaluation compares, and the brand's own vector."""
    yield from orders(recommender, weeks.holdout, brands, seed=seed)
    vectors = {name: recommender.bundle.vectors(name) for name in ("User", "Brand")}
    dots = vectors["Brand"][brands.rows].astype(np.float64) @ vectors["User"].T
    yield OWN_VECTOR, list(dots)


def promises(recommender: Recommender, brands: NewBuyers) -> Floats:
    """The lifts that `reach_curve` predicts, [num_brands, num_shares]."""
    ids = (recommender.bundle.id_of("Brand", int(row)) for row in brands.rows)
    curves = (recommender.reach_curve("Brand", one, shares=SHARES) for one in ids)
    return np.array([[point.lift for point in curve] for curve in curves])


def add_probabilities(bench: Bench, predicted: Floats, observed: Floats) -> None:
    """By tenths of all pairs, and the last hundredth."""
    table = bench.table(
        f"Chance to buy a brand for the first time, {BRANDS} brands, {len(predicted):,} pairs",
        text("pairs by chance"),
        measure("predicted, %", 3),
        measure("observed, %", 3),
    )
    order = np.argsort(predicted, kind="stable")
    parts = {f"tenth {n + 1}": part for n, part in enumerate(np.array_split(order, 10))}
    error = np.mean(
        [abs(predicted[part].mean() - observed[part].mean()) for part in parts.values()]
    )
    parts |= {"last 1 %": order[-len(order) // 100 :], "all": order}
    for name, part in parts.items():
        table.add(name, 100 * float(predicted[part].mean()), 100 * float(observed[part].mean()))
    bench.note(f"expected calibration error {error:.5f}")


def add_first_places(
    bench: Bench, brands: NewBuyers, by_order: dict[str, list[Floats]], weeks: Weeks
) -> None:
    """How often someone who bought nothing comes first, and how many of all users did so."""
    idle = adjacency(weeks.holdout.train_graph, weeks.holdout.edge_type).degrees() == 0
    table = bench.table(
        f"Users who bought nothing before: {idle.mean():.1%} of all",
        text("users"),
        measure("of first places, %", 0, "lower"),
        measure("of the first 5 %, %", 0, "lower"),
    )
    top = max(len(idle) // 20, 1)
    for name, scores in by_order.items():
        orders = [
            ranked_others(brands, int(brand), found)[:top]
            for brand, found in zip(brands.rows, scores, strict=True)
        ]
        first = np.mean([idle[order[0]] for order in orders])
        among = np.mean([idle[order] for order in orders])
        table.add(name, 100 * float(first), 100 * float(among), kind=kind_of(name))


def kind_of(order: str) -> Kind:
    if order == "random":
        return Kind.REFERENCE
    return Kind.OURS if order in (SERVED["Brand"], OWN_VECTOR) else Kind.BASELINE


def lift_table(bench: Bench, title: str, heading: str) -> Table:
    """Means with standard errors and quartiles over brands, for each share of the users."""
    columns = [text(heading)]
    for share in SHARES:
        name = f"lift, top {share:.0%}"
        columns += [measure(name, 2, "higher"), measure(f"{name}, error", 2)]
        columns.append(text(f"{name}, quartiles"))
    return bench.table(title, *columns)


def spreads(lifts: Floats) -> Iterator[float | str]:
    """Of [num_brands, num_shares], the cells of a `lift_table`."""
    for values in lifts.T:
        yield float(values.mean())
        yield float(values.std(ddof=1) / np.sqrt(len(values)))
        yield ", ".join(f"{one:.1f}" for one in np.quantile(values, (0.25, 0.5, 0.75)))
