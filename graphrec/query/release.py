"""A bundle, with what questions need of it, worked out when first asked for, and whom they ask for.

Query nodes are nodes of the bundle, or a vector of someone who is not in it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from graphdb.errors import QueryError, shown
from graphdb.locking import ForkLock
from graphrec.bundle import Bundle
from graphrec.query.audience.served import Audiences
from graphrec.query.cold_start import ColdStart, Popularity
from graphrec.query.conditions import Columns, Mask
from graphrec.query.embeddings import EmbeddingMatrix, Rows, Similarity
from graphrec.query.filters import FilterMasks
from graphrec.query.fold_in import FoldIn
from graphrec.query.habits import HabitScores
from graphrec.query.index.base import ServedIndex
from graphrec.query.index.build import MIN_RECALL, read_exact_index
from graphrec.query.index.ivf import read_ivf
from graphrec.query.metapaths import Paths
from graphrec.query.names import Skipped
from graphrec.query.next_part import Step
from graphrec.query.options import RankOptions
from graphrec.query.reasons import Display, Reasons
from graphrec.query.results import Outcome, table_schema
from graphrec.query.seen import Seen, SeenRows
from graphrec.query.value import Values, value_factors, values_of

if TYPE_CHECKING:
    from graphrec.explain import Explainer
    from graphrec.query.policy import Rules

_MOST_FACTORS = 8
_MOST_RULES = 64
_USER, _PRODUCT = "User", "Product"


class Indexes:
    """Opens each index when it is first asked for. Safe to use from several threads.

    Args:
        space: Gives the vectors of a node type.
        min_recall: An approximate index that was measured to find less is not used.
    """

    def __init__(
        self,
        bundle: Bundle,
        space: Callable[[str], EmbeddingMatrix],
        min_recall: float = MIN_RECALL,
    ) -> None:
        self._bundle = bundle
        self._space = space
        self._min_recall = min_recall
        self._opened: dict[str, ServedIndex] = {}
        self._lock = ForkLock()

    def of(self, target_type: str, similarity: Similarity) -> ServedIndex | None:
        """The index for these questions; None where the bundle has none.

        Raises:
            BundleCorruptError: A file is not what it has to be.
            QueryError: The index is FAISS's, and FAISS is not installed.
        """
        name = f"{target_type}.{similarity}"
        if name not in self._bundle.manifest.indexes:
            return None
        targets = self._space(target_type)
        with self._lock:
            if name not in self._opened:
                self._opened[name] = self._open(name, targets)
            return self._opened[name]

    def _open(self, name: str, targets: EmbeddingMatrix) -> ServedIndex:
        entry = self._bundle.manifest.indexes[name]
        if entry.kind == "bounds":
            return ServedIndex(
                read_exact_index(self._bundle, entry, targets), entry, self._min_recall
            )
        path = self._bundle.file(entry.path("faiss"))
        return ServedIndex(read_ivf(path, entry, targets), entry, self._min_recall)


class ServedBundle:
    """One bundle being served. Nothing in it ever changes; safe to use from several threads."""

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        self.paths = Paths(bundle)
        self.columns = Columns(bundle)
        self.filter_masks = FilterMasks(bundle, self.paths, self.columns)
        self.cold_start = ColdStart(bundle)
        self.fold_in = FoldIn(bundle, self.paths)
        self.habits = HabitScores(bundle)
        self.popularity = Popularity(bundle, self.paths)
        self.display = Display(bundle, self.paths)
        self.reasons = Reasons(self.paths, self.display)
        self.indexes = Indexes(bundle, self.space)
        self.audiences = Audiences(bundle, self.paths, self.space)
        self._spaces: dict[str, EmbeddingMatrix] = {}
        self._apart: dict[str, EmbeddingMatrix] = {}
        edges = [one for one in bundle.schema.edge_types() if one.source == _PRODUCT]
        self._groups = {one.target for one in edges if one.target != _PRODUCT}
        self._factors: dict[tuple[str, float], Values] = {}
        self._sellable: dict[str, Mask | None] = {}
        self._seen_rows: dict[tuple[str, str, Seen], SeenRows] = {}
        self._answer_columns: dict[str, pa.Schema] = {}
        self._explainer: Explainer | None = None
        self._lock = ForkLock()

    def space(self, node_type: str) -> EmbeddingMatrix:
        """The vectors of a type, measured when first asked for.

        Raises:
            QueryError: The bundle has none for it.
        """
        if node_type not in self._spaces:
            with self._lock:
                if node_type not in self._spaces:
                    self._spaces[node_type] = EmbeddingMatrix.of(
                        self.bundle.vectors(node_type), self.bundle.norms(node_type)
                    )
        return self._spaces[node_type]

    def similarity_space(self, node_type: str) -> EmbeddingMatrix:
        """Where nodes of a type are compared with each other, worked out when first asked for.

        Users by their scores for products (`Directions`), what products belong to, such as
        brands, by what tells them apart (`EmbeddingMatrix.apart`), all else by their vectors.

        Raises:
            QueryError: The bundle has no vectors for the type.
        """
        if node_type == _USER:
            return self.audiences.users()
        space = self.space(node_type)
        if node_type not in self._groups:
            return space
        with self._lock:
            if node_type not in self._apart:
                self._apart[node_type] = space.apart()
            return self._apart[node_type]

    def sellable(self, node_type: str) -> Mask | None:
        """Which nodes can be bought, bool [num_nodes], read-only; None where all can."""
        if node_type not in self._sellable:
            self._sellable[node_type] = self.columns.sellable(node_type)
        return self._sellable[node_type]

    def seen_rows(self, query_type: str, target_type: str, rule: Seen) -> SeenRows:
        """A rule for these types, kept from one question to the next.

        Raises:
            InvalidFilterError: The rule names a relation or a category that there is not.
            QueryError: A relation says nothing about these types, or the bundle lacks its edges.
        """
        question = (query_type, target_type, rule)
        kept = self._seen_rows.get(question)
        if kept is None:
            kept = SeenRows(self.paths, query_type, target_type, rule)
            with self._lock:
                if len(self._seen_rows) >= _MOST_RULES:
                    del self._seen_rows[next(iter(self._seen_rows))]  # the oldest
                self._seen_rows[question] = kept
        return kept

    def explainer(self) -> "Explainer":
        """What explains answers, made when first asked for."""
        from graphrec.explain import Explainer  # which walks by the parts of this package

        with self._lock:
            if self._explainer is None:
                self._explainer = Explainer(self.bundle, self.paths)
            return self._explainer

    def answer_columns(self, node_type: str) -> pa.Schema:
        """The columns of tables of answers with targets of a type, kept."""
        if node_type not in self._answer_columns:
            self._answer_columns[node_type] = table_schema(self.bundle.schema, node_type)
        return self._answer_columns[node_type]

    def value_factors(self, node_type: str, value_weight: float) -> Values | None:
        """What scores of a type are to be stretched by; None where they are to stay as they are.

        Raises:
            QueryError: The bundle does not say how good these nodes are.
        """
        if not value_weight:
            return None
        with self._lock:
            kept = self._factors.get((node_type, value_weight))
        if kept is None:
            kept = value_factors(values_of(self.bundle, node_type), value_weight)
            with self._lock:
                if len(self._factors) >= _MOST_FACTORS:
                    del self._factors[next(iter(self._factors))]  # the oldest
                self._factors[node_type, value_weight] = kept
        return kept

    def warm_as(self, other: "ServedBundle") -> None:
        """Measures the vectors that another release had in use, so that no question waits."""
        for node_type in tuple(other._spaces):
            if self.bundle.has_vectors(node_type):
                self.space(node_type)
        self.audiences.warm_as(other.audiences)


@dataclass(frozen=True, slots=True, eq=False)
class QueryNodes:
    """A batch of queries, each with a vector.

    Args:
        type: Their node type; None where they are no nodes.
        space: Where their vectors are.
        rows: int64 [num_queries], their rows in `space`; for nodes their rows in the bundle.
        excluded: Target rows that must not come out for any of them.
        nodes: int64 [num_queries], the rows of nodes in the bundle, where those in `space` differ.
        recent: What a single query node did since the bundle was trained.
        skipped: What was named beside them and the bundle does not hold.
        outcome: What kind of answers they get.
        targets: What targets are ranked by where that is not their vectors.
        because: A phrase of `graphrec.query.facts` to give with every result, and the name in it.
    """

    type: str | None
    space: EmbeddingMatrix
    rows: Rows
    excluded: Rows | None = None
    targets: EmbeddingMatrix | None = None
    because: tuple[str, str] | None = None
    nodes: Rows | None = None
    recent: Sequence[Step] = ()
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
    held = release.bundle.find_row(query_type, query_id)
    row, known = (0, None) if held is None else (held, query_type)
    likes_all = np.ones((release.bundle.num_nodes(query_type) or 1, 1), dtype=np.float32)
    return QueryNodes(
        known,
        EmbeddingMatrix.of(likes_all),
        np.array([row]),
        targets=targets,
        because=("popular", query_type),
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


def excluded_rows(
    release: ServedBundle,
    rules: "Rules | None",
    queries: QueryNodes,
    target_type: str,
    seen: Seen | None,
) -> Sequence[Rows]:
    """Per query the rows that it must not get; empty for none at all."""
    query_type, shared = queries.type, queries.excluded
    if query_type is None:
        return () if shared is None else [shared] * len(queries)
    seen_by = None if seen is None else release.seen_rows(query_type, target_type, seen)
    itself = query_type == target_type
    if not (seen_by or itself or rules or shared is not None):
        return ()
    excluded = []
    for row in queries.node_rows.tolist():
        parts = [np.array([row])] if itself else []
        if shared is not None:
            parts.append(shared)
        if seen_by is not None:
            parts.append(seen_by.of(row))
        if rules is not None:
            parts.append(rules.excluded(query_type, row, target_type))
        excluded.append(np.concatenate(parts))
    return excluded


def sellable_targets(release: ServedBundle, target_type: str, question: RankOptions) -> Mask | None:
    """Which targets can be bought, where that matters; None where all may come out."""
    asked_for = question.filters is not None and question.filters.asks_for_unsellable()
    if target_type != "Product" or question.include_unsellable or asked_for:
        return None
    return release.sellable(target_type)
