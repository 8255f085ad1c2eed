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


def neighbors(adjacency: Adjacency) -> list[list[int]]:
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
    assert neighbors(build(edges)) == expected


@given(edge_lists)
def test_reverse_turns_every_edge(edges):
    expected = [sorted({source for source, target in edges if target == row}) for row in range(10)]
    reverse = build(edges).reverse()
    assert neighbors(reverse) == expected
    assert neighbors(reverse.reverse()) == neighbors(build(edges))


@given(edge_lists, st.lists(st.integers(0, 6), max_size=8))
def test_gather_joins_targets_in_order(edges, sources):
    adjacency = build(edges)
    expected = [target for row in sources for target in adjacency.targets(row).tolist()]
    assert adjacency.gather(np.array(sources, dtype=np.int64)).tolist() == expected


events = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 9), st.integers(-5, 99)), max_size=60)


def build_of_events(happened) -> Adjacency:
    rows = np.array(happened, dtype=np.int64).reshape(-1, 3)
    return Adjacency.from_events(rows[:, 0], rows[:, 1], rows[:, 2], 7, 10)


def evidence_by_pair(adjacency: Adjacency, *, turned: bool = False) -> dict:
    sources = np.repeat(np.arange(adjacency.num_sources), adjacency.degrees())
    pairs = zip(sources.tolist(), adjacency.indices.tolist(), strict=True)
    found = zip(
        adjacency.evidence.counts.tolist(), adjacency.evidence.last_at_s.tolist(), strict=True
    )
    return {
        (pair[::-1] if turned else pair): values for pair, values in zip(pairs, found, strict=True)
    }


@given(events)
def test_events_are_counted_and_the_newest_is_kept(happened):
    adjacency = build_of_events(happened)
    moments = {}
    for source, target, at_s in happened:
        moments.setdefault((source, target), []).append(at_s)
    assert neighbors(adjacency) == neighbors(build([event[:2] for event in happened]))
    assert evidence_by_pair(adjacency) == {
        pair: (len(times), max(times)) for pair, times in moments.items()
    }
    assert adjacency.evidence.counts.dtype == np.int32
    assert adjacency.evidence.last_at_s.dtype == np.int64


@given(events)
def test_evidence_turns_with_its_edges(happened):
    adjacency = build_of_events(happened)
    reverse = adjacency.reverse()
    assert neighbors(reverse) == neighbors(build([event[:2] for event in happened]).reverse())
    assert evidence_by_pair(reverse, turned=True) == evidence_by_pair(adjacency)


@given(events, st.lists(st.integers(0, 6), max_size=8))
def test_positions_are_where_gathered_targets_stand(happened, sources):
    adjacency = build_of_events(happened)
    rows = np.array(sources, dtype=np.int64)
    positions = adjacency.positions(rows)
    assert adjacency.indices[positions].tolist() == adjacency.gather(rows).tolist()


def test_refuses_another_number_of_moments_than_events():
    with pytest.raises(BundleError, match="2 events but 1 times"):
        Adjacency.from_events(np.array([0, 1]), np.array([0, 0]), np.array([5]), 3, 4)


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
