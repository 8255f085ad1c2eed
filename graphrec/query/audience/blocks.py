"""Which columns of the vectors belong together, and users' vectors made comparable by block."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from graphrec.query.audience.directions import Matrix, Vector, some_known
from graphrec.query.space import Space

Columns = npt.NDArray[np.int64]


def shared_blocks(spaces: Mapping[str, Space], one: str, other: str) -> list[Columns]:
    """The columns that two node types both have, block by block.

    Encoders stand one behind the other in a vector, and each knows some node types only, the
    others having zeros there. So columns that the same node types have are of one block. A block
    that one of the two types lacks says nothing of how the two fit, and is left out.

    Args:
        spaces: The vectors of every node type, by name.

    >>> users = Space.of(np.array([[1, 2, 3, 4]], np.float32))
    >>> brands = Space.of(np.array([[5, 6, 0, 0]], np.float32))
    >>> contents = Space.of(np.array([[0, 7, 0, 8]], np.float32))
    >>> spaces = {"User": users, "Brand": brands, "Content": contents}
    >>> [columns.tolist() for columns in shared_blocks(spaces, "User", "Brand")]
    [[0], [1]]
    """
    has = {name: _columns_in_use(space) for name, space in spaces.items()}
    blocks: dict[tuple[bool, ...], list[int]] = {}
    for column, has_it in enumerate(zip(*has.values(), strict=True)):
        if has[one][column] and has[other][column]:
            blocks.setdefault(has_it, []).append(column)
    return [np.array(columns) for columns in blocks.values()]


@dataclass(frozen=True, slots=True, eq=False)
class BlockScale:
    """Users' vectors with each block at the square root of its length.

    At full length, heavy buyers would speak for all followers of a creator; at length 1, a user
    of whom one purchase is known would speak as loudly as they do. Then every block is stretched
    to the root mean square length that it had, so that blocks keep their weights in scores.

    Args:
        blocks: The columns that count; all others become zero.
        factors: What each block is stretched by.
    """

    blocks: Sequence[Columns]
    factors: Sequence[float]

    @classmethod
    def of(cls, users: npt.NDArray[np.float32], blocks: Sequence[Columns]) -> "BlockScale":
        """Measures users, float32 [num_users, dim]."""
        factors = []
        for columns in blocks:
            lengths = lengths_of(users[:, columns].astype(np.float64))
            total = lengths.sum()
            factors.append(float(np.sqrt((lengths * lengths).sum() / total)) if total else 0.0)
        return cls(blocks, factors)

    def placed(self, users: npt.NDArray[np.float32]) -> Matrix:
        """Some users, float64 [num_users, dim]."""
        found = np.zeros(users.shape)
        for columns, factor in zip(self.blocks, self.factors, strict=True):
            part = users[:, columns].astype(np.float64)
            lengths = lengths_of(part)
            some = lengths > 0
            scales = np.divide(factor, np.sqrt(lengths), out=np.zeros_like(lengths), where=some)
            found[:, columns] = part * scales[:, None]
        return found


def _columns_in_use(space: Space) -> npt.NDArray[np.bool_]:
    return np.asarray(some_known(space).any(axis=0))


def lengths_of(vectors: Matrix) -> Vector:
    """The length of each vector, float64 [num_vectors]."""
    found: Vector = np.sqrt((vectors * vectors).sum(axis=1))
    return found
