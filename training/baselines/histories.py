"""Models that score by what the seed took: a row of R times a matrix from targets to targets."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch

from training.gnn.products import gather_rows, starts_of
from training.sparse import csr, product, quiet

Tensor = torch.Tensor

_BLOCK_PRODUCTS = 2**25  # of the sparse product held at once: at most 0.8 GB


@dataclass(frozen=True, slots=True, eq=False)
class HistoryScorer:
    """scores = R W.

    Args:
        histories: R, CSR float32 [num_seeds, num_targets].
        weights: W, float32 [num_targets, num_targets], dense or coalesced COO; the
            column is the target that is scored.
    """

    histories: Tensor
    weights: Tensor

    @property
    def num_targets(self) -> int:
        return self.weights.shape[1]

    def scores(self, rows: Tensor) -> Tensor:
        taken = rows_of(self.histories, rows)
        if self.weights.is_sparse:
            return product(taken.to_sparse(), self.weights).to_dense()
        return taken @ self.weights


def csr_rows(matrix: Tensor) -> Tensor:
    """A coalesced COO matrix as CSR float32."""
    with quiet():
        return matrix.float().to_sparse_csr()


def rows_of(matrix: Tensor, wanted: Tensor) -> Tensor:
    """The wanted rows of a CSR matrix, in their order, as CSR [len(wanted), n]."""
    columns, values, lengths = gather_rows(matrix, wanted)
    return csr(starts_of(lengths), columns, values, (len(wanted), matrix.shape[1]))


def gram_blocks(matrix: Tensor) -> Iterator[tuple[int, Tensor]]:
    """R^T R in blocks of whole rows: the first row's number, and the rows as coalesced COO.

    A block is as tall as a bound on the entries that it can have allows.

    Args:
        matrix: R, coalesced COO [num_seeds, num_targets].
    """
    seeds, targets = matrix.indices()
    num_targets = matrix.shape[1]
    with quiet():
        transposed = matrix.t().coalesce().to_sparse_csr()
    most = torch.bincount(seeds, minlength=matrix.shape[0])[seeds]  # entries an entry can lead to
    per_row = torch.bincount(targets, weights=most.double(), minlength=num_targets)
    block_of_row = (per_row.cumsum(0) / _BLOCK_PRODUCTS).long()
    start = 0
    for height in torch.unique_consecutive(block_of_row, return_counts=True)[1].tolist():
        wanted = torch.arange(start, start + height)
        yield start, product(rows_of(transposed, wanted).to_sparse(), matrix)
        start += height
