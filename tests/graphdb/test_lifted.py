"""Lifted vectors: their cosine order is the dot-product order, also in the index's float32."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from graphdb.errors import StoreError
from graphdb.stores.neo4j.publishing import statements
from graphdb.stores.neo4j.publishing.statements import MipsVectors, num_extra

components = st.floats(-100, 100, width=32).map(lambda number: round(number, 2))


@st.composite
def spaces(draw):
    """Targets and queries of one length."""
    dim = draw(st.integers(1, 7))
    shape = (draw(st.integers(1, 12)), dim)
    targets = draw(arrays.arrays(np.float32, shape, elements=components))
    queries = draw(arrays.arrays(np.float32, (3, dim), elements=components))
    return targets, queries


def cosines(targets, queries, dtype):
    """As an index computes them, [num_queries, num_targets]; zero for a zero query node."""
    made = MipsVectors.of("Product", targets).targets(np.arange(len(targets))).astype(dtype)
    asking = np.concatenate(
        [queries, np.zeros((len(queries), num_extra(queries.shape[1])))], axis=1
    )
    asking = asking.astype(dtype)
    lengths = np.linalg.norm(asking, axis=1)[:, None] * np.linalg.norm(made, axis=1)
    return np.divide(
        asking @ made.T, lengths, out=np.zeros(lengths.shape, dtype), where=lengths > 0
    )


@pytest.mark.parametrize("most_extra", [128, 2, 1])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@given(spaces())
def test_the_cosine_order_is_the_dot_product_order(dtype, most_extra, space):
    targets, queries = space
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(statements, "MOST_EXTRA", most_extra)
        found = cosines(targets, queries, dtype)
    dots = queries.astype(np.float64) @ targets.astype(np.float64).T
    longest = np.linalg.norm(targets.astype(np.float64), axis=1).max(initial=0)
    # What differs by more than float32 can tell apart must come out in the same order.
    resolution = 1e-5 * np.linalg.norm(queries.astype(np.float64), axis=1)[:, None] * longest
    for one in range(len(targets)):
        clearly = dots[:, [one]] > dots + resolution
        assert (found[:, [one]] > found)[clearly].all()


@given(spaces())
def test_all_lifted_vectors_of_a_type_are_equally_long(space):
    targets, _ = space
    vectors = MipsVectors.of("Product", targets)
    made = vectors.targets(np.arange(len(targets)))
    assert made.dtype == np.float32
    assert (made[:, : targets.shape[1]] == targets).all(), "the model's vector comes first"
    assert np.linalg.norm(made.astype(float), axis=1) == pytest.approx(
        [vectors.max_norm] * len(made), rel=1e-6, abs=1e-30
    )


def test_norms_are_known():
    vectors = MipsVectors.of("Product", np.array([[3, 4], [0, 1], [0, 0]], np.float32))
    assert vectors.norms.tolist() == [5, 1, 0]
    assert (vectors.max_norm, vectors.typical_norm) == (5, 3)
    made = vectors.targets(np.array([1, 0]))
    assert made == pytest.approx(np.array([[0, 1, 0, np.sqrt(24)], [3, 4, 0, 0]]), abs=1e-6)


def test_many_blocks_are_measured_like_one(monkeypatch):
    vectors = np.random.default_rng(0).normal(size=(100, 5)).astype(np.float32)
    whole = MipsVectors.of("Product", vectors).norms
    monkeypatch.setattr(statements, "_BLOCK_ROWS", 7)
    assert (MipsVectors.of("Product", vectors).norms == whole).all()


def test_vectors_that_float32_cannot_square_are_refused():
    with pytest.raises(StoreError, match=r"a vector of Product has the length 1e\+25.*diverged"):
        MipsVectors.of("Product", np.array([[1e25]], np.float32))
