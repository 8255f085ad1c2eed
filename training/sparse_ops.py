"""Provides sparse matrices on torch: building, products with a cheap backward pass, and SVD.

Matrices are built as coordinates (COO) and used as rows (CSR). The
truncated SVD uses random projection and runs on any torch device: Halko, Martinsson and Tropp,
"Finding structure with randomness", SIAM Review 53 (2011).
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch

from graphdb.errors import TrainingError
from graphrec.bundle import Adjacency

Tensor = torch.Tensor


def coordinates(index: Tensor, values: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Returns a coalesced COO matrix; entries at the same place are summed.

    Args:
        values: One per entry, or one row per entry for a shape of three dimensions.

    >>> coordinates(torch.tensor([[0, 0], [1, 1]]), torch.tensor([2.0, 3.0]), (1, 2)).to_dense()
    tensor([[0., 5.]])
    """
    return torch.sparse_coo_tensor(index, values, shape, check_invariants=False).coalesce()


def with_values(matrix: Tensor, values: Tensor) -> Tensor:
    """Returns the same places with other values; zeros are dropped."""
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
    """Returns each value ** exponent, and 0 for 0: nodes without edges stay at zero.

    >>> power_or_zero(torch.tensor([4.0, 0.0]), -0.5)
    tensor([0.5000, 0.0000])
    """
    is_positive = values > 0
    return torch.where(is_positive, torch.where(is_positive, values, 1.0) ** exponent, 0.0)


def to_power(matrix: Tensor, exponent: float) -> Tensor:
    """Raises every positive entry of a matrix to a power; 0 makes all of them 1."""
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

    A product with a stored transpose is several times faster than with an implicit one.
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
    """Builds a CSR matrix from its parts, without checks.

    Args:
        starts: The first entry of each row, and the end of all, int64 [rows + 1].
    """
    with quiet():
        return torch.sparse_csr_tensor(starts, columns, values, shape, check_invariants=False)


def _in_rows(matrix: Tensor) -> Tensor:
    with quiet():
        return matrix.to_sparse_csr()


