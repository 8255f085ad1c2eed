"""Whom one asks for: nodes of the bundle, or a vector of someone who is not in it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from graphdb.errors import QueryError, shown
from graphrec.query.embeddings import EmbeddingMatrix, Rows
from graphrec.query.names import Skipped
from graphrec.query.release import ServedBundle
from graphrec.query.results import Outcome


@dataclass(frozen=True, slots=True, eq=False)
class QueryNodes:
    """A batch of queries, each with a vector.

    Args:
        type: Their node type; None where they are no nodes.
        space: Where their vectors are.
        rows: int64 [num_queries], their rows in `space`; for nodes their rows in the bundle.
        excluded: Target rows that must not come out for any of them.
        nodes: int64 [num_queries], the rows of nodes in the bundle, where those in `space` differ.
        skipped: What was named beside them and the bundle does not hold.
        outcome: What kind of answers they get.
        targets: What targets are ranked by where that is not their vectors.
        because: A reason to give with every result.
    """

    type: str | None
    space: EmbeddingMatrix
    rows: Rows
    excluded: Rows | None = None
    targets: EmbeddingMatrix | None = None
    because: str | None = None
    nodes: Rows | None = None
    skipped: tuple[Skipped, ...] = ()
    outcome: Outcome = Outcome.ANSWERED

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def node_rows(self) -> Rows:
        """Their rows in the bundle."""
        return self.rows if self.nodes is None else self.nodes

    def part(self, positions: Rows) -> "QueryNodes":
        """Some of them."""
        nodes = None if self.nodes is None else self.nodes[positions]
        return replace(self, rows=self.rows[positions], nodes=nodes)

    def known(self) -> npt.NDArray[np.int64]:
        """The positions of those with a vector that is not zero."""
        return np.flatnonzero(~self.space.zero[self.rows])


def queries_by_row(release: ServedBundle, query_type: str, query_rows: npt.ArrayLike) -> QueryNodes:
    """Nodes of one type.

    Raises:
        QueryError: The type has no vectors, or no such row.
    """
    space = release.space(query_type)
    rows = _whole_numbers(query_rows)
    outside = rows[(rows < 0) | (rows >= len(space))]
    if len(outside):
        raise QueryError(
            f"there is no {query_type} row {outside[0]}",
            expected=f"0 to {len(space) - 1}",
            value=int(outside[0]),
        )
    return QueryNodes(query_type, space, rows)


def _whole_numbers(query_rows: npt.ArrayLike) -> Rows:
    try:
        rows = np.asarray(query_rows)
        fits = rows.ndim == 1 and (np.issubdtype(rows.dtype, np.integer) or not rows.size)
    except (TypeError, ValueError, OverflowError):
        fits = False
    if not fits:
        raise QueryError(
            f"query_rows is {shown(query_rows)}",
            expected="a list of whole numbers",
            value=query_rows,
        )
    return rows.astype(np.int64)


def queries_by_id(release: ServedBundle, query_type: str, query_ids: Sequence[str]) -> QueryNodes:
    """Nodes of one type that the model knows something about.

    Raises:
        UnknownIdError: No node of that type has one of the ids.
        QueryError: The type has no vectors, or a query node's vector is zero.
    """
    rows = np.array([release.bundle.row_of(query_type, one) for one in query_ids], np.int64)
    zero = release.space(query_type).zero[rows]
    for query_id, is_zero in zip(query_ids, zero, strict=True):
        if is_zero:
            raise QueryError(
                f"the bundle knows nothing about {query_type} '{query_id}': its vector is zero",
                next_step="train on a snapshot in which it has edges",
                value=query_id,
            )
    return queries_by_row(release, query_type, rows)


def popular_query(
    release: ServedBundle, query_type: str, query_id: str, target_type: str
) -> QueryNodes:
    """One query node that nothing is known about: whatever is popular is for it.

    A node of the bundle is asked for as itself, so that what it has seen and its own blocks are
    excluded.

    Raises:
        QueryError: What is popular among the targets is unknown.
    """
    targets = release.popularity.space(target_type)
    because = f"popular: nothing is known about this {query_type}"
    held = release.bundle.find_row(query_type, query_id)
    row, known = (0, None) if held is None else (held, query_type)
    likes_all = np.ones((release.bundle.num_nodes(query_type) or 1, 1), dtype=np.float32)
    return QueryNodes(
        known,
        EmbeddingMatrix.of(likes_all),
        np.array([row]),
        targets=targets,
        because=because,
        outcome=Outcome.POPULAR,
    )


def vector_query(
    vector: npt.ArrayLike, dim: int, excluded: Rows, skipped: tuple[Skipped, ...] = ()
) -> QueryNodes:
    """One query node that is no node.

    Args:
        vector: float32 [dim], not zero.
        excluded: Target rows that must not come out.
        skipped: What was named beside it and the bundle does not hold.

    Raises:
        QueryError: The vector is of another length, zero or not finite.
    """
    try:
        with np.errstate(over="ignore"):
            array = np.asarray(vector, dtype=np.float32)
    except (TypeError, ValueError, OverflowError) as error:
        raise QueryError(
            f"the vector to recommend for is {shown(vector)}",
            expected=f"{dim} finite numbers",
            value=vector,
        ) from error
    if array.shape != (dim,) or not np.isfinite(array).all() or not array.any():
        raise QueryError(
            f"the vector to recommend for has shape {list(array.shape)}, or is zero or not finite",
            expected=f"{dim} finite numbers, not all zero, such as `embed_new` gives",
            value=vector,
        )
    return QueryNodes(
        None,
        EmbeddingMatrix.of(array[None]),
        np.zeros(1, dtype=np.int64),
        excluded,
        skipped=skipped,
    )
