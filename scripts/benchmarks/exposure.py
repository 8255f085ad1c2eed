"""What do places for new items, caps and diversity cost, and what do they bring?

SNAPSHOT is a folder that `graphrec snapshot` wrote, such as that of the demo. Its last four weeks
are held out; with --validate they are cut off, and the four weeks before them are held out. Asked
is the feed's question: products that the user never bought. On offer is what was listed before the
cut; new items are products listed within the last 28 days of that. The baseline is the ranking by
affinity alone.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.data.weeks import WEEKS, Weeks
from benchmarks.harness import Arguments, Bench, Kind, Timer, measure, text
from benchmarks.models.backtest import backtest_recommender
from graphdb.schema_types import CREATED_AT
from graphrec import Adjacency, Filters, Recommender
from graphrec.compare.lists import gini
from graphrec.query.conditions import Mask
from training.evaluation.metrics import ndcg_at_k, recall_at_k
from training.pairs import with_targets

K = 20
SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "affinity alone": {},
    "new items .1": {"new_item_share": 0.1},
    "new items .2": {"new_item_share": 0.2},
    "new items .3": {"new_item_share": 0.3},
    "2 per brand": {"max_per_brand": 2},
    "2 per category": {"max_per_category": 2},
    "1 per category": {"max_per_category": 1},
    "diversity .1": {"diversity": 0.1},
    "diversity .3": {"diversity": 0.3},
    "diversity .5": {"diversity": 0.5},
    "new items .1, 2 per brand": {"new_item_share": 0.1, "max_per_brand": 2},
}


def arguments(arguments: Arguments) -> None:
    arguments.snapshot()
    arguments.add("--users", type=int, default=None, help="only so many of them")
    arguments.threads(2)


def run(bench: Bench) -> None:
    with backtest_recommender(bench.options) as (recommender, weeks):
        measured(recommender, weeks, bench)


def measured(recommender: Recommender, weeks: Weeks, bench: Bench) -> None:
    holdout = weeks.holdout
    listed = {CREATED_AT: {"max": recommender.bundle.manifest.cutoff}}
    asked = np.flatnonzero(holdout.new_truth.degrees())[: bench.options.users]
    created = recommender.bundle.attributes("Product")[CREATED_AT].to_numpy()
    cutoff = np.datetime64(holdout.cutoff_s, "s")
    on_offer: Mask = created < cutoff
    is_new: Mask = on_offer & (created > cutoff - np.timedelta64(7 * WEEKS, "D"))
    table = bench.table(
        f"products new to the user, {weeks.part} part",
        text("setting"),
        measure("recall", 4, "higher"),
        measure("recall of new items", 4, "higher"),
        measure("NDCG", 4, "higher"),
        measure("new items shown", 4),
        measure("coverage", 4, "higher"),
        measure("Gini", 4, "lower"),
        measure("seconds", 1),
    )
    bench.note(
        f"{len(asked):,} users, {on_offer.sum():,} products on offer, {is_new.sum():,} of them new"
    )
    timer = Timer()
    new_items = with_targets(holdout.new_truth, is_new)
    for name, setting in SETTINGS.items():
        with timer:
            rows, _ = recommender.top_rows(
                "User",
                asked,
                "Product",
                k=K,
                filters=Filters(properties=listed),
                new_item_days=7 * WEEKS,
                **setting,
            )
        shown = np.bincount(rows[rows >= 0], minlength=len(is_new))
        figures = (
            recall_at_k(rows, asked, holdout.new_truth, K),
            recall_at_k(*with_any(rows, asked, new_items), new_items, K),
            ndcg_at_k(rows, asked, holdout.new_truth, K),
            shown[is_new].sum() / shown.sum(),
            np.count_nonzero(shown) / on_offer.sum(),
            gini(shown[on_offer]),
            timer.clock.last,
        )
        kind = Kind.OURS if setting else Kind.BASELINE
        bench.say(*table.add(name, *map(float, figures), kind=kind))


def with_any(
    rows: npt.NDArray[np.int64], asked: npt.NDArray[np.int64], truth: Adjacency
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The lists of those who have anything to find."""
    has = truth.degrees()[asked] > 0
    return rows[has], asked[has]
