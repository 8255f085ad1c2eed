"""One numbering for the nodes of two releases, by id."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from graphrec.bundle import Bundle
from graphrec.bundle.norms import norms_of

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Nodes:
    """The nodes of one type in A, in B, or in both.

    A node has its row in A as its number; those that only B holds follow after.

    Args:
        num_a: How many A holds.
        of_b: int64 [num nodes in B], the number of each row of B.
    """

    num_a: int
    of_b: Numbers

    @classmethod
    def of(cls, ids_a: pa.Array, ids_b: pa.Array) -> "Nodes":
        """Numbers the nodes of one type by their ids.

        >>> Nodes.of(pa.array(["a", "c"]), pa.array(["b", "c"])).of_b.tolist()
        [2, 1]
        """
        found = pc.index_in(ids_b, value_set=ids_a)
        of_b = pc.fill_null(found, -1).to_numpy(zero_copy_only=False).astype(np.int64)
        new = of_b < 0
        of_b[new] = len(ids_a) + np.arange(np.count_nonzero(new))
        return cls(len(ids_a), of_b)

    @property
    def total(self) -> int:
        """How many nodes there are in A or B."""
        return self.num_a + int(np.count_nonzero(self.of_b >= self.num_a))

    @property
    def rows_in_both(self) -> tuple[Numbers, Numbers]:
        """The nodes that both hold: their rows in A, and in B."""
        rows_b = np.flatnonzero(self.of_b < self.num_a)
        return self.of_b[rows_b], rows_b

    def numbers(self, rows_of_b: Numbers) -> Numbers:
        """The numbers of rows of B; -1, for no row, stays."""
        return np.where(rows_of_b < 0, -1, self.of_b[rows_of_b])


def number_nodes(a: Bundle, b: Bundle) -> Mapping[str, Nodes]:
    """By type, for every type that A or B holds."""
    types = sorted({*a.node_types, *b.node_types})
    return {name: Nodes.of(_ids(a, name), _ids(b, name)) for name in types}


def known_in_both(a: Bundle, b: Bundle, nodes: Nodes, node_type: str) -> tuple[Numbers, Numbers]:
    """The nodes that both hold with a vector that is not zero: their rows in A, and in B."""
    rows_a, rows_b = nodes.rows_in_both
    known = (lengths(a, node_type)[rows_a] > 0) & (lengths(b, node_type)[rows_b] > 0)
    return rows_a[known], rows_b[known]


def lengths(bundle: Bundle, node_type: str) -> npt.NDArray[np.float64]:
    """The lengths of the vectors of one type."""
    norms = bundle.norms(node_type)
    return norms_of(bundle.vectors(node_type)) if norms is None else norms


def _ids(bundle: Bundle, node_type: str) -> pa.Array:
    if node_type not in bundle.node_types:
        return pa.array([], pa.string())
    return bundle.ids(node_type)
