"""What an index finds."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from graphrec.query.rows import NO_ROWS, Rows


@dataclass(frozen=True, slots=True, eq=False)
class Proposal:
    """Pairs to be scored exactly, and what finding them took.

    Args:
        positions: int64 [num_pairs], of the seed in its batch, ascending.
        rows: int64 [num_pairs], of the target.
        read_once: Numbers of vectors read here and there for all seeds together.
        read_in_line: Numbers read one after the other, of all seeds together.
        read_at_random: Numbers of vectors read here and there.
    """

    positions: Rows
    rows: Rows
    read_once: int
    read_in_line: int
    read_at_random: int

    @classmethod
    def joined(cls, parts: Sequence["Proposal"]) -> "Proposal":
        """Those of consecutive seeds as one."""
        if not parts:
            return cls(NO_ROWS, NO_ROWS, 0, 0, 0)
        return cls(
            np.concatenate([part.positions for part in parts]),
            np.concatenate([part.rows for part in parts]),
            sum(part.read_once for part in parts),
            sum(part.read_in_line for part in parts),
            sum(part.read_at_random for part in parts),
        )
