"""Sparse times dense with a cheap backward pass, and some rows of a sparse matrix."""

from typing import Any

import torch

from training.sparse import SparseMatrix, csr

Tensor = torch.Tensor

_FEW = 1 / 8  # of the rows: above it, making all of them is cheaper than taking some apart


class _Product(torch.autograd.Function):
    """rows @ dense; the gradient is a product with the transpose that is at hand already.

    torch's own backward would transpose the matrix anew at every step.
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
    """The wanted rows of the product, in their order: [len(wanted), d]; as `multiply` else.

    A few rows are taken out of the matrix first. To take rows, and to turn them for the backward
    pass, costs several times as much per entry as to multiply them.
    """
    if len(wanted) < _FEW * matrix.shape[0]:
        return multiply(take_rows(matrix, wanted), dense)
    return multiply(matrix, dense)[wanted]


def take_rows(matrix: SparseMatrix, wanted: Tensor) -> SparseMatrix:
    """The wanted rows of a matrix, in their order: [len(wanted), n], on the same device."""
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
    """Columns and values of the wanted rows of a CSR matrix, one row after the other; lengths."""
    starts = rows.crow_indices()[wanted]
    lengths = rows.crow_indices()[wanted + 1] - starts
    shift = torch.repeat_interleave(starts - starts_of(lengths)[:-1], lengths)
    places = torch.arange(len(shift), device=wanted.device) + shift
    return rows.col_indices()[places], rows.values()[places], lengths


def owners_of(lengths: Tensor) -> Tensor:
    """For every entry of rows of such lengths, which row it is of: int64 [sum of lengths]."""
    return torch.repeat_interleave(torch.arange(len(lengths), device=lengths.device), lengths)


def starts_of(lengths: Tensor) -> Tensor:
    """Where each of so many entries begins, and the end of all: int64 [len(lengths) + 1]."""
    starts = torch.zeros(len(lengths) + 1, dtype=torch.int64, device=lengths.device)
    torch.cumsum(lengths, 0, out=starts[1:])
    return starts
