"""What every graph store can do, and the way to open one."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import NamedTuple, Protocol, Self, runtime_checkable

import pyarrow as pa

from graphdb.schema_types import EdgeType, Kind, Schema

REJECT_COLUMNS = pa.schema(
    [
        ("table_name", Kind.STRING.arrow),
        ("file", Kind.STRING.arrow),
        ("row", Kind.INT.arrow),
        ("code", Kind.STRING.arrow),
        ("reason", Kind.STRING.arrow),
    ]
)


class UpsertCounts(NamedTuple):
    """What an upsert did to the rows it was given.

    Superseded ones say something else than what is stored, which is newer and stands.
    """

    added: int = 0
    updated: int = 0
    unchanged: int = 0
    superseded: int = 0

    def __add__(self, other: object) -> "UpsertCounts":
        if not isinstance(other, UpsertCounts):
            return NotImplemented
        return UpsertCounts(*(mine + theirs for mine, theirs in zip(self, other, strict=True)))


@runtime_checkable
class GraphStore(Protocol):
    """Where a graph lives. Every implementation passes `tests/contracts/store.py`.

    Tables are Arrow tables with the columns of `Schema.columns`; the order of columns is free.
    Writes are upserts: rows whose key exists are updated in the columns given, the others are
    added. A null is not given. One call is one transaction: it is written whole or not at all.

    Edges that have a time outside of their key (`Relation.newest_by`) end up the same in whatever
    order they are written: each value is the one of the newest row that gives it. Of two rows of
    one time the greater value stands; a row without a time is older than any with one, and
    replaces another without one.
    """

    @property
    def url(self) -> str:
        """How to open this store again."""
        ...

    @property
    def schema(self) -> Schema: ...

    @property
    def batch_rows(self) -> int:
        """How many rows one upsert should be given at most; more may not fit in memory."""
        ...

    def upsert_nodes(self, node_type: str, rows: pa.Table) -> UpsertCounts:
        """Adds or updates nodes of one type.

        Raises:
            SchemaError: An unknown type or column, or a column of another Arrow type.
            DataError: A key stands twice in `rows`, or a required value is missing.
        """
        ...

    def upsert_edges(
        self, edge_type: EdgeType, rows: pa.Table, *, as_newest: bool = False
    ) -> UpsertCounts:
        """Adds or updates edges of one type.

        Args:
            as_newest: The rows replace what is there, whatever its time.

        Raises:
            SchemaError: An unknown type or column, or a column of another Arrow type.
            DataError: A key stands twice in `rows`, a required value is missing, or an end
                names a node that the store does not have.
        """
        ...

    def read_nodes(
        self,
        node_type: str,
        *,
        columns: Sequence[str] | None = None,
        cutoff: datetime | None = None,
    ) -> pa.RecordBatchReader:
        """All nodes of one type, sorted by key (Unicode code points).

        Args:
            columns: Which columns, in which order; all of the schema's by default.
            cutoff: Leaves out nodes created at or after this moment.
        """
        ...

    def read_edges(
        self,
        edge_type: EdgeType,
        *,
        columns: Sequence[str] | None = None,
        cutoff: datetime | None = None,
    ) -> pa.RecordBatchReader:
        """All edges of one type, sorted by `source_id`, `target_id`, then the rest of the key.

        Args:
            columns: Which columns, in which order; all of the schema's by default.
            cutoff: Leaves out events at or after this moment, ties since then, and edges of
                nodes created since then.
        """
        ...

    def edges_between(self, edge_type: EdgeType, pairs: pa.Table) -> pa.Table:
        """The edges of one type between some pairs of nodes, in the order of `read_edges`.

        Args:
            pairs: `source_id` and `target_id`; a few hundred rows at most are meant. Pairs that
                no edge ties, or that name unknown nodes, bring nothing.
        """
        ...

    def counts(self) -> Mapping[str | EdgeType, int]:
        """Number of rows per node type and edge type, types without rows included."""
        ...

    def replace_rejects(self, table_name: str, file: str, rejects: Iterable[pa.Table]) -> None:
        """Makes `rejects` (columns of REJECT_COLUMNS) all that is kept for this table and file."""
        ...

    def read_rejects(self) -> pa.Table:
        """Every kept reject, sorted by table name, file and row; columns of REJECT_COLUMNS."""
        ...

    def close(self) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...