@contextmanager
def quiet() -> Iterator[None]:
    """Silences torch's warning that CSR is in beta: only products are used."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support")
        yield


_GRAM_ROWS = 2**13  # in float64 at once
_NOISE = 1e-4  # share of the largest singular value; smaller ones are rounding


class Svd(NamedTuple):
    """A ~ left @ diag(values) @ right.T; values are descending, columns orthonormal.

    Rows of `left` and `right` are exactly zero where A has no entries. If the rank of A is below k,
    the last columns belong to rounding values and are arbitrary.
    """

    left: Tensor  # [m, k]
    values: Tensor  # [k]
    right: Tensor  # [n, k]

    def without_noise(self) -> "Svd":
        """Returns the same with zeros for rounding values and their columns."""
        keep = self.values > _NOISE * self.values[0]
        return Svd(self.left * keep, self.values * keep, self.right * keep)


def randomized_svd(
    matrix: SparseMatrix,
    rank: int,
    *,
    power_iterations: int = 10,
    oversampling: int = 128,
    seed: int = 0,
) -> Svd:
    """The largest singular values of a sparse matrix and their vectors.

    Algorithm 4.4 (power iterations with re-orthogonalisation) finds the range of the matrix,
    Algorithm 5.1 factors the matrix within it. Deviations:

    - The basis is always that of the shorter side, where a QR is cheap, and there is one QR per
      power iteration instead of two. In float32 this blurs singular values below about 1/1000 of
      the largest, which recommenders do not need.
    - The small factor is far wider than tall: its singular values and left vectors come from its
      Gram matrix in float64, which is several times as fast as a QR and an SVD and loses nothing
      that float32 holds.
    - Signs are fixed: the entry of largest magnitude of every right vector is positive.
    - Rows without entries are set to zero. A QR leaves rounding of about 1e-7 there, which looks
      like a learned vector and differs between processors.

    Args:
        rank: Their number; at most the smaller side of the matrix.
        power_iterations: More of them sharpen the small singular values, with two products each.
        oversampling: Extra dimensions during the computation.
        seed: The seed of the random projection. Equal seeds give equal results on one machine.

    Raises:
        TrainingError: The rank does not fit the matrix, or the matrix is not finite.
    """
    smaller_side = min(matrix.shape)
    if not 1 <= rank <= smaller_side:
        raise TrainingError(
            f"cannot take {rank} singular values of a matrix of shape {matrix.shape}",
            expected=f"1 to {smaller_side}",
            value=rank,
        )
    if not torch.isfinite(matrix.rows.values()).all():
        raise TrainingError("the matrix to factor has NaN or infinite entries")
    is_tall = matrix.shape[0] > matrix.shape[1]
    wide = matrix.transpose() if is_tall else matrix  # [m, n], m <= n
    width = min(rank + oversampling, smaller_side)
    basis = _range_basis(wide, width, power_iterations, seed)  # [m, l]
    core = wide.transposed @ basis  # B^T, [n, l]
    squares, rotation = torch.linalg.eigh(_gram(core))  # B B^T, ascending
    values = squares.clamp(min=0).sqrt().flip(0)[:rank].to(core.dtype)
    rotation = rotation.flip(1)[:, :rank].to(core.dtype)
    short, long = basis @ rotation, core @ (rotation * power_or_zero(values, -1.0))
    left, right = (long, short) if is_tall else (short, long)
    left, right = left * _has_entries(matrix.rows), right * _has_entries(matrix.transposed)
    return _with_fixed_signs(Svd(left, values, right))


def _gram(columns: Tensor) -> Tensor:
    """The dot products of all columns, summed in float64: [l, l]."""
    found = columns.new_zeros(columns.shape[1], columns.shape[1], dtype=torch.float64)
    for rows in torch.split(columns, _GRAM_ROWS):
        found += rows.double().T @ rows.double()
    return found


def _range_basis(matrix: SparseMatrix, width: int, power_iterations: int, seed: int) -> Tensor:
    """Returns orthonormal columns that span most of the range of the matrix (Algorithm 4.4)."""
    values = matrix.rows.values()
    generator = torch.Generator().manual_seed(
        seed
    )  # on the CPU, so that every device gets the same draw
    start = torch.randn(matrix.shape[1], width, generator=generator, dtype=values.dtype)
    basis: Tensor = torch.linalg.qr(matrix.rows @ start.to(values.device)).Q  # [m, l]
    for _ in range(power_iterations):
        basis = torch.linalg.qr(matrix.rows @ (matrix.transposed @ basis)).Q
    return basis


def _has_entries(rows: Tensor) -> Tensor:
    """Returns which rows of a CSR matrix have nonzero entries, bool [num_rows, 1]."""
    has_entries = torch.zeros(rows.shape[0], 1, dtype=torch.bool, device=rows.device)
    row_of_entry = torch.repeat_interleave(rows.crow_indices().diff())
    has_entries[row_of_entry[rows.values() != 0]] = True
    return has_entries


def _with_fixed_signs(svd: Svd) -> Svd:
    largest = svd.right.abs().argmax(dim=0, keepdim=True)
    signs = torch.where(svd.right.gather(0, largest) < 0, -1.0, 1.0).to(svd.values.dtype)
    return Svd(svd.left * signs, svd.values, svd.right * signs)


_FEW = 1 / 8  # share of the rows above which computing all of them is cheaper than selecting some


class _Product(torch.autograd.Function):
    """Computes rows @ dense; the gradient uses the stored transpose.

    torch's own backward would transpose the matrix at every step.
    """

    @staticmethod
    def forward(ctx: Any, rows: Tensor, transposed: Tensor, dense: Tensor) -> Tensor:
        ctx.transposed = transposed
        return rows @ dense

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[None, None, Tensor]:
        (gradient,) = gradients
        return None, None, ctx.transposed @ gradient.contiguous()


def multiply(matrix: SparseMatrix, dense: Tensor) -> Tensor:
    """The product, [m, d]; only `dense` gets a gradient."""
    product: Tensor = _Product.apply(matrix.rows, matrix.transposed, dense)
    return product


def multiply_rows(matrix: SparseMatrix, wanted: Tensor, dense: Tensor) -> Tensor:
    """Returns the wanted rows of the product, in order: [len(wanted), d]; else like `multiply`.

    If there are few, their rows of the matrix are selected first. Selecting and transposing rows
    costs several times as much per entry as multiplying them.
    """
    if len(wanted) < _FEW * matrix.shape[0]:
        return multiply(take_rows(matrix, wanted), dense)
    return multiply(matrix, dense)[wanted]


def take_rows(matrix: SparseMatrix, wanted: Tensor) -> SparseMatrix:
    """Returns the wanted rows of a matrix, in order: [len(wanted), n], on the same device."""
    columns, values, lengths = gather_rows(matrix.rows, wanted)
    owner = owners_of(lengths)
    order = torch.argsort(columns, stable=True)
    per_column = torch.bincount(columns, minlength=matrix.shape[1])
    shape = (len(wanted), matrix.shape[1])
    return SparseMatrix(
        csr(starts_of(lengths), columns, values, shape),
        csr(starts_of(per_column), owner[order], values[order], shape[::-1]),
    )


def gather_rows(rows: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Returns columns, values and lengths of the wanted rows of a CSR matrix, concatenated."""
    starts = rows.crow_indices()[wanted]
    lengths = rows.crow_indices()[wanted + 1] - starts
    shift = torch.repeat_interleave(starts - starts_of(lengths)[:-1], lengths)
    places = torch.arange(len(shift), device=wanted.device) + shift
    return rows.col_indices()[places], rows.values()[places], lengths


def owners_of(lengths: Tensor) -> Tensor:
    """Returns the row of every entry for rows of given lengths: int64 [sum of lengths]."""
    return torch.repeat_interleave(torch.arange(len(lengths), device=lengths.device), lengths)


def starts_of(lengths: Tensor) -> Tensor:
    """Returns the start of each row, and the end of all: int64 [len(lengths) + 1]."""
    starts = torch.zeros(len(lengths) + 1, dtype=torch.int64, device=lengths.device)
    torch.cumsum(lengths, 0, out=starts[1:])
    return starts
