"""What new items' shares, caps and diversity cost and bring: bench_fairness.py SNAPSHOT.

SNAPSHOT is a folder that `graphrec snapshot` wrote, such as that of the demo. Its last four weeks
are cut off, and the four weeks before them are predicted; with --test the last four are. Asked is
the feed's question: products that the user never bought. On offer is what was listed before the
cut; new items are products listed within the last 28 days of that.
"""

import argparse
import platform
import sys
import tempfile
import time
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from bench_data.weeks import WEEKS, Weeks, held_out_weeks
from rich.console import Console
from rich.table import Table

from graphdb.schema_types import CREATED_AT
from graphrec import Adjacency, Filters, Recommender
from graphrec.compare.lists import gini
from graphrec.query.conditions import Mask
from training.cold_start import ColdStartLearner
from training.encoders import SvdConfig, SvdEncoder
from training.evaluation.backtest import bundle_of_the_past
from training.evaluation.metrics import ndcg_at_k, recall_at_k

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


def main() -> None:
    options = parsed()
    torch.set_num_threads(options.threads)
    weeks = held_out_weeks(options.snapshot, validate=not options.test)
    with tempfile.TemporaryDirectory() as folder:
        recommender = past(weeks, Path(folder), options.seed)
        Console(width=150).print(measured(recommender, weeks, options))


def past(weeks: Weeks, folder: Path, seed: int) -> Recommender:
    """The SVD, learned from what lies before the cut."""
    holdout, schema = weeks.holdout, weeks.schema
    encoder = SvdEncoder(schema, holdout.edge_type, SvdConfig(seed=seed))
    vectors = encoder.fit(holdout.train_graph)
    learner = ColdStartLearner(holdout.train_graph, vectors, schema, holdout.edge_type)
    applied = learner.applied(learner.rules())
    return Recommender(bundle_of_the_past(folder / "past", weeks.snapshot, holdout, applied))


def measured(recommender: Recommender, weeks: Weeks, options: argparse.Namespace) -> Table:
    holdout = weeks.holdout
    listed = {CREATED_AT: {"max": recommender.bundle.manifest.cutoff}}
    asked = np.flatnonzero(holdout.new_truth.degrees())[: options.users]
    created = recommender.bundle.attributes("Product")[CREATED_AT].to_numpy()
    cutoff = np.datetime64(holdout.cutoff_s, "s")
    on_offer: Mask = created < cutoff
    is_new: Mask = on_offer & (created > cutoff - np.timedelta64(7 * WEEKS, "D"))
    table = Table(
        title=f"new products, {weeks.part} part, {len(asked):,} users"
        f", {on_offer.sum():,} products on offer, {is_new.sum():,} of them new products; seed "
        f"{options.seed}, {date.today()}, {platform.processor() or platform.machine()}"
    )
    headings = ("recall", "of new items", "NDCG", "new items shown", "coverage", "Gini", "seconds")
    table.add_column("setting")
    for heading in headings:
        table.add_column(heading, justify="right")
    new_items = only(holdout.new_truth, is_new)
    for name, setting in SETTINGS.items():
        began = time.perf_counter()
        rows, _ = recommender.top_rows(
            "User",
            asked,
            "Product",
            k=K,
            filters=Filters(properties=listed),
            new_item_days=7 * WEEKS,
            **setting,
        )
        seconds = time.perf_counter() - began
        shown = np.bincount(rows[rows >= 0], minlength=len(is_new))
        figures = (
            f"{recall_at_k(rows, asked, holdout.new_truth, K):.4f}",
            f"{recall_at_k(*with_any(rows, asked, new_items), new_items, K):.4f}",
            f"{ndcg_at_k(rows, asked, holdout.new_truth, K):.4f}",
            f"{shown[is_new].sum() / shown.sum():.4f}",
            f"{np.count_nonzero(shown) / on_offer.sum():.4f}",
            f"{gini(shown[on_offer]):.4f}",
            f"{seconds:.1f}",
        )
        print(name, *figures, file=sys.stderr, flush=True)  # so that a long run shows something
        table.add_row(name, *figures)
    return table


def only(truth: Adjacency, mask: Mask) -> Adjacency:
    """The part of the answers that a mask lets through."""
    sources = np.repeat(np.arange(truth.num_sources), truth.degrees())
    kept = mask[truth.indices]
    return Adjacency.from_edges(
        sources[kept], truth.indices[kept], truth.num_sources, truth.num_targets
    )


def with_any(
    rows: npt.NDArray[np.int64], asked: npt.NDArray[np.int64], truth: Adjacency
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The lists of those who have anything to find."""
    has = truth.degrees()[asked] > 0
    return rows[has], asked[has]


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("snapshot", help="folder of a snapshot")
    parser.add_argument("--test", action="store_true", help="the last four weeks; once, at the end")
    parser.add_argument("--users", type=int, default=None, help="only so many of them")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


if __name__ == "__main__":
    main()
