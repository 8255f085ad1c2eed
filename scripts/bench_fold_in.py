"""How much do folded-in histories find beside trained vectors? bench_fold_in.py SNAPSHOT.

Users of the bundle are asked for twice: as themselves, and as somebody unknown with the same
purchases, all of them or the last few. Weeks are held out as in bench_fairness.py, whose closed
form this uses.
"""

import argparse
import platform
import tempfile
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from bench_data.weeks import Weeks, held_out_weeks
from bench_fairness import K, past
from rich.console import Console
from rich.table import Table

from graphrec import Recommendations, Recommender
from graphrec.query.fold_in import Event
from training.data import AT_S
from training.evaluation.metrics import ndcg_at_k, recall_at_k
from training.splitting.split import Holdout

Rows = npt.NDArray[np.int64]
LAST = (None, 30, 10, 3)


def main() -> None:
    options = parsed()
    torch.set_num_threads(options.threads)
    weeks = held_out_weeks(options.snapshot, validate=not options.test)
    with tempfile.TemporaryDirectory() as folder:
        recommender = past(weeks, Path(folder), options.seed)
        Console(width=120).print(measured(recommender, weeks, options))


def measured(recommender: Recommender, weeks: Weeks, options: argparse.Namespace) -> Table:
    holdout = weeks.holdout
    users = holdout.train_graph[holdout.edge_type].edge_index[0].numpy()
    had_any = np.intersect1d(np.flatnonzero(holdout.new_truth.degrees()), users)
    asked = had_any[np.linspace(0, len(had_any) - 1, options.users).astype(np.int64)]
    histories = events_of(recommender, holdout, asked)
    table = Table(
        title=f"{weeks.part} part, {len(asked)} users, recall/NDCG@{K}, seed {options.seed}, "
        f"{date.today()}, {platform.processor() or platform.machine()}"
    )
    for heading in ("asked as", "all products", "products new to the user"):
        table.add_column(heading)
    ids = [recommender.bundle.id_of("User", row) for row in asked]
    table.add_row(
        "themselves",
        *reached(
            recommender,
            holdout,
            asked,
            lambda at, new: recommender.products_for_user(ids[at], k=K, exclude_seen=new),
        ),
    )
    for last in LAST:
        table.add_row(
            "their last " + ("purchases, all" if last is None else f"{last} purchases"),
            *reached(
                recommender,
                holdout,
                asked,
                lambda at, new, last=last: folded(recommender, histories[at], last, new),
            ),
        )
    return table


def folded(
    recommender: Recommender, events: list[Event], last: int | None, new: bool
) -> Recommendations:
    return recommender.products_for_events(
        events if last is None else events[-last:], k=K, exclude_seen=new
    )


def events_of(recommender: Recommender, holdout: Holdout, asked: Rows) -> list[list[Event]]:
    """Each user's purchases, oldest first."""
    store = holdout.train_graph[holdout.edge_type]
    users, products = store.edge_index.numpy()
    at_s = store[AT_S].numpy()
    order = np.lexsort((at_s, users))
    starts, ends = (np.searchsorted(users[order], asked, side=side) for side in ("left", "right"))
    name = holdout.edge_type.relation
    return [
        [
            (
                name,
                recommender.bundle.id_of("Product", products[row]),
                datetime.fromtimestamp(int(at_s[row]), UTC),
            )
            for row in order[start:end]
        ]
        for start, end in zip(starts, ends, strict=True)
    ]


def reached(
    recommender: Recommender,
    holdout: Holdout,
    asked: Rows,
    ask: Callable[[int, bool], Recommendations],
) -> tuple[str, str]:
    """What is found of all products, then of new ones."""
    found = []
    for truth, new in ((holdout.truth, False), (holdout.new_truth, True)):
        rows = np.full((len(asked), K), -1, dtype=np.int64)
        for at in range(len(asked)):
            ids = ask(at, new).ids
            rows[at, : len(ids)] = [recommender.bundle.row_of("Product", one) for one in ids]
        recall, ndcg = recall_at_k(rows, asked, truth, K), ndcg_at_k(rows, asked, truth, K)
        found.append(f"{recall:.4f} / {ndcg:.4f}")
    return found[0], found[1]


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("snapshot", help="folder of a snapshot")
    parser.add_argument("--test", action="store_true", help="the last four weeks; once, at the end")
    parser.add_argument("--users", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


if __name__ == "__main__":
    main()
