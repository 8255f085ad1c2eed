import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphdb.errors import BundleError
from graphrec import Adjacency

edge_lists = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 9)), max_size=60)


def build(edges: list[tuple[int, int]]) -> Adjacency:
    rows = np.array(edges, dtype=np.int64).reshape(-1, 2)
    return Adjacency.from_edges(rows[:, 0], rows[:, 1], 7, 10)


def neighbours(adjacency: Adjacency) -> list[list[int]]:
    return [adjacency.targets(source).tolist() for source in range(adjacency.num_sources)]


def test_sorts_and_drops_duplicates():
    adjacency = Adjacency.from_edges(np.array([2, 0, 2, 2]), np.array([5, 1, 3, 5]), 3, 6)
    assert adjacency.indptr.tolist() == [0, 1, 1, 3]
    assert adjacency.indices.tolist() == [1, 3, 5]
    assert (adjacency.indptr.dtype, adjacency.indices.dtype) == (np.int64, np.int32)
    assert (adjacency.num_sources, adjacency.num_edges, adjacency.num_targets) == (3, 3, 6)


@given(edge_lists)
def test_equals_sets(edges):
    expected = [sorted({target for source, target in edges if source == row}) for row in range(7)]
    assert neighbours(build(edges)) == expected


@given(edge_lists)
def test_reverse_turns_every_edge(edges):
    expected = [sorted({source for source, target in edges if target == row}) for row in range(10)]
    reverse = build(edges).reverse()
    assert neighbours(reverse) == expected
    assert neighbours(reverse.reverse()) == neighbours(build(edges))


@given(edge_lists, st.lists(st.integers(0, 6), max_size=8))
def test_gather_joins_targets_in_order(edges, sources):
    adjacency = build(edges)
    expected = [target for row in sources for target in adjacency.targets(row).tolist()]
    assert adjacency.gather(np.array(sources, dtype=np.int64)).tolist() == expected


@pytest.mark.parametrize(("num_sources", "num_targets"), [(0, 0), (3, 0), (0, 3), (3, 3)])
def test_no_edges(num_sources, num_targets):
    none = np.array([], dtype=np.int64)
    adjacency = Adjacency.from_edges(none, none, num_sources, num_targets)
    assert adjacency.indptr.tolist() == [0] * (num_sources + 1)
    assert adjacency.reverse().num_sources == num_targets


def test_small_integer_types_do_not_overflow():
    sources = np.array([40_000, 40_000], dtype=np.uint16)
    targets = np.array([99_999, 0], dtype=np.int32)
    adjacency = Adjacency.from_edges(sources, targets, 40_001, 100_000)
    assert adjacency.targets(40_000).tolist() == [0, 99_999]


@pytest.mark.parametrize(
    ("sources", "targets", "message"),
    [
        ([0, 3], [0, 0], "source row 3 is outside its node type; expected 0 to 2"),
        ([-1], [0], "source row -1 is outside"),
        ([0], [4], "target row 4 is outside its node type; expected 0 to 3"),
        ([0, 1], [0], "2 source rows but 1 target rows"),
    ],
)
def test_refuses_rows_that_do_not_exist(sources, targets, message):
    with pytest.raises(BundleError, match=message):
        Adjacency.from_edges(np.array(sources), np.array(targets), 3, 4)


def test_refuses_more_targets_than_int32_can_name():
    none = np.array([], dtype=np.int64)
    with pytest.raises(BundleError, match="3000000000 targets; expected at most 2147483647"):
        Adjacency.from_edges(none, none, 1, 3_000_000_000)
