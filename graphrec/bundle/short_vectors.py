"""Vectors in fewer bytes: float16 or int8 numbers, with a scale per row and one per column.

A number of a vector is code x scale of its row x scale of its column. Scales of columns are powers
of two, so only the first product rounds, and every reader gets the same float32 numbers. Columns of
one block can be a hundred times shorter than those of another; their scales keep both as exact.
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

VectorType = Literal["float32", "float16", "int8"]
"""How the numbers of vectors are written."""

Floats = npt.NDArray[np.float32]

MOST_CODE = 127
BYTES: dict[VectorType, int] = {"float32": 4, "float16": 2, "int8": 1}
_SCALE_BYTES = 4
_LEAST_SCALE = 2.0**-126  # the smallest normal float32
_BLOCK_ROWS = 8_192


@dataclass(frozen=True, slots=True, eq=False)
class ShortVectors:
    """The vectors of one node type as they are written.

    Args:
        codes: float16 or int8 [num_nodes, dim].
        row_scales: float32 [num_nodes], 0 or more; 0 exactly for zero vectors.
        column_scales: float32 [dim], powers of two.
    """

    codes: npt.NDArray[Any]
    row_scales: Floats
    column_scales: Floats

    @classmethod
    def of(cls, vectors: Floats, vector_type: VectorType) -> "ShortVectors":
        """Rounds vectors, float32 [num_nodes, dim].

        A vector of zeros stays one. Any other keeps a number that is not zero, if its largest is
        above 2^-118.

        Raises:
            ValueError: The type is float32, which has no codes.
        """
        if vector_type == "float32":
            raise ValueError("float32 vectors are written as they are")
        is_int = vector_type == "int8"
        num_rows, dim = vectors.shape
        columns = _column_scales(vectors) if is_int else np.ones(dim, dtype=np.float32)
        codes = np.zeros((num_rows, dim), dtype=vector_type)
        row_scales = np.zeros(num_rows, dtype=np.float32)
        for start in range(0, num_rows, _BLOCK_ROWS):
            rows = slice(start, start + _BLOCK_ROWS)
            block = vectors[rows].astype(np.float64) / columns
            largest = np.abs(block).max(axis=1, initial=0.0)
            scales = largest / MOST_CODE if is_int else _power_of_two(largest)
            scales[largest > 0] = np.maximum(scales[largest > 0], _LEAST_SCALE)
            row_scales[rows] = scales
            used = row_scales[rows].astype(np.float64)[:, None]
            shares = np.divide(block, used, out=np.zeros_like(block), where=used > 0)
            codes[rows] = np.clip(np.rint(shares), -MOST_CODE, MOST_CODE) if is_int else shares
        return cls(codes, row_scales, columns)

    def decoded(self) -> Floats:
        """The vectors that the codes stand for, float32 [num_nodes, dim]."""
        found = np.empty(self.codes.shape, dtype=np.float32)
        for start in range(0, len(found), _BLOCK_ROWS):
            rows = slice(start, start + _BLOCK_ROWS)
            np.multiply(self.codes[rows], self.row_scales[rows, None], out=found[rows])
            found[rows] *= self.column_scales
        return found


def rounded_to(vectors: Floats, vector_type: VectorType) -> Floats:
    """The vectors that a reader gets where these are written in a type, float32.

    >>> rounded_to(np.array([[0.5, -0.5], [0.0, 0.0]], np.float32), "int8").round(3).tolist()
    [[0.5, -0.5], [0.0, 0.0]]
    """
    if vector_type == "float32":
        return vectors
    return ShortVectors.of(vectors, vector_type).decoded()


def bytes_per_node(dim: int, vector_type: VectorType) -> int:
    """What one vector takes, with the scale of its row.

    >>> bytes_per_node(128, "int8"), bytes_per_node(128, "float32")
    (132, 512)
    """
    return dim * BYTES[vector_type] + (0 if vector_type == "float32" else _SCALE_BYTES)


def _column_scales(vectors: Floats) -> Floats:
    """The power of two nearest to each column's root mean square; 1 for columns of zeros."""
    squares = np.zeros(vectors.shape[1])
    for start in range(0, len(vectors), _BLOCK_ROWS):
        block = vectors[start : start + _BLOCK_ROWS].astype(np.float64)
        squares += (block * block).sum(axis=0)
    return _power_of_two(np.sqrt(squares / max(len(vectors), 1))).astype(np.float32)


def _power_of_two(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The power of two next to each value; 1 for 0."""
    known = np.where(values > 0, values, 1.0)
    found: npt.NDArray[np.float64] = np.exp2(np.clip(np.rint(np.log2(known)), -100, 100))
    return np.where(values > 0, found, 1.0)
