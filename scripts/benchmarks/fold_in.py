"""How much do folded-in histories find beside trained vectors?

Users of the bundle are asked for twice: as themselves, and as somebody unknown with the same
purchases, all of them or the last few. Weeks are held out as in exposure.py.
"""

from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt

from benchmarks.data.weeks import Weeks
from benchmarks.harness import Arguments, Bench, Kind, measure, text
from benchmarks.models.backtest import backtest_recommender
from graphrec import Recommendations, Recommender
from graphrec.query.fold_in import Event
from training.data import AT_S
from training.evaluation.metrics import ndcg_at_k, recall_at_k
from training.splitting.split import Holdout

Rows = npt.NDArray[np.int64]
K = 20
LAST = (None, 30, 10, 3)


def arguments(arguments: Arguments) -> None:
    arguments.snapshot()
    arguments.add("--users", type=int, default=200)
    arguments.threads(2)


def run(bench: Bench) -> None:
    with backtest_recommender(bench.options) as (recommender, weeks):
        measured(recommender, weeks, bench)


def measured(recommender: Recommender, weeks: Weeks, bench: Bench) -> None:
    holdout = weeks.holdout
    users = holdout.train_graph[holdout.edge_type].edge_index[0].numpy()
    had_any = np.intersect1d(np.flatnonzero(holdout.new_truth.degrees()), users)
    asked = had_any[np.linspace(0, len(had_any) - 1, bench.options.users).astype(np.int64)]
    histories = events_of(recommender, holdout, asked)
    table = bench.table(
        f"{weeks.part} part, {len(asked)} users",
        text("queried by"),
        *(
            measure(f"{of}, {metric}@{K}", 4, "higher")
            for of in ("all products", "products new to the user")
            for metric in ("recall", "NDCG")
        ),
    )
    ids = [recommender.bundle.id_of("User", row) for row in asked]

    def themselves(at: int, new: bool) -> Recommendations:
        return recommender.products_for_user(ids[at], k=K, exclude_seen=new)

    cells = reached(recommender, holdout, asked, themselves)
    bench.say(*table.add("id", *cells, kind=Kind.BASELINE))
    for last in LAST:
        name = "all purchases" if last is None else f"the last {last} purchases"

        def folded_in(at: int, new: bool, last: int | None = last) -> Recommendations:
            return folded(recommender, histories[at], last, new)

        cells = reached(recommender, holdout, asked, folded_in)
        bench.say(*table.add(name, *cells))


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
) -> list[float]:
    """Recall and NDCG of all products, then of new ones."""
    found = []
    for truth, new in ((holdout.truth, False), (holdout.new_truth, True)):
        rows = np.full((len(asked), K), -1, dtype=np.int64)
        for at in range(len(asked)):
            ids = ask(at, new).ids
            rows[at, : len(ids)] = [recommender.bundle.row_of("Product", one) for one in ids]
        found += [recall_at_k(rows, asked, truth, K), ndcg_at_k(rows, asked, truth, K)]
    return found
