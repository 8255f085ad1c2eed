"""Which way the planner goes, and what it says."""

import pytest

from graphrec.bundle.manifest import IndexEntry, Measured
from graphrec.query.topk import Method, SearchQuery, plan_search


def entry(kind="bounds", recall=1.0, share_read=0.006):
    """An index over a million targets that reads this share of them, more under a filter."""
    numbers = 128_000_000
    return IndexEntry(
        kind=kind,
        target_type="Product",
        similarity="dot",
        num_rows=1_000_000,
        width=16 if kind == "bounds" else None,
        queries={"User": 128},
        measured=tuple(
            Measured(
                k=k,
                share=share,
                recall=recall,
                read_once=0,
                read_in_line=numbers * share_read * factor,
                read_at_random=numbers * share_read / 4,
                probes=None if kind == "bounds" else 8,
            )
            for k in (10, 100)
            for share, factor in ((1.0, 1), (0.1, 2), (0.01, 3))
        ),
    )


def question(candidates=1_000_000, num_queries=1, k=10, targets=1_000_000):
    return SearchQuery(targets, candidates, 128, num_queries, k)


@pytest.mark.parametrize(
    ("asked", "index", "method"),
    [
        (question(), None, Method.SCAN),
        (question(900_000), None, Method.SCAN),
        (question(100_000), None, Method.GATHER),
        (question(0), None, Method.NONE),
        (question(0), entry(), Method.NONE),
        (question(), entry(), Method.BOUNDS),
        (question(100_000), entry(), Method.BOUNDS),
        (question(1_000), entry(), Method.GATHER),
        (question(9_000, k=1_000), entry(), Method.GATHER),
        (question(k=101), entry(), Method.SCAN),
        (question(), entry("ivf", 0.995), Method.APPROXIMATE),
        (question(), entry("ivf", 0.98), Method.SCAN),
        (question(), entry(share_read=1.0), Method.SCAN),
        (question(num_queries=1_000), entry(), Method.BOUNDS),
    ],
)
def test_the_cheapest_way_that_finds_enough(asked, index, method):
    assert plan_search(asked, index, min_recall=0.99).method is method


def test_a_plan_says_what_was_compared():
    plan = plan_search(question(100_000), entry(), 0.99)
    assert (plan.num_candidates, plan.num_targets, plan.recall) == (100_000, 1_000_000, 1.0)
    assert plan.reason.startswith("100,000 of 1,000,000 pass: scan ")
    for method in (Method.SCAN, Method.GATHER, Method.BOUNDS):
        assert f"{method} " in plan.reason


@pytest.mark.parametrize(
    ("asked", "index", "safe", "reason"),
    [
        (question(), entry("ivf", 0.98), True, "the index finds 0.9800, below 0.99"),
        (question(k=200), entry(), True, "not measured for k 200 where 1 pass"),
        (question(5_000), entry(), True, "not measured for k 10 where 0.005 pass"),
        (question(), entry(), False, "float32 might overflow"),
    ],
)
def test_an_index_that_is_not_used_is_named_with_the_reason(asked, index, safe, reason):
    plan = plan_search(asked, index, 0.99, safe=safe)
    assert plan.method in (Method.SCAN, Method.GATHER)
    assert (reason in plan.reason, plan.recall) == (True, 1.0)


def test_an_approximate_plan_carries_the_recall_to_expect():
    assert plan_search(question(), entry("ivf", 0.995), 0.99).recall == 0.995


@pytest.mark.parametrize("candidates", [1_000_000, 300_000, 100_000, 30_000, 10_000, 100])
def test_whether_an_answer_may_be_approximate_does_not_depend_on_the_batch(candidates):
    for share_read in (0.005, 0.05, 0.2):
        index = entry("ivf", 0.995, share_read)
        methods = {
            plan_search(question(candidates, num_queries), index, 0.99).method
            for num_queries in (1, 2, 30, 1_000, 100_000)
        }
        assert len(methods) == 1


def test_the_figures_are_those_of_the_nearest_question_that_is_no_easier():
    index = entry()
    assert (index.measured_at(7, 0.5).k, index.measured_at(7, 0.5).share) == (10, 0.1)
    assert (index.measured_at(11, 1).k, index.measured_at(11, 1).share) == (100, 1.0)
    assert index.measured_at(10, 0.95).share == 1.0
    assert index.measured_at(10, 0.009) is None
    assert index.measured_at(101, 1) is None
