"""Truncated SVD of a large sparse matrix by random projection, on any torch device.

Halko, Martinsson and Tropp, "Finding structure with randomness", SIAM Review 53 (2011).
"""

from typing import NamedTuple

import torch

from graphdb.errors import TrainingError
from training.sparse import SparseMatrix

Tensor = torch.Tensor


_NOISE = 1e-4  # of the largest singular value; what lies below is rounding


class Svd(NamedTuple):
    """A ~ left @ diag(values) @ right.T; values fall, columns of left and right are orthonormal.

    Rows of `left` and `right` are exactly zero where A has no entries. Where A is of lower rank
    than k, the last columns belong to values that are rounding, and are arbitrary.
    """

    left: Tensor  # [m, k]
    values: Tensor  # [k]
    right: Tensor  # [n, k]

    def without_noise(self) -> "Svd":
        """The same with zeros for values that are rounding, and for their columns."""
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

    Algorithm 4.4 (power iterations with re-orthogonalisation) finds what the matrix can reach,
    Algorithm 5.1 factors the matrix within it. Deviations:

    - The basis is always that of the shorter side, where a QR is cheap, and there is one QR per
      power iteration instead of two. In float32 this blurs singular values below about 1/1000 of
      the largest, which no recommender keeps.
    - The small factor is reduced by a QR of its transpose before its SVD: it is far wider than
      tall.
    - Signs are fixed: the entry of largest magnitude of every right vector is positive.
    - Rows without entries are set to zero. A QR leaves rounding there, about 1e-7, which has a
      direction and a length like what was learned, and differs from processor to processor.

    Args:
        rank: How many; at most the smaller side of the matrix.
        power_iterations: More sharpen the small singular values, each at the price of two products.
        oversampling: Extra directions carried along and dropped at the end.
        seed: Of the random projection. Equal seeds give equal results on one machine.

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
        raise TrainingError("the matrix to factor has entries that are not finite")
    is_tall = matrix.shape[0] > matrix.shape[1]
    wide = matrix.transpose() if is_tall else matrix  # [m, n], m <= n
    width = min(rank + oversampling, smaller_side)
    basis = _range_basis(wide, width, power_iterations, seed)  # [m, l]
    core = wide.transposed @ basis  # B^T, [n, l]
    core_basis, triangle = torch.linalg.qr(core)  # [n, l], [l, l]; B = triangle^T core_basis^T
    left, values, right_t = torch.linalg.svd(triangle.T)
    short, long = basis @ left[:, :rank], core_basis @ right_t[:rank].T
    left, right = (long, short) if is_tall else (short, long)
    left, right = left * _has_entries(matrix.rows), right * _has_entries(matrix.transposed)
    return _with_fixed_signs(Svd(left, values[:rank], right))


def _range_basis(matrix: SparseMatrix, width: int, power_iterations: int, seed: int) -> Tensor:
    """Orthonormal columns that span nearly all of what the matrix reaches (Algorithm 4.4)."""
    values = matrix.rows.values()
    generator = torch.Generator().manual_seed(seed)  # on the CPU: the same draw on every device
    start = torch.randn(matrix.shape[1], width, generator=generator, dtype=values.dtype)
    basis: Tensor = torch.linalg.qr(matrix.rows @ start.to(values.device)).Q  # [m, l]
    for _ in range(power_iterations):
        basis = torch.linalg.qr(matrix.rows @ (matrix.transposed @ basis)).Q
    return basis


def _has_entries(rows: Tensor) -> Tensor:
    """Which rows of a CSR matrix hold anything but zeros, bool [num_rows, 1]."""
    has_entries = torch.zeros(rows.shape[0], 1, dtype=torch.bool, device=rows.device)
    row_of_entry = torch.repeat_interleave(rows.crow_indices().diff())
    has_entries[row_of_entry[rows.values() != 0]] = True
    return has_entries


def _with_fixed_signs(svd: Svd) -> Svd:
    largest = svd.right.abs().argmax(dim=0, keepdim=True)
    signs = torch.where(svd.right.gather(0, largest) < 0, -1.0, 1.0).to(svd.values.dtype)
    return Svd(svd.left * signs, svd.values, svd.right * signs)
