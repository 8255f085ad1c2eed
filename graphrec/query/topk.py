"""Finds the exact top-k: by score, highest first, then by row, lowest first.

The answer for a query node never depends on the batch it came in, to the last bit. Matrix products
do not have that property (their rounding changes with the shape), so they only propose: `propose`
keeps every row whose float32 score is within a proven rounding bound of the k-th best. The few
proposed rows are scored again in float64, each by itself, and that score decides. What a question
costs decides which targets are read, all or only those that pass, or whether an index proposes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from graphrec.bundle.manifest import IndexEntry, Measured
from graphrec.query.embeddings import EmbeddingMatrix, Proposer, Rows, Similarity, ValueProposer
from graphrec.query.limits import MOST_CELLS, MOST_K
from graphrec.query.options import check_count, check_whole
from graphrec.query.value import Values, stretched

if TYPE_CHECKING:
    from graphrec.query.index.base import ServedIndex


Scores = npt.NDArray[np.float64]

# Nanoseconds on machine B of docs/benchmarks, 2026-11-26, one thread; what counts is how they
# relate. Measured with a million vectors of 128 dimensions.
_IN_LINE = 0.35  # to read a float32 after its neighbor, and multiply it
_IN_LINE_SHARED = 0.05  # the same in the matrix product of many queries
_AT_RANDOM = 1.2  # the same for a vector somewhere in memory: .9 among few, 1.8 among 100,000
_FLAG = 0.4  # to look at the flag of a target that does not pass
_FOUND = 15.0  # and at that of one that passes
_PRODUCT = 0.035  # one multiplication and addition within a large matrix product
_SCORE = 2.5  # to find out whether a score is among the best
_INDEX_CALL = 100_000.0  # to ask an index at all
_INDEX_QUERY = 35_000.0  # and for each query node


class Method(StrEnum):
    """How candidates are found; all but 'approximate' give the exact answer."""

    NONE = "none"
    SCAN = "scan"
    GATHER = "gather"
    BOUNDS = "bounds"
    APPROXIMATE = "approximate"


@dataclass(frozen=True, slots=True)
class Plan:
    """The planner's choice, for the trace of a result.

    Args:
        method: 'scan' reads all targets, 'gather' only those that pass, 'bounds' an exact index,
            'approximate' one that may miss some; 'none' where nothing passes.
        num_candidates: How many targets pass the filters and the policy.
        num_targets: How many there are.
        estimated_ms: What the choice is expected to take, for all queries of the question; for one
            of them where an approximate index was considered.
        recall: What share of the true answer to expect, as measured when the index was built.
        reason: Why, in words.
    """

    method: Method
    num_candidates: int
    num_targets: int
    estimated_ms: float
    recall: float
    reason: str


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """What the choice depends on."""

    num_targets: int
    num_candidates: int
    dim: int
    num_queries: int
    k: int


def plan_search(
    question: SearchQuery,
    entry: IndexEntry | None = None,
    min_recall: float = 1.0,
    *,
    safe: bool = True,
) -> Plan:
    """Chooses the cheapest way that gives the recall that is asked for.

    Args:
        entry: What is known of the index for these targets; None where there is none.
        min_recall: An index below is not used.
        safe: Whether the index can take the queries' vectors, see `Index.can_serve`.

    >>> plan_search(SearchQuery(1_000_000, 5_000, 128, 1, 10)).method
    <Method.GATHER: 'gather'>
    """
    passing, total = question.num_candidates, question.num_targets
    if not passing:
        return Plan(Method.NONE, 0, total, 0.0, 1.0, "nothing passes")
    if entry is not None and entry.kind == "ivf":
        # What is found must not depend on the batch a query node comes in: chosen as for one alone.
        question = replace(question, num_queries=1)
    costs = {Method.SCAN: _scan_ms(question), Method.GATHER: _gather_ms(question)}
    recall, why_not = 1.0, ""
    if entry is not None:
        measured = entry.measured_at(question.k, passing / total)
        why_not = _objection(question, measured, min_recall, safe)
        if measured is not None and not why_not:
            method = Method.BOUNDS if entry.kind == "bounds" else Method.APPROXIMATE
            costs[method] = _index_ms(question, measured)
            recall = measured.recall
    best = min(costs, key=lambda method: costs[method])
    compared = ", ".join(f"{method} {cost:.3g} ms" for method, cost in costs.items())
    reason = f"{passing:,} of {total:,} pass: {compared}" + (f"; {why_not}" if why_not else "")
    is_index = best in (Method.BOUNDS, Method.APPROXIMATE)
    return Plan(best, passing, total, costs[best], recall if is_index else 1.0, reason)


def _objection(
    question: SearchQuery, measured: Measured | None, min_recall: float, safe: bool
) -> str:
    """Why the index is not to be used; empty if it is."""
    if not safe:
        return "the vectors are too long for the index: float32 might overflow"
    if measured is None:
        share = question.num_candidates / question.num_targets
        return f"the index was not measured for k {question.k} where {share:.2g} pass"
    if measured.recall < min_recall:
        return f"the index finds {measured.recall:.4f}, below {min_recall:g}"
    return ""


def _scan_ms(question: SearchQuery) -> float:
    numbers = question.num_targets * question.dim
    return (numbers * _IN_LINE + _product_ns(question, question.num_targets)) / 1e6


def _gather_ms(question: SearchQuery) -> float:
    found = question.num_targets * _FLAG + question.num_candidates * _FOUND
    read = question.num_candidates * question.dim * _AT_RANDOM
    return (found + read + _product_ns(question, question.num_candidates)) / 1e6


def _product_ns(question: SearchQuery, num_columns: int) -> float:
    return question.num_queries * num_columns * (question.dim * _PRODUCT + _SCORE)


def _index_ms(question: SearchQuery, measured: Measured) -> float:
    in_line = _IN_LINE if question.num_queries == 1 else _IN_LINE_SHARED
    each = measured.read_in_line * in_line + measured.read_at_random * _AT_RANDOM
    shared = _INDEX_CALL + measured.read_once * _AT_RANDOM
    return (shared + question.num_queries * (_INDEX_QUERY + each)) / 1e6


_BLOCK_PRODUCTS = 2**21  # float64 products held at once: 16 MB


def exact_scores(
    queries: EmbeddingMatrix,
    query_rows: Rows,
    targets: EmbeddingMatrix,
    target_rows: Rows,
    similarity: Similarity,
    factors: Values | None = None,
) -> Scores:
    """The score of each (query node, target) pair, from that pair alone, float64 [num_pairs].

    Args:
        factors: float64 [num_targets], towards whose values scores are moved; None for not at all.
    """
    scores = np.empty(len(target_rows))
    step = max(_BLOCK_PRODUCTS // targets.dim, 1)
    for start in range(0, len(target_rows), step):
        part = slice(start, start + step)
        products = targets.vectors[target_rows[part]].astype(np.float64)
        products *= queries.vectors[query_rows[part]]
        scores[part] = products.sum(axis=1)  # row by row, so the block size does not matter
    if similarity is Similarity.COSINE:
        scores *= targets.cosine_scales[target_rows]
        scores *= queries.cosine_scales[query_rows]
    return scores if factors is None else stretched(scores, factors[target_rows])


def keep_best(
    positions: Rows, found: Rows, exact: Scores, out_rows: Rows, out_scores: Scores
) -> None:
    """Writes each query node's best pairs into its row of the result."""
    order = np.lexsort((found, -exact, positions))
    positions, found, exact = positions[order], found[order], exact[order]
    first = np.searchsorted(positions, np.arange(len(out_rows)))
    rank = np.arange(len(positions)) - first[positions]
    kept = rank < out_rows.shape[1]
    out_rows[positions[kept], rank[kept]] = found[kept]
    out_scores[positions[kept], rank[kept]] = exact[kept]


