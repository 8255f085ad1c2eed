"""What does value_weight trade: how much relevance for how much money and quality?

SNAPSHOT is a folder that `graphrec snapshot` wrote. Its last four weeks are held out; with
--validate they are cut off, and the four weeks before them are held out. The SVD learns
from what came before, quality and net value too. Every user who bought anything in the held-out
weeks gets the 20 best products by `value_adjusted`, for value_weight 0, .1, ... 1.

- Money is what these purchases brought: paid less paid back, in the held-out weeks. "found" is
  the share of it whose product stands in its user's list.
- "returns" and "quality" are the means over all products in all lists, judged by the whole of
  the events up to the end of the held-out weeks; with --planted EDGES, for a snapshot of
  `synthetic:EDGES`, by what the world's products are planted with.
- "order" is what an order of what is shown brought on average, by the past; where it never sold,
  its price, which is the snapshot's.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc
import torch

from benchmarks.data.weeks import WEEKS, held_out_weeks
from benchmarks.harness import Arguments, Bench, Kind, measure
from graphdb.checked_schema import Schema
from graphdb.schema_types import EdgeType
from graphdb.snapshot import Snapshot
from graphdb.sources.synthetic import WorldConfig, generate_world
from graphrec.bundle import Adjacency
from graphrec.bundle.quality import PAID, QUALITY, RETURN_RATE
from graphrec.query.value import value_adjusted, values_in
from training.data import HeteroData
from training.encoders import SvdConfig, SvdEncoder
from training.evaluation.metrics import gain_ndcg_at_k, ndcg_at_k, recall_at_k
from training.evaluation.tasks import payments
from training.pairs import adjacency, pair_keys
from training.quality import quality_tables
from training.splitting.split import Holdout

K = 20
WEIGHTS = [step / 10 for step in range(11)]
BLOCK_QUERIES = 256

Values = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Judge:
    """What every product really is, as far as it is known; None where it is not."""

    return_rate: Values | None
    quality: Values


def arguments(arguments: Arguments) -> None:
    arguments.snapshot()
    arguments.add("--weights", type=float, nargs="+", default=WEIGHTS)
    arguments.add("--planted", type=int, metavar="EDGES", help="of a synthetic snapshot")
    arguments.threads(2)


def run(bench: Bench) -> None:
    options = bench.options
    weeks = held_out_weeks(options.snapshot, validate=options.validate)
    schema, graph, holdout = weeks.schema, weeks.graph, weeks.holdout
    bought = holdout.edge_type
    judge = planted(options.planted) if options.planted else hindsight(graph, schema)
    vectors = SvdEncoder(schema, bought, SvdConfig(seed=options.seed)).fit(holdout.train_graph)
    value, order = worth_of(weeks.snapshot, holdout)
    seen = adjacency(holdout.train_graph, bought)
    power = slope(vectors, holdout)
    bench.note(f"the chance to be bought grows as score^{power:.2f}")
    queries = np.flatnonzero(holdout.truth.degrees())
    assert holdout.cutoff_s is not None  # the split is by time
    paid = payments(graph, schema, bought, holdout.cutoff_s)
    best, best_new = lists(vectors, bought, queries, seen, value, options.weights)
    for name, truth, found in (
        ("all products", holdout.truth, best),
        ("products new to the user", holdout.new_truth, best_new),
    ):
        table = bench.table(
            f"{name}, {WEEKS} weeks, {weeks.part} part",
            measure("weight", 1),
            measure(f"recall@{K}", 4, "higher"),
            measure(f"NDCG@{K}", 4, "higher"),
            measure(f"money NDCG@{K}", 4, "higher"),
            measure("found", 4, "higher"),
            measure("order", 2, "higher"),
            measure("returns", 4, "lower"),
            measure("quality", 4, "higher"),
            measure("products", None),
        )
        asked = truth.degrees()[queries] > 0
        bench.note(f"{name}: {asked.sum():,} users")
        gains = paid.gains(truth)
        for weight, ranked in found.items():
            cells = figures(ranked[asked], queries[asked], truth, gains, order, judge)
            table.add(weight, *cells, kind=Kind.OURS if weight else Kind.BASELINE)


def worth_of(snapshot: Snapshot, holdout: Holdout) -> tuple[Values, Values]:
    """Net value of every product by what the past knows, and what an order brings."""
    products = holdout.edge_type.target
    table = quality_tables(holdout.train_graph, snapshot.schema)[products].table
    price = snapshot.nodes(products, ["price"])["price"]
    order = pc.fill_null(pc.coalesce(table[PAID], price), float("nan")).to_numpy()
    return values_in(table, price), order


def hindsight(graph: HeteroData, schema: Schema) -> Judge:
    """By all events, those of the held-out weeks too."""
    table = quality_tables(graph, schema)[schema.edge_type("PURCHASED").target].table
    rate = table[RETURN_RATE]
    return Judge(None if rate.null_count else rate.to_numpy(), table[QUALITY].to_numpy())


def planted(num_edges: int) -> Judge:
    """By what a synthetic world was made from; ids of products are in the order of its rows."""
    products = generate_world(WorldConfig(num_edges=num_edges)).truth.products
    return Judge(products.return_rate, products.quality)


def lists(
    vectors: dict[str, npt.NDArray[np.float32]],
    bought: EdgeType,
    queries: Rows,
    seen: Adjacency,
    value: Values,
    weights: list[float],
) -> tuple[dict[float, Rows], dict[float, Rows]]:
    """Per weight the best products of every query node, and the best of those that it has not seen.

    Returns:
        Twice int64 [num_queries, K]; -1 where there is no product.
    """
    users, products = vectors[bought.source], vectors[bought.target]
    blocks: dict[tuple[float, bool], list[Rows]] = {
        (weight, new): [] for weight in weights for new in (False, True)
    }
    for start in range(0, len(queries), BLOCK_QUERIES):
        rows = queries[start : start + BLOCK_QUERIES]
        affinity = users[rows] @ products.T
        owners = np.repeat(np.arange(len(rows)), seen.degrees()[rows])
        for weight in weights:
            scores = torch.from_numpy(value_adjusted(affinity, value, weight).astype(np.float32))
            blocks[weight, False].append(best_of(scores))
            scores[owners, seen.gather(rows)] = -torch.inf
            blocks[weight, True].append(best_of(scores))
    whole = {key: np.concatenate(found) for key, found in blocks.items()}
    every, new = ({w: whole[w, is_new] for w in weights} for is_new in (False, True))
    return every, new


def best_of(scores: torch.Tensor) -> Rows:
    best = torch.topk(scores, K, dim=1)
    ranked: Rows = best.indices.masked_fill(best.values == -torch.inf, -1).numpy()
    return ranked


def figures(
    ranked: Rows,
    queries: Rows,
    truth: Adjacency,
    gains: Values,
    order: Values,
    judge: Judge,
) -> tuple[float | None, ...]:
    shown = ranked[ranked >= 0]
    keys = pair_keys(truth)
    pairs = (queries[:, None] * truth.num_targets + ranked)[ranked >= 0]
    return (
        recall_at_k(ranked, queries, truth, K),
        ndcg_at_k(ranked, queries, truth, K),
        gain_ndcg_at_k(ranked, queries, truth, gains, K),
        float(gains[np.isin(keys, pairs)].sum() / gains.sum()),
        float(np.nanmean(order[shown])),
        None if judge.return_rate is None else float(judge.return_rate[shown].mean()),
        float(judge.quality[shown].mean()),
        len(np.unique(shown)),
    )


def slope(vectors: dict[str, npt.NDArray[np.float32]], holdout: Holdout) -> float:
    """How the chance to be bought grows with the score: the power of it that fits best.

    Positive scores of pairs, in bins of equal width of their logarithm; a line through the
    logarithms of the shares of true pairs, every bin by its number of them.
    """
    bought, truth = holdout.edge_type, holdout.truth
    queries = np.flatnonzero(truth.degrees())[::16]
    edges = np.linspace(-12, 8, 81)
    shown, true = np.zeros(len(edges) + 1), np.zeros(len(edges) + 1)
    for row in queries:
        scores = vectors[bought.target] @ vectors[bought.source][row]
        with np.errstate(divide="ignore", invalid="ignore"):
            bins = np.where(scores > 0, np.digitize(np.log2(scores), edges), 0)
        shown += np.bincount(bins, minlength=len(shown))
        true += np.bincount(bins[truth.targets(row)], minlength=len(shown))
    shown[0] = 0
    known = (shown > 0) & (true > 0)
    height = np.log2(true[known] / shown[known])
    weights = np.sqrt(true[known])
    return float(np.polyfit(np.flatnonzero(known) * (edges[1] - edges[0]), height, 1, w=weights)[0])
