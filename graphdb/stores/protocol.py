"""Defines the protocol of graph stores, and their shared checks.

A store's schema can grow but not shrink or change, so that stored data stays readable.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import NamedTuple, Protocol, Self, runtime_checkable

import pyarrow as pa

from graphdb.checked_schema import Schema
from graphdb.documents import read_json
from graphdb.errors import DataError, SchemaError, StoreError, nearest
from graphdb.schema_types import EVENT_ID, EdgeType, Kind, Property
from graphdb.stores.deletion import DeleteReport

STORE_FORMAT = "2"
"""The current store format; opening a store of format 1 for writing converts it."""

REJECT_COLUMNS = pa.schema(
    [
        ("table_name", Kind.STRING.arrow),
        ("file", Kind.STRING.arrow),
        ("row", Kind.INT.arrow),
        ("code", Kind.STRING.arrow),
        ("reason", Kind.STRING.arrow),
        ("column", Kind.STRING.arrow),
    ]
)
"""What ingest rejected: a row or, with a `column`, only the value of that optional property."""


def is_consequence(code: str) -> bool:
    """Returns whether a reject only follows from another: an edge lacks a node that was rejected.

    >>> is_consequence("rejected_target"), is_consequence("unknown_target")
    (True, False)
    """
    return code in ("rejected_source", "rejected_target")


class UpsertCounts(NamedTuple):
    """How many rows an upsert added, updated, left unchanged, superseded or ignored as forgotten.

    A superseded row differs from the stored one, which is newer and stays. A forgotten row names a
    forgotten node and is not written.
    """

    added: int = 0
    updated: int = 0
    unchanged: int = 0
    superseded: int = 0
    forgotten: int = 0

    def __add__(self, other: object) -> "UpsertCounts":
        if not isinstance(other, UpsertCounts):
            return NotImplemented
        return UpsertCounts(*(mine + theirs for mine, theirs in zip(self, other, strict=True)))


@runtime_checkable
class GraphStore(Protocol):
    """A store for one graph. Every implementation passes `tests/contracts/store.py`.

    Tables are Arrow tables with the columns of `Schema.columns`, in any order. Writes are upserts:
    rows with an existing key update the given columns, the others are added. A null counts as not
    given. One call is one atomic transaction.

    Edges whose time is not in their key (`Relation.newest_by`) do not depend on the order of
    writes: each value comes from the newest row that has it. Of two rows with the same time, the
    greater value wins. A row without a time is older than any row with one, and replaces another
    row without one.

    Rows that name a forgotten node (`delete_nodes(..., forget=True)`) are counted and not written.
    """

    @property
    def url(self) -> str:
        """The URL of this store."""
        ...

    @property
    def schema(self) -> Schema: ...

    @property
    def batch_rows(self) -> int:
        """The most rows for one upsert; more may not fit in memory."""
        ...

    def upsert_nodes(self, node_type: str, rows: pa.Table) -> UpsertCounts:
        """Adds or updates nodes of one type.

        Raises:
            SchemaError: A type or column is unknown, or a column has another Arrow type.
            DataError: A key is duplicated in `rows`, or a required value is missing.
        """
        ...

    def upsert_edges(
        self, edge_type: EdgeType, rows: pa.Table, *, as_newest: bool = False
    ) -> UpsertCounts:
        """Adds or updates edges of one type.

        Args:
            as_newest: Whether the rows replace existing ones regardless of their times.

        Raises:
            SchemaError: A type or column is unknown, or a column has another Arrow type.
            DataError: A key is duplicated in `rows`, a required value is missing, or an end names a
                node that the store does not have.
        """
        ...

    def read_nodes(
        self,
        node_type: str,
        *,
        columns: Sequence[str] | None = None,
        cutoff: datetime | None = None,
    ) -> pa.RecordBatchReader:
        """Reads all nodes of one type, sorted by key (Unicode code points).

        Args:
            columns: The columns, in order; by default all of the schema.
            cutoff: Excludes nodes created at or after this time.
        """
        ...

    def read_edges(
        self,
        edge_type: EdgeType,
        *,
        columns: Sequence[str] | None = None,
        cutoff: datetime | None = None,
    ) -> pa.RecordBatchReader:
        """Reads all edges of one type, sorted by `source_id`, `target_id` and the rest of the key.

        Args:
            columns: The columns, in order; by default all of the schema.
            cutoff: Excludes events at or after this time, edges that began since, and edges of
                nodes created since.
        """
        ...

    def edges_between(self, edge_type: EdgeType, pairs: pa.Table) -> pa.Table:
        """Reads the edges of one type between some pairs of nodes, in the order of `read_edges`.

        Args:
            pairs: `source_id` and `target_id`, at most a few hundred rows. Pairs without an edge,
                or with unknown nodes, give no rows.
        """
        ...

    def delete_nodes(
        self, node_type: str, ids: Iterable[str], *, forget: bool = False, dry_run: bool = False
    ) -> DeleteReport:
        """Deletes nodes with all their edges.

        In Neo4j a deletion of many edges takes several transactions. After an interruption, delete
        again: that completes it.

        Args:
            forget: Also mark the ids, known or not, so that later writes ignore rows that name
                them, and remove the rejects that name them.
            dry_run: Only count.

        Raises:
            SchemaError: The type is unknown.
        """
        ...

    def delete_edges(
        self, edge_type: EdgeType, edges: pa.Table, *, dry_run: bool = False
    ) -> DeleteReport:
        """Deletes edges of one type.

        Args:
            edges: `source_id` and `target_id`; of events that repeat, all between the two, or those
                with the given `at` and `event_id`.
            dry_run: Only count.

        Raises:
            SchemaError: The type is unknown, or the columns are others.
        """
        ...

    def lift_forgotten(self, node_type: str, ids: Iterable[str]) -> int:
        """Removes the marks of forgotten nodes, so that later writes may bring them back.

        Returns:
            How many of them had a mark.
        """
        ...

    def read_forgotten(self) -> pa.Table:
        """Reads the marks of forgotten nodes, sorted by type and digest (FORGOTTEN_COLUMNS)."""
        ...

    def counts(self) -> Mapping[str | EdgeType, int]:
        """Returns the number of rows per node type and edge type, including empty ones."""
        ...

    def replace_rejects(self, table_name: str, file: str, rejects: Iterable[pa.Table]) -> None:
        """Replaces the rejects of this table and file (columns of REJECT_COLUMNS)."""
        ...

    def read_rejects(self) -> pa.Table:
        """Reads all rejects, sorted by table, file and row (columns of REJECT_COLUMNS)."""
        ...

    def close(self) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...


def check_rows(schema: Schema, of: str | EdgeType, rows: pa.Table) -> None:
    """Checks columns, Arrow types and required values of a batch for an upsert.

    Raises:
        SchemaError: An unknown column, or one of another Arrow type.
        DataError: A required column is missing or has nulls.
    """
    columns = {column.name: column for column in schema.columns(of)}
    for field in rows.schema:
        if field.name not in columns:
            raise SchemaError(
                f"{of} has no column '{field.name}'",
                expected="one of " + ", ".join(columns),
                next_step=nearest(field.name, list(columns)),
                value=field.name,
            )
        wanted = columns[field.name].kind.arrow
        if field.type != wanted:
            raise SchemaError(
                f"{of}: column '{field.name}' is {field.type}",
                expected=str(wanted),
                value=field.type,
            )
    required = {name for name, column in columns.items() if column.required}
    for name in sorted(required | (set(schema.key(of)) - {EVENT_ID})):
        if name not in rows.column_names or rows[name].null_count:
            raise DataError(f"{of}: '{name}' is required in every row", value=name)


def wanted_columns(
    schema: Schema, of: str | EdgeType, wanted: Sequence[str] | None
) -> list[Property]:
    """Returns the columns to read, in the given order; by default all of the schema.

    Raises:
        SchemaError: There is no such column.
    """
    known = {column.name: column for column in schema.columns(of)}
    for name in wanted or ():
        if name not in known:
            raise SchemaError(
                f"{of} has no column '{name}'",
                expected="one of " + ", ".join(known),
                value=name,
            )
    return [known[name] for name in (known if wanted is None else wanted)]


def with_event_ids(rows: pa.Table) -> pa.Table:
    """Gives events without an `event_id` an empty one, because it is a part of their key."""
    if EVENT_ID not in rows.column_names:
        return rows.append_column(EVENT_ID, pa.repeat("", rows.num_rows))
    position = rows.column_names.index(EVENT_ID)
    return rows.set_column(position, EVENT_ID, rows[EVENT_ID].fill_null(""))


def kept_schema(declared: str, where: str) -> Schema:
    """Reads the schema that a store holds.

    Args:
        where: Path or URL of the store, for the message.

    Raises:
        StoreError: It is not one.
    """
    try:
        return Schema.from_dict(read_json(str(declared)))
    except (ValueError, SchemaError) as error:
        raise StoreError(
            f"the schema of the store '{where}' cannot be read: {error}",
            next_step="ingest into another store, or restore a backup of this one",
            value=where,
        ) from error


class Renamed(NamedTuple):
    """A column that has another name since format 2.

    Args:
        of: The node or edge type.
    """

    of: str | EdgeType
    old: str
    new: str


def upgraded_schema(declared: str, where: str) -> tuple[Schema, list[Renamed]]:
    """Reads the schema of a store of format 1 in the current names, and the columns to rename.

    In format 1 the channel of an event was its 'scene', a creator's followers were 'fans', and an
    event weight was called 'behaviour_weight'.

    Raises:
        StoreError: It is not a schema.
    """
    try:
        plain = read_json(str(declared))
        for relation in plain["relations"]:
            relation["event_weight"] = relation.pop("behaviour_weight", 0.0)
        followers = [
            column
            for node_type in plain["node_types"]
            for column in node_type.get("properties", ())
            if (node_type["name"], column["name"]) == ("Creator", "fans")
        ]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StoreError(f"the schema of the store '{where}' is damaged: {error}") from error
    for column in followers:
        column["name"] = "followers"
    schema = kept_schema(json.dumps(plain), where)
    renamed = [Renamed("Creator", "fans", "followers") for _ in followers]
    for edge_type in schema.edge_types():
        relation = schema.relation(edge_type.relation)
        if relation.is_event:
            renamed.append(Renamed(edge_type, "scene", "channel"))
            hidden = relation.value_times.get("channel")
            if hidden is not None:
                renamed.append(Renamed(edge_type, "_scene_at", hidden.name))
    return schema, renamed


def additions(kept: Schema, wanted: Schema) -> list[tuple[str | EdgeType, Property]]:
    """Returns the columns that `wanted` adds to the types of `kept`.

    Raises:
        SchemaError: `wanted` lacks a type or a property of `kept`, changes a property's kind or a
            type's key, or adds a required property to a type that may already have rows.
    """
    added: list[tuple[str | EdgeType, Property]] = []
    wanted_tables = set(wanted.tables())
    lost = [of for of in kept.tables() if of not in wanted_tables]
    if lost:
        raise SchemaError(
            f"the schema lacks '{lost[0]}', which the store has",
            next_step="extend the schema the store was made with",
            value=lost[0],
        )
    for of in kept.tables():
        if kept.key(of) != wanted.key(of):
            raise SchemaError(f"the schema gives {of} another key than the store has", value=of)
        before = {column.name: column for column in kept.columns(of)}
        after = {column.name: column for column in wanted.columns(of)}
        for name, column in before.items():
            if name not in after or after[name].kind != column.kind:
                raise SchemaError(
                    f"the schema drops or changes {of}.{name}, which the store has",
                    expected=f"{name} as {column.kind}",
                    value=name,
                )
        for name in after.keys() - before.keys():
            if after[name].required:
                raise SchemaError(
                    f"{of}.{name} is new and required, but the store may have rows without it",
                    next_step="make it optional",
                    value=name,
                )
        added += [(of, after[name]) for name in after if name not in before]
    return added
