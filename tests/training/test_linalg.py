"""Randomised SVD against the dense one."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from graphdb.errors import TrainingError
from training.sparse_ops import SparseMatrix, coordinates, randomized_svd


def sparse_of(dense):
    rows, columns = dense.nonzero().T
    index = torch.stack([rows, columns])
    return SparseMatrix.from_coordinates(coordinates(index, dense[rows, columns], dense.shape))


def with_spectrum(rows, columns, values, seed=0):
    """A dense float64 matrix with these singular values."""
    generator = torch.Generator().manual_seed(seed)
    left = torch.linalg.qr(torch.randn(rows, len(values), generator=generator).double()).Q
    right = torch.linalg.qr(torch.randn(columns, len(values), generator=generator).double()).Q
    return left @ torch.diag(torch.tensor(values).double()) @ right.T


@pytest.mark.parametrize(("rows", "columns"), [(60, 90), (90, 60), (70, 70)])
def test_equals_the_dense_svd_on_a_falling_spectrum(rows, columns):
    dense = with_spectrum(rows, columns, [2.0 * 0.8**i for i in range(60)])
    found = randomized_svd(sparse_of(dense), 10, power_iterations=6, oversampling=15)
    left, values, right_t = torch.linalg.svd(dense)
    torch.testing.assert_close(found.values, values[:10], rtol=1e-6, atol=0)
    # The product of a pair of vectors has no sign to choose.
    for j in range(10):
        expected = torch.outer(left[:, j], right_t[j])
        torch.testing.assert_close(
            torch.outer(found.left[:, j], found.right[:, j]), expected, rtol=0, atol=1e-5
        )
    best = (left[:, :10] * values[:10]) @ right_t[:10]
    rebuilt = (found.left * found.values) @ found.right.T
    torch.testing.assert_close(rebuilt, best, rtol=0, atol=1e-5)


def test_power_iterations_sharpen_a_flat_spectrum():
    dense = with_spectrum(100, 120, [1.0 / math.sqrt(i + 1) for i in range(100)])
    exact = torch.linalg.svdvals(dense)[:20]
    errors = [
        (randomized_svd(sparse_of(dense), 20, power_iterations=q, oversampling=5).values - exact)
        .abs()
        .max()
        for q in (0, 2, 8)
    ]
    assert errors[0] > 2 * errors[1] > 4 * errors[2]


@settings(max_examples=30)
@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 2**32))
def test_full_rank_is_exact_and_orthonormal(rows, columns, seed):
    dense = torch.randn(rows, columns, generator=torch.Generator().manual_seed(seed)).double()
    rank = min(rows, columns)
    found = randomized_svd(sparse_of(dense), rank)
    torch.testing.assert_close((found.left * found.values) @ found.right.T, dense)
    identity = torch.eye(rank, dtype=torch.float64)
    torch.testing.assert_close(found.left.T @ found.left, identity)
    torch.testing.assert_close(found.right.T @ found.right, identity)
    assert (found.values.diff() <= 0).all()


def test_largest_entry_of_every_right_vector_is_positive():
    found = randomized_svd(sparse_of(with_spectrum(40, 30, [0.9**i for i in range(30)])), 12)
    largest = found.right.abs().argmax(dim=0)
    assert (found.right[largest, torch.arange(12)] > 0).all()


def test_single_precision_stays_single_and_close():
    dense = with_spectrum(50, 80, [0.7**i for i in range(50)])
    found = randomized_svd(sparse_of(dense.float()), 10)
    assert {tensor.dtype for tensor in found} == {torch.float32}
    torch.testing.assert_close(
        found.values.double(), torch.linalg.svdvals(dense)[:10], rtol=1e-5, atol=1e-6
    )


def test_a_matrix_of_lower_rank_gives_zeros_not_noise():
    found = randomized_svd(sparse_of(with_spectrum(30, 40, [3.0, 2.0])), 5)
    torch.testing.assert_close(found.values, torch.tensor([3.0, 2.0, 0, 0, 0]).double())
    assert torch.isfinite(found.left).all() and torch.isfinite(found.right).all()


def test_seed_decides():
    matrix = sparse_of(
        with_spectrum(100, 120, [1.0] * 100)
    )  # flat: every target edge type is as good
    first, again = (randomized_svd(matrix, 8, seed=3) for _ in range(2))
    assert all(torch.equal(*pair) for pair in zip(first, again, strict=True))
    assert not torch.allclose(first.right, randomized_svd(matrix, 8, seed=4).right)


def test_global_random_state_neither_matters_nor_moves():
    matrix = sparse_of(with_spectrum(30, 30, [0.9**i for i in range(30)]))
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = randomized_svd(matrix, 5)
    assert torch.equal(before, torch.get_rng_state())
    torch.manual_seed(2)
    assert torch.equal(first.right, randomized_svd(matrix, 5).right)


@pytest.mark.parametrize("rank", [0, 4])
def test_rank_has_to_fit(rank):
    with pytest.raises(
        TrainingError, match=rf"{rank} singular values .* \(3, 9\); expected 1 to 3"
    ):
        randomized_svd(sparse_of(torch.ones(3, 9)), rank)


def test_entries_have_to_be_finite():
    with pytest.raises(TrainingError, match="NaN or infinite"):
        randomized_svd(sparse_of(torch.tensor([[1.0, math.nan], [0.0, 1.0]])), 1)
