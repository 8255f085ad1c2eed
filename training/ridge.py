"""Reduced-rank ridge regression between sparse matrices, without a dense square matrix.

Izenman, "Reduced-rank regression for the multivariate linear model" (Journal of Multivariate
Analysis 5, 1975), with a ridge. The subspace is found by random projection (Halko et al.,
Algorithm 4.4), and the linear systems are solved by conjugate gradients, all columns at once: the
ridge makes the matrix well conditioned, so that a dozen steps are enough. Nothing is larger than
the sparse matrices or targets x rank.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch

from training.sparse_ops import SparseMatrix, power_or_zero

Tensor = torch.Tensor

_TOLERANCE = 1e-4
_MOST_STEPS = 100
_OVERSAMPLING = 32
_NOISE = 1e-6  # share of the largest eigenvalue; smaller ones are rounding


@dataclass(frozen=True, slots=True, eq=False)
class CrossCounts:
    """C = X^T Y + backward Y^T X, without its diagonal; G = X^T X + regularisation I.

    Args:
        past: X, float32 [num_rows, n].
        following: Y, float32 [num_rows, n].
        backward: How much what came before counts as following, 0 or more.
        regularisation: Above 0; a larger one trusts rare pairs less.
    """

    past: SparseMatrix
    following: SparseMatrix
    backward: float
    regularisation: float

    def cross(self, dense: Tensor, *, transposed: bool = False) -> Tensor:
        """C @ dense, or C^T @ dense: [n, width]."""
        forward, backward = (self.backward, 1.0) if transposed else (1.0, self.backward)
        past, following = self.past, self.following
        found = -self._diagonal()[:, None] * dense
        if forward:
            found += forward * (past.transposed @ (following.rows @ dense))
        if backward:
            found += backward * (following.transposed @ (past.rows @ dense))
        return found

    def solve(self, right: Tensor) -> Tensor:
        """G^-1 @ right, by conjugate gradients with the diagonal of G as preconditioner."""
        squares = _column_sums(self.past, self.past.transposed.values().square())
        scale = 1 / (squares + self.regularisation)[:, None]
        return conjugate_gradients(self._gram, scale, right)

    def sums(self) -> Tensor:
        """The column sums of C, float32 [n]."""
        ones = torch.ones(self.past.shape[1], 1)
        return self.cross(ones, transposed=True)[:, 0].clamp(min=0)

    def _gram(self, dense: Tensor) -> Tensor:
        product = self.past.transposed @ (self.past.rows @ dense)
        return product + self.regularisation * dense

    def _diagonal(self) -> Tensor:
        """The diagonal of X^T Y + backward Y^T X."""
        return (1 + self.backward) * _diagonal_of_product(self.past, self.following)


def reduced_rank(
    counts: CrossCounts, rank: int, exponent: float, iterations: int, seed: int
) -> tuple[Tensor, Tensor]:
    """The best weights of low rank W = A B^T from past to following, for columns of equal worth.

    The ridge regression is W = G^-1 C. Of C D^-exponent, where D are the column sums of C, the
    eigenvectors V of (C D^-e)^T G^-1 (C D^-e) span what explains most of what followed; then
    A = G^-1 C D^-e V and B = D^e V, with the eigenvalues divided evenly between both.

    Args:
        rank: At most the number of columns.
        exponent: From 0, each following event counts the same, to 1, each column does.
        iterations: Subspace iterations.
        seed: The seed of the random projection.

    Returns:
        A and B, float32 [n, rank] each. Rows of A are exactly zero for what never came before
        anything, rows of B for what never followed anything.
    """
    degrees = counts.sums()
    down, up = (power_or_zero(degrees, sign * exponent)[:, None] for sign in (-1, 1))
    width = min(rank + _OVERSAMPLING, len(degrees))
    generator = torch.Generator().manual_seed(seed)
    basis = torch.randn(len(degrees), width, generator=generator)
    for _ in range(iterations):
        basis = torch.linalg.qr(basis).Q
        solved = counts.solve(counts.cross(down * basis))
        basis = down * counts.cross(solved, transposed=True)
    basis = torch.linalg.qr(basis).Q
    crossed = counts.cross(down * basis)
    solved = counts.solve(crossed)
    core = crossed.T @ solved
    values, vectors = torch.linalg.eigh((core + core.T).double() / 2)
    values, vectors = values.flip(0)[:rank], vectors.flip(1)[:, :rank]
    kept = values > _NOISE * values[0].clamp(min=0)
    quarter = power_or_zero(torch.where(kept, values, 0.0), 0.25)
    inverse = power_or_zero(quarter, -1.0)
    sources = solved @ (vectors * inverse).float()
    targets = up * (basis @ (vectors * quarter).float())
    largest = targets.abs().argmax(0, keepdim=True)
    signs = torch.where(targets.gather(0, largest) < 0, -1.0, 1.0)
    return sources * signs, targets * signs


def conjugate_gradients(
    multiply: Callable[[Tensor], Tensor], scale: Tensor, right: Tensor
) -> Tensor:
    """Solves G x = right for every column, G symmetric and positive definite.

    Args:
        multiply: Gives G @ dense.
        scale: The preconditioner, [n, 1].
        right: float32 [n, width]; a row of zeros that G leaves alone stays exactly zero.
    """
    found, residual = torch.zeros_like(right), right.clone()
    scaled = scale * residual
    search, reached = scaled.clone(), (residual * scaled).sum(0)
    wanted = _TOLERANCE**2 * reached
    for _ in range(_MOST_STEPS):
        if bool((reached <= wanted).all()):
            break
        multiplied = multiply(search)
        length = reached * power_or_zero((search * multiplied).sum(0), -1.0)
        found += length * search
        residual -= length * multiplied
        scaled = scale * residual
        before, reached = reached, (residual * scaled).sum(0)
        search = scaled + reached * power_or_zero(before, -1.0) * search
    return found


def _column_sums(matrix: SparseMatrix, values: Tensor) -> Tensor:
    """Sums values of the entries of the transposed matrix, by column of the matrix."""
    lengths = matrix.transposed.crow_indices().diff()
    owners = torch.repeat_interleave(torch.arange(len(lengths)), lengths)
    return torch.bincount(owners, values.double(), minlength=len(lengths)).float()


def _diagonal_of_product(left: SparseMatrix, right: SparseMatrix) -> Tensor:
    """The diagonal of left^T @ right, float32 [n]: for each column, what both have in common."""
    num_columns = left.shape[1]
    keys = [
        torch.repeat_interleave(torch.arange(len(lengths)), lengths) * num_columns
        + one.rows.col_indices()
        for one in (left, right)
        for lengths in [one.rows.crow_indices().diff()]
    ]
    if not len(keys[1]):
        return torch.zeros(num_columns)
    # Keys ascend, because a coalesced matrix is in order of rows, then columns.
    places = torch.searchsorted(keys[1], keys[0]).clamp(max=len(keys[1]) - 1)
    same = keys[1][places] == keys[0]
    values = left.rows.values()[same] * right.rows.values()[places[same]]
    return torch.bincount(
        left.rows.col_indices()[same], values.double(), minlength=num_columns
    ).float()
