"""How a question is answered: which targets are looked at, chosen by what it costs."""

from dataclasses import dataclass, replace
from enum import StrEnum

from graphrec.bundle.manifest import IndexEntry, Measured

# Nanoseconds on machine B of docs/benchmarks, 2026-11-26, one thread; what counts is how they
# relate. Measured with a million vectors of 128 numbers.
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