Excluded = Sequence[npt.NDArray[np.integer]]
"""Per query node of a batch the target rows it must not get; empty for none at all."""

Proposing = Callable[
    [EmbeddingMatrix, Rows, Excluded],
    tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]],
]

_BLOCK_SCORES = 2**23  # float32 scores held at once: 32 MB, and as much again to find the k-th
_INDEX_WIDTH = 2**13  # an index holds about so many scores per query node at once


def top_k(
    queries: EmbeddingMatrix,
    query_rows: Rows,
    targets: EmbeddingMatrix,
    *,
    k: int,
    similarity: Similarity = Similarity.DOT,
    mask: npt.NDArray[np.bool_] | None = None,
    excluded: Excluded = (),
    index: "ServedIndex | None" = None,
) -> tuple[Rows, Scores]:
    """What `planned_top_k` finds, without the plan."""
    rows, scores, _ = planned_top_k(
        queries,
        query_rows,
        targets,
        k=k,
        similarity=similarity,
        mask=mask,
        excluded=excluded,
        index=index,
    )
    return rows, scores


def planned_top_k(
    queries: EmbeddingMatrix,
    query_rows: Rows,
    targets: EmbeddingMatrix,
    *,
    k: int,
    similarity: Similarity = Similarity.DOT,
    mask: npt.NDArray[np.bool_] | None = None,
    excluded: Excluded = (),
    index: "ServedIndex | None" = None,
    factors: Values | None = None,
) -> tuple[Rows, Scores, Plan]:
    """The k best targets of every query node.

    Args:
        query_rows: int64 [num_queries], rows of `queries`.
        k: 1 or more; queries with fewer candidates get fewer.
        mask: bool [num_targets], the targets that may come out; all by default.
        excluded: Further rows that a single query node must not get, an array for each query.
        index: Of these targets and this similarity.
        factors: float64 [num_targets], what `value_factors` gives, to move scores towards value;
            only with the dot product and without an index.

    Returns:
        Rows int64 [num_queries, k], padded with -1, and scores float64 [num_queries, k], padded
        with -inf; best first, equal scores by ascending row. And how they were found.

    Raises:
        QueryError: k is out of its range, see `limits`, or no whole number.
    """
    check_whole("k", k, 1, MOST_K)
    check_count("results", len(query_rows) * k, MOST_CELLS)
    rows = np.full((len(query_rows), k), -1, dtype=np.int64)
    scores = np.full((len(query_rows), k), -np.inf)
    if similarity is Similarity.COSINE and targets.zero.any():
        mask = ~targets.zero if mask is None else mask & ~targets.zero
    plan = _plan(queries, len(query_rows), targets, k, mask, index)
    if plan.method is Method.NONE:
        return rows, scores, plan
    propose, width = _proposing(plan, targets, k, similarity, mask, index, factors)
    block = max(_BLOCK_SCORES // width, 1)
    for start in range(0, len(query_rows), block):
        part = slice(start, start + block)
        block_rows = query_rows[part]
        positions, found = propose(queries, block_rows, excluded[part])
        exact = exact_scores(queries, block_rows[positions], targets, found, similarity, factors)
        keep_best(positions, found, exact, rows[part], scores[part])
    return rows, scores, plan


def _plan(
    queries: EmbeddingMatrix,
    num_queries: int,
    targets: EmbeddingMatrix,
    k: int,
    mask: npt.NDArray[np.bool_] | None,
    index: "ServedIndex | None",
) -> Plan:
    passing = len(targets) if mask is None else int(np.count_nonzero(mask))
    question = SearchQuery(len(targets), passing, targets.dim, num_queries, k)
    if index is None:
        return plan_search(question)
    safe = index.index.can_serve(queries)
    return plan_search(question, index.entry, index.min_recall, safe=safe)


def _proposing(
    plan: Plan,
    targets: EmbeddingMatrix,
    k: int,
    similarity: Similarity,
    mask: npt.NDArray[np.bool_] | None,
    index: "ServedIndex | None",
    factors: Values | None,
) -> tuple[Proposing, int]:
    """What proposes by that plan, and how many scores it holds at once for each query node."""
    gather = plan.method is Method.GATHER
    if factors is not None:
        assert index is None and similarity is Similarity.DOT
        by_value = ValueProposer(targets, k, factors, mask, gather=gather)
        return by_value.propose, by_value.width
    if index is None or plan.method not in (Method.BOUNDS, Method.APPROXIMATE):
        proposer = Proposer(targets, k, similarity, mask, gather=gather)
        return proposer.propose, proposer.width

    def propose(
        queries: EmbeddingMatrix, query_rows: Rows, excluded: Excluded
    ) -> tuple[Rows, Rows]:
        found = index.index.propose(queries, query_rows, k=k, mask=mask, excluded=excluded)
        return found.positions, found.rows

    return propose, _INDEX_WIDTH


def spread(
    found: tuple[Rows, Scores], positions: npt.NDArray[np.int64], num_queries: int
) -> tuple[Rows, Scores]:
    """Puts the answers of the known queries in their places; the others stay empty."""
    rows, scores = found
    if len(positions) == num_queries:
        return rows, scores
    all_rows = np.full((num_queries, rows.shape[1]), -1, dtype=np.int64)
    all_scores = np.full((num_queries, rows.shape[1]), -np.inf)
    all_rows[positions], all_scores[positions] = rows, scores
    return all_rows, all_scores
