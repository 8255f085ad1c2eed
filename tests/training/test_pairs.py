"""Algebra on sets of pairs, against Python sets."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from graphrec import Adjacency
from graphrec.adjacency import sources_of
from training.pairs import compose, pair_keys, without


def pairs_between(num_sources, num_targets):
    return st.sets(st.tuples(st.integers(0, num_sources - 1), st.integers(0, num_targets - 1)))


def adjacency_of(pairs, num_sources, num_targets):
    rows = np.array(sorted(pairs), dtype=np.int64).reshape(-1, 2)
    return Adjacency.from_edges(rows[:, 0], rows[:, 1], num_sources, num_targets)


def as_set(adjacency):
    return set(zip(sources_of(adjacency).tolist(), adjacency.indices.tolist(), strict=True))


@given(pairs_between(4, 5), pairs_between(5, 3))
def test_compose_is_relational_composition(first, second):
    found = compose(adjacency_of(first, 4, 5), adjacency_of(second, 5, 3))
    assert as_set(found) == {(a, d) for a, b in first for c, d in second if b == c}
    assert (found.num_sources, found.num_targets) == (4, 3)


@given(pairs_between(4, 5), pairs_between(4, 5))
def test_without_is_set_difference(some, others):
    found = without(adjacency_of(some, 4, 5), adjacency_of(others, 4, 5))
    assert as_set(found) == some - others


@given(pairs_between(4, 5))
def test_keys_are_ascending_and_name_the_pair(pairs):
    keys = pair_keys(adjacency_of(pairs, 4, 5))
    assert [divmod(key, 5) for key in keys.tolist()] == sorted(pairs)
