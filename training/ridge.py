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

from training.sparse_ops import SparseMatrix, csr, power_or_zero

Tensor = torch.Tensor

_MOST_STEPS = 100
_OVERSAMPLING = 32
_NOISE = 1e-6  # share of the largest eigenvalue; smaller ones are rounding


@dataclass(frozen=True, slots=True, eq=False)
class CrossCounts:
    """A ridge regression forwards, from X to Y, and backwards, from Y to X, as one.

    C = X^T Y + backward Y^T X, without its diagonal, and G = X^T X + backward Y^T Y. Weights are
    (G + regularisation I)^-1 C. With features F, each column has a weight of its own and shares
    those of its features, so that columns with few entries learn from those like them: weights are
    P Z, with P = [I F] and Z = (P^T G P + regularisation I)^-1 P^T C.

    Args:
        past: X, float32 [num_rows, n].
        following: Y, float32 [num_rows, n].
        backward: How much what came before counts as following, 0 or more.
        regularisation: Above 0; a larger one trusts rare pairs less.
        features: F, float32 [n, num_features]; None for no features.
        tolerance: The share of a residual at which the solution is good enough.
    """

    past: SparseMatrix
    following: SparseMatrix
    backward: float
    regularisation: float
    features: SparseMatrix | None = None
    tolerance: float = 1e-4

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
        """The weights for a right side in the place of C, by conjugate gradients.

        The preconditioner is the diagonal of G, and for features their share of it.
        """
        squares = self._squares()
        features = self.features
        if features is None:
            scale = 1 / (squares + self.regularisation)
            return conjugate_gradients(
                lambda dense: self._gram(dense) + self.regularisation * dense,
                scale,
                right,
                self.tolerance,
            )
        num, own = len(squares), features.transposed
        shares = csr(
            own.crow_indices(), own.col_indices(), own.values().square(), features.shape[::-1]
        )
        scale = 1 / (torch.cat([squares, shares @ squares]) + self.regularisation)

        def spread(dense: Tensor) -> Tensor:  # P @ dense
            return dense[:num] + features.rows @ dense[num:]

        def gathered(dense: Tensor) -> Tensor:  # P^T @ dense
            return torch.cat([dense, own @ dense])

        def multiply(dense: Tensor) -> Tensor:
            return gathered(self._gram(spread(dense))) + self.regularisation * dense

        found = conjugate_gradients(multiply, scale, gathered(right), self.tolerance)
        return spread(found)

    def sums(self) -> Tensor:
        """The column sums of C, float32 [n]."""
        ones = torch.ones(self.past.shape[1], 1)
        return self.cross(ones, transposed=True)[:, 0].clamp(min=0)

    def _gram(self, dense: Tensor) -> Tensor:
        """G @ dense."""
        found = self.past.transposed @ (self.past.rows @ dense)
        if self.backward:
            following = self.following
            found += self.backward * (following.transposed @ (following.rows @ dense))
        return found

    def _squares(self) -> Tensor:
        """The diagonal of G, [n, 1]."""
        past, following = (
            _column_sums(one, one.transposed.values().square())
            for one in (self.past, self.following)
        )
        return (past + self.backward * following)[:, None]

    def _diagonal(self) -> Tensor:
        """The diagonal of X^T Y + backward Y^T X."""
        return (1 + self.backward) * _diagonal_of_product(self.past, self.following)


def reduced_rank(
    counts: CrossCounts, rank: int, exponent: float, iterations: int, seed: int
) -> tuple[Tensor, Tensor]:
    """The best weights of low rank W = A B^T from past to following, for columns of equal worth.

    The ridge regression is W = G^-1 C, G with the ridge (with features, `solve` takes the place of
    G^-1). Of C D^-exponent, where D are the column sums of C, the eigenvectors V of
    (C D^-e)^T G^-1 (C D^-e) span what explains most of what followed; then A = G^-1 C D^-e V and
    B = D^e V, with the eigenvalues divided evenly between both.

    Args:
        rank: At most the number of columns.
        exponent: From 0, each following event counts the same, to 1, each column does.
        iterations: Subspace iterations.
        seed: The seed of the random projection.

    Returns:
        A and B, float32 [n, rank] each. Rows of A are exactly zero for what never came before
        anything and has no feature, rows of B for what never followed anything. With `backward`,
        what followed something also came before something, and the other way round.
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
    multiply: Callable[[Tensor], Tensor], scale: Tensor, right: Tensor, tolerance: float
) -> Tensor:
    """Solves G x = right for every column, G symmetric and positive definite.

    Args:
        multiply: Gives G @ dense.
        scale: The preconditioner, [n, 1].
        right: float32 [n, width]; a row of zeros that G leaves alone stays exactly zero.
        tolerance: The share of a residual, as the preconditioner measures it, at which to stop.
    """
    found, residual = torch.zeros_like(right), right.clone()
    scaled = scale * residual
    search, reached = scaled.clone(), (residual * scaled).sum(0)
    wanted = tolerance**2 * reached
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
