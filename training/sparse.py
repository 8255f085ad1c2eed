"""Sparse matrices on torch: entries in coordinates while they are built, rows while they work."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch

from graphrec.bundle import Adjacency

Tensor = torch.Tensor


def coordinates(index: Tensor, values: Tensor, shape: tuple[int, int]) -> Tensor:
    """A coalesced COO matrix; entries of the same place are summed.

    >>> coordinates(torch.tensor([[0, 0], [1, 1]]), torch.tensor([2.0, 3.0]), (1, 2)).to_dense()
    tensor([[0., 5.]])
    """
    return torch.sparse_coo_tensor(index, values, shape, check_invariants=False).coalesce()


def with_values(matrix: Tensor, values: Tensor) -> Tensor:
    """The same places with other values; places whose value is zero are dropped."""
    keep = values != 0
    index, values = matrix.indices()[:, keep], values[keep]
    return torch.sparse_coo_tensor(
        index, values, matrix.shape, is_coalesced=True, check_invariants=False
    )


def row_sums(matrix: Tensor) -> Tensor:
    """float64 [rows]; torch's own sum keeps the matrix sparse and is slower."""
    return _sums(matrix, 0)


def column_sums(matrix: Tensor) -> Tensor:
    """float64 [columns]."""
    return _sums(matrix, 1)


def _sums(matrix: Tensor, axis: int) -> Tensor:
    return torch.bincount(
        matrix.indices()[axis], weights=matrix.values().double(), minlength=matrix.shape[axis]
    )


def scaled(matrix: Tensor, row_scale: Tensor, column_scale: Tensor) -> Tensor:
    """diag(row_scale) @ matrix @ diag(column_scale)."""
    rows, columns = matrix.indices()
    return with_values(matrix, matrix.values() * row_scale[rows] * column_scale[columns])


def power_or_zero(values: Tensor, exponent: float) -> Tensor:
    """Each value ** exponent, and 0 where the value is 0: what has no edges stays out.

    >>> power_or_zero(torch.tensor([4.0, 0.0]), -0.5)
    tensor([0.5000, 0.0000])
    """
    is_positive = values > 0
    return torch.where(is_positive, torch.where(is_positive, values, 1.0) ** exponent, 0.0)


def to_power(matrix: Tensor, exponent: float) -> Tensor:
    """The matrix with every positive entry raised to a power; 0 gives 1 for each."""
    return with_values(matrix, power_or_zero(matrix.values(), exponent))


def normalised(matrix: Tensor, row_exponent: float = 0.5, column_exponent: float = 0.5) -> Tensor:
    """D_row^(-row_exponent) M D_col^(-column_exponent), D being the sums of rows and of columns."""
    rows, columns = row_sums(matrix), column_sums(matrix)
    return scaled(
        matrix, power_or_zero(rows, -row_exponent), power_or_zero(columns, -column_exponent)
    )


@dataclass(frozen=True, slots=True)
class SparseMatrix:
    """A sparse matrix in rows (CSR), and its transpose in rows too.

    Multiplying by an implicit transpose is several times slower than by a stored one.
    """

    rows: Tensor
    transposed: Tensor

    @classmethod
    def from_coordinates(cls, matrix: Tensor) -> "SparseMatrix":
        """Builds both from a coalesced COO matrix."""
        return cls(_in_rows(matrix), _in_rows(matrix.t().coalesce()))

    @property
    def shape(self) -> tuple[int, int]:
        return self.rows.shape[0], self.rows.shape[1]

    def transpose(self) -> "SparseMatrix":
        return SparseMatrix(self.transposed, self.rows)

    def to(self, device: torch.device) -> "SparseMatrix":
        return SparseMatrix(self.rows.to(device), self.transposed.to(device))


def product(left: Tensor, right: Tensor) -> Tensor:
    """The product of two sparse matrices, coalesced."""
    with quiet():
        multiplied: Tensor = torch.sparse.mm(left, right)
        return multiplied.coalesce()


def csr_of(pairs: Adjacency) -> Tensor:
    """1 per pair, CSR float32 [sources, targets]."""
    return csr(
        torch.from_numpy(np.array(pairs.indptr)),
        torch.from_numpy(np.array(pairs.indices, dtype=np.int64)),
        torch.ones(pairs.num_edges),
        (pairs.num_sources, pairs.num_targets),
    )


def csr(starts: Tensor, columns: Tensor, values: Tensor, shape: tuple[int, int]) -> Tensor:
    """A matrix of rows from what torch keeps of one; trusted to be in order.

    Args:
        starts: Where each row begins among the entries, and the end of all, int64 [rows + 1].
    """
    with quiet():
        return torch.sparse_csr_tensor(starts, columns, values, shape, check_invariants=False)


def _in_rows(matrix: Tensor) -> Tensor:
    with quiet():
        return matrix.to_sparse_csr()


@contextmanager
def quiet() -> Iterator[None]:
    """Without torch's notice, once per process, that its CSR is beta: products are all we need."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support")
        yield
