"""Computes metrics of ranked lists against the holdout: one value per query node, then means.

`metrics_at_k` ranks and measures for any `Scorer`, on the device where the model is.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import torch

from graphdb.errors import InsufficientDataError, TrainingError
from graphdb.schema_types import EdgeType
from graphrec.bundle import Adjacency
from training.pairs import with_targets
from training.sparse_ops import gather_rows, owners_of, starts_of

Tensor = torch.Tensor
Rows = npt.NDArray[np.int64]
Values = npt.NDArray[np.float64]

BLOCK_SCORES = 2**25  # float32 scores in memory at once: 128 MB


class Scorer(Protocol):
    """Scores every target for any query node, with or without vectors."""

    @property
    def num_targets(self) -> int:
        """The length of a row of scores."""
        ...

    def scores(self, rows: Tensor) -> Tensor:
        """Returns a score for every target, float32 [len(rows), num_targets]; higher is better.

        All scores are finite. The caller may overwrite the result.

        Args:
            rows: Query node rows, int64, in any order, on the scorer's device.
        """
        ...


@dataclass(frozen=True, slots=True, eq=False)
class VectorScorer:
    """Scores by the dot product of two vectors.

    Args:
        queries: float [num_queries, dim].
        targets: float [num_targets, dim].
    """

    queries: Tensor
    targets: Tensor

    @classmethod
    def along(
        cls, vectors: Mapping[str, npt.NDArray[np.float32]], target_edge_type: EdgeType
    ) -> "VectorScorer":
        """Makes a scorer from the vectors of an encoder, on the CPU."""
        return cls.between(vectors, target_edge_type.source, target_edge_type.target)

    @classmethod
    def between(
        cls, vectors: Mapping[str, npt.NDArray[np.float32]], query_type: str, target_type: str
    ) -> "VectorScorer":
        """Makes the same for targets of any type."""
        return cls(torch.from_numpy(vectors[query_type]), torch.from_numpy(vectors[target_type]))

    @property
    def num_targets(self) -> int:
        return len(self.targets)

    def scores(self, rows: Tensor) -> Tensor:
        return (self.queries[rows] @ self.targets.T).float()


class MetricsAtK(NamedTuple):
    """Means over the queries with true targets; see `per_query`."""

    recall: float
    ndcg: float
    hit_rate: float
    precision: float


def metrics_at_k(
    scorer: Scorer,
    seen: Tensor | None,
    truth: Adjacency,
    k: int,
    *,
    candidates: Tensor | None = None,
    device: torch.device | None = None,
) -> MetricsAtK:
    """Measures the k best unseen targets of every query node with true targets.

    Args:
        seen: What training has and is no answer, CSR [num_queries, num_targets]; None for nothing.
        truth: What was held out, per query node row.
        candidates: Which targets can be answers, bool [num_targets]: only these are ranked, and
            only what is true among them has to be found. All by default.
        device: Where the scorer computes and `seen` and `candidates` are; the CPU by default.

    Raises:
        InsufficientDataError: No query node has true targets among the candidates.
        TrainingError: k is below 1, the truth has another number of targets than the scorer, or
            a score is not finite.
    """
    _check(scorer, truth, k)
    if candidates is not None:
        truth = with_targets(truth, candidates.cpu().numpy())
    queries = np.flatnonzero(truth.degrees())
    if not len(queries):
        raise InsufficientDataError(
            f"none of {truth.num_sources} queries has true targets",
            next_step="hold out more, or evaluate on more targets",
        )
    ranked = best_of(scorer, queries, k, seen, candidates, device=device)
    names = (RECALL, NDCG, HIT_RATE, PRECISION)
    values = per_query(Hits.of(ranked, queries, truth), [k], names)
    return MetricsAtK(*(float(values[at(name, k)].mean()) for name in names))


@torch.no_grad()
def best_of(
    scorer: Scorer,
    query_rows: Rows,
    k: int,
    seen: Tensor | None = None,
    candidates: Tensor | None = None,
    *,
    device: torch.device | None = None,
) -> Rows:
    """The k best targets of every query node, int64 [num_queries, k], best first, padded with -1.

    Args:
        seen: What must not be returned, CSR [num_queries, num_targets].
        candidates: Which targets can be, bool [num_targets]; all by default.
        device: Where the scorer computes; the CPU by default.

    Raises:
        TrainingError: A score is not finite.
    """
    ranked = np.full((len(query_rows), k), -1, dtype=np.int64)
    step = max(BLOCK_SCORES // max(scorer.num_targets, 1), 1)
    for start in range(0, len(query_rows), step):
        rows = torch.from_numpy(query_rows[start : start + step]).to(device)
        scores = scorer.scores(rows)
        if scores.numel() and not torch.isfinite(torch.stack(torch.aminmax(scores))).all():
            raise TrainingError("the model has NaN or infinite scores")
        if seen is not None:
            scores[places_of(seen, rows)] = -torch.inf
        if candidates is not None:
            scores[:, ~candidates] = -torch.inf
        best = _top(scores, min(k, scorer.num_targets))
        ranked[start : start + step, : best.shape[1]] = best.cpu().numpy()
    return ranked


def _top(scores: Tensor, k: int) -> Tensor:
    """Columns of the k highest scores of every row, equals by number; -1 for -inf."""
    values, columns = torch.topk(scores, min(k + 1, scores.shape[1]), dim=1)
    # Among equals at the end of the list, topk takes any; the first ones are to come.
    split = torch.nonzero(values[:, k - 1 : k] == values[:, k:])[:, 0]
    values, columns = values[:, :k], columns[:, :k]
    if len(split):
        columns[split] = _first_of_equals(scores[split], values[split])
    columns = columns.sort(1).values
    values = scores.gather(1, columns)
    order = torch.argsort(values, dim=1, descending=True, stable=True)
    columns, values = columns.gather(1, order), values.gather(1, order)
    return torch.where(values > -torch.inf, columns, -1)


def _first_of_equals(scores: Tensor, values: Tensor) -> Tensor:
    """Columns of the highest scores of every row, ascending; of equals to the last the first ones.

    Args:
        values: The k highest scores of every row, descending.
    """
    lowest = values[:, -1:]
    rows, columns = torch.nonzero(scores >= lowest, as_tuple=True)
    equal = scores[rows, columns] == lowest[rows, 0]
    before = starts_of(torch.bincount(rows[equal], minlength=len(scores)))[:-1]
    place = equal.cumsum(0) - before[rows]  # among the equals of its row, from 1
    wanted = (values == lowest).sum(1)
    kept = ~equal | (place <= wanted[rows])
    return columns[kept].view(values.shape)


def places_of(pairs: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
    """Returns the pairs of some rows: the position of the row among them, and the column."""
    columns, _, lengths = gather_rows(pairs, rows)
    return owners_of(lengths), columns


def _check(scorer: Scorer, truth: Adjacency, k: int) -> None:
    if k < 1:
        raise TrainingError(f"k is {k}", expected="1 or more", value=k)
    if truth.num_targets != scorer.num_targets:
        raise TrainingError(
            f"the model scores {scorer.num_targets} targets",
            expected=f"the {truth.num_targets} of the truth",
            value=scorer.num_targets,
        )


RECALL, NDCG, MRR, HIT_RATE = "recall", "ndcg", "mrr", "hit_rate"
MAP, PRECISION = "map", "precision"
VALUE_NDCG = "value_ndcg"
METRICS = (RECALL, NDCG, MRR, HIT_RATE, MAP, PRECISION, VALUE_NDCG)


def at(name: str, k: int) -> str:
    """Returns the name of a metric at a list length, such as 'recall@20'."""
    return f"{name}@{k}"


@dataclass(frozen=True, slots=True, eq=False)
class Hits:
    """The true targets of queries, and their ranks in lists.

    Args:
        num_queries: The number of lists.
        owners: Per true pair the position of its query node, int64 [num_pairs], ascending.
        targets: Per true pair the target's row.
        gains: The gain of each true pair, float64 [num_pairs]; None if unknown.
        pairs: The true pair of each hit, by query node, then by rank.
        ranks: The rank of each hit, from 1.
    """

    num_queries: int
    owners: Rows
    targets: Rows
    gains: Values | None
    pairs: Rows
    ranks: Rows

    @classmethod
    def of(
        cls, ranked: Rows, query_rows: Rows, truth: Adjacency, gains: Values | None = None
    ) -> "Hits":
        """Finds the true targets in ranked lists.

        Args:
            ranked: int64 [num_queries, width], best first, padded with -1. A duplicated target
                counts only at its first place.
            query_rows: int64 [num_queries], the query node of each list.
            truth: The true targets per query node row.
            gains: Aligned with the truth's indices, float64 [num_edges], 0 or more.

        Raises:
            TrainingError: A gain is negative or NaN.
        """
        if gains is not None and not (np.isfinite(gains) & (gains >= 0)).all():
            raise TrainingError("a gain is negative or NaN", expected="0 or more")
        places = truth.positions(query_rows)
        owners = np.repeat(np.arange(len(query_rows)), truth.degrees(query_rows))
        targets = truth.indices[places].astype(np.int64)
        known = owners * truth.num_targets + targets  # ascending
        keys = np.arange(len(query_rows))[:, None] * truth.num_targets + ranked
        found = np.minimum(np.searchsorted(known, keys), max(len(known) - 1, 0))
        is_hit = np.zeros(ranked.shape, dtype=np.bool_)
        if len(known):
            is_hit = (known[found] == keys) & (ranked >= 0) & ~_is_repeat(ranked)
        _, columns = np.nonzero(is_hit)
        return cls(
            num_queries=len(query_rows),
            owners=owners,
            targets=targets,
            gains=None if gains is None else gains[places],
            pairs=found[is_hit],
            ranks=columns + 1,
        )

    @property
    def num_true(self) -> Rows:
        """The number of true targets of each query node, int64 [num_queries]."""
        return np.bincount(self.owners, minlength=self.num_queries)

    def within(self, kept: npt.NDArray[np.bool_]) -> "Hits":
        """Returns the hits of the same lists for a part of the true pairs.

        Args:
            kept: bool [num_pairs].
        """
        moved, is_kept = np.cumsum(kept) - 1, kept[self.pairs]
        return Hits(
            num_queries=self.num_queries,
            owners=self.owners[kept],
            targets=self.targets[kept],
            gains=None if self.gains is None else self.gains[kept],
            pairs=moved[self.pairs[is_kept]],
            ranks=self.ranks[is_kept],
        )


def per_query(
    hits: Hits, ks: Iterable[int], names: Sequence[str] = METRICS
) -> dict[str, npt.NDArray[np.float64]]:
    """Computes every metric at every k, one value per query node.

    With n true targets, and hits at the ranks r1 < r2 < ... <= k:

    - recall: hits / n;
        - precision: hits / k;
        - hit_rate: 1 with any hit;
        - mrr: 1 / r1, 0 without a hit;
        - map: the sum of j / rj, the precision at each hit, over min(n, k);
        - ndcg: the sum of 1 / log2(rj + 1), over its maximum for n;
        - value_ndcg: the same with gain / log2(rj + 1); missing if gains are unknown.

    Returns:
        By name, such as 'recall@20', float64 [num_queries]; NaN for queries without true
        targets or without gains.

    Raises:
        TrainingError: A k is below 1.
    """
    found: dict[str, Values] = {}
    for k in ks:
        if k < 1:
            raise TrainingError(f"k is {k}", expected="1 or more", value=k)
        values = _at_k(hits, k)
        found |= {at(name, k): values[name] for name in names if name in values}
    return found


def _at_k(hits: Hits, k: int) -> Mapping[str, Values]:
    first = hits.ranks <= k
    ranks, pairs = hits.ranks[first], hits.pairs[first]
    queries = hits.owners[pairs]
    num_queries, num_true = hits.num_queries, hits.num_true
    most = np.minimum(num_true, k)
    num_found = np.bincount(queries, minlength=num_queries)
    begins = np.cumsum(num_found) - num_found
    nth = np.arange(len(queries)) - begins[queries] + 1

    def summed(values: Values) -> Values:
        return np.bincount(queries, values, num_queries).astype(np.float64)

    reciprocal = np.zeros(num_queries)
    reciprocal[queries[nth == 1]] = 1 / ranks[nth == 1]
    discounts = _discounts(k)
    best = np.concatenate([[0.0], np.cumsum(discounts)])
    with np.errstate(invalid="ignore"):  # 0 / 0, without true targets
        values: dict[str, Values] = {
            RECALL: num_found / num_true,
            NDCG: summed(discounts[ranks - 1]) / best[most],
            MRR: reciprocal,
            HIT_RATE: (num_found > 0).astype(np.float64),
            MAP: summed(nth / ranks) / most,
            PRECISION: num_found / k,
        }
        if hits.gains is not None:
            ideal = _most_to_gain(hits.owners, hits.gains, num_queries, k)
            values[VALUE_NDCG] = summed(hits.gains[pairs] * discounts[ranks - 1]) / ideal
    for name in (MRR, HIT_RATE, PRECISION):
        values[name][num_true == 0] = np.nan
    return values


def _most_to_gain(owners: Rows, gains: Values, num_queries: int, k: int) -> Values:
    """Returns the ideal gain of each query node: its k best gains at the top."""
    order = np.lexsort((-gains, owners))
    counts = np.bincount(owners, minlength=num_queries)
    place = np.arange(len(owners)) - (np.cumsum(counts) - counts)[owners]
    kept = place < k
    discounted = gains[order][kept] * _discounts(k)[place[kept]]
    ideal: Values = np.bincount(owners[kept], discounted, num_queries).astype(np.float64)
    return ideal


def _discounts(k: int) -> Values:
    """Returns the discount of each rank."""
    discounts: Values = 1 / np.log2(np.arange(2, k + 2))
    return discounts


def recall_at_k(ranked: Rows, query_rows: Rows, truth: Adjacency, k: int) -> float:
    """Returns the mean recall over queries with true targets; arguments as for `Hits.of`.

    Raises:
        InsufficientDataError: No query node has a true target.
        TrainingError: k is below 1.
    """
    return _mean(RECALL, Hits.of(ranked, query_rows, truth), k, "true targets")


def ndcg_at_k(ranked: Rows, query_rows: Rows, truth: Adjacency, k: int) -> float:
    """Returns the mean NDCG; arguments and errors as for `recall_at_k`."""
    return _mean(NDCG, Hits.of(ranked, query_rows, truth), k, "true targets")


def gain_ndcg_at_k(
    ranked: Rows, query_rows: Rows, truth: Adjacency, gains: Values, k: int
) -> float:
    """Returns the mean NDCG by gains over queries with any gain; arguments as for `Hits.of`.

    Raises:
        InsufficientDataError: No query node has a gain.
        TrainingError: k is below 1, or a gain is negative or NaN.
    """
    return _mean(VALUE_NDCG, Hits.of(ranked, query_rows, truth, gains), k, "a gain")


def _mean(name: str, hits: Hits, k: int, what: str) -> float:
    values = per_query(hits, [k], [name])[at(name, k)]
    counted = np.isfinite(values)
    if not counted.any():
        raise InsufficientDataError(
            f"none of {hits.num_queries} queries has {what}",
            next_step="hold out more, or evaluate other queries",
        )
    return float(values[counted].mean())


def _is_repeat(lists: Rows) -> npt.NDArray[np.bool_]:
    """Returns which entries are duplicates of an earlier one in their list."""
    order = np.argsort(lists, axis=1, kind="stable")
    ordered = np.take_along_axis(lists, order, axis=1)
    same = np.zeros(lists.shape, dtype=np.bool_)
    same[:, 1:] = ordered[:, 1:] == ordered[:, :-1]
    repeats = np.empty_like(same)
    np.put_along_axis(repeats, order, same, axis=1)
    return repeats
