"""Edges as arrays of rows, before they get their ids and become a table."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from graphdb.schema_types import EdgeType
from graphdb.sources.synthetic.arrays import Positions, Rows


@dataclass(frozen=True, slots=True)
class Ties:
    """Edges of one type.

    Args:
        source, target: Node rows, each of shape [num_edges].
        columns: Properties by name, each of shape [num_edges]; times in microseconds.
    """

    source: Rows
    target: Rows
    columns: Mapping[str, npt.NDArray[Any]]

    def __len__(self) -> int:
        return len(self.source)

    def part(self, which: npt.NDArray[Any]) -> "Ties":
        columns = {name: values[which] for name, values in self.columns.items()}
        return Ties(self.source[which], self.target[which], columns)

    @property
    def pair(self) -> Positions:
        """One number per pair of ends."""
        return self.source.astype(np.int64) << 32 | self.target


TiesByType = dict[EdgeType, Ties]


def first_of_pairs(ties: Ties) -> Ties:
    """Only the first tie of each pair, in the given order.

    >>> rows = np.array([5, 5, 6], dtype=np.int32)
    >>> first_of_pairs(Ties(rows, rows, {"n": np.array([1, 2, 3])})).columns["n"].tolist()
    [1, 3]
    """
    return ties.part(first_rows_of_pairs(ties))


def first_rows_of_pairs(ties: Ties) -> Positions:
    """Where each pair comes first, ascending."""
    return np.sort(np.unique(ties.pair, return_index=True)[1])
