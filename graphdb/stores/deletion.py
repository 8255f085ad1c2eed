"""Defines deletions: the counts of what went, and the marks of forgotten nodes.

A forgotten node is deleted and marked, so that no later write brings it back. A mark holds the
SHA-256 of 'TYPE:ID' and not the id (docs/adr/085-forgetting.md).
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from graphdb.checked_schema import Schema
from graphdb.errors import SchemaError
from graphdb.schema_types import SOURCE_ID, TARGET_ID, EdgeType, Kind, Property

MARK = (
    Property("node_type", Kind.STRING, "Its type."),
    Property("digest", Kind.STRING, "What identifies it; see `digest`."),
    Property("forgotten_at", Kind.TIMESTAMP, "When it was forgotten."),
)
"""The columns of the marks of forgotten nodes."""
FORGOTTEN_COLUMNS = pa.schema([(column.name, column.kind.arrow) for column in MARK])

SHOWN_CHARACTERS = 60
"""How much of an id a reject shows."""
WHY_MISSING = ": row "
"""What follows the id in a reason if the row of the node was rejected."""


@dataclass(frozen=True, slots=True)
class DeleteReport:
    """What a deletion removed, or would remove.

    Args:
        rows: The removed rows by node type and edge type; types without any are left out.
        unknown: How many of the given nodes or edges the store did not have.
        rejects: Removed rejects that named a forgotten node.
        recommended: Removed RECOMMENDED relationships of a published release.
        forgotten: Nodes that got a mark now.
    """

    rows: Mapping[str | EdgeType, int] = field(default_factory=dict)
    unknown: int = 0
    rejects: int = 0
    recommended: int = 0
    forgotten: int = 0

    def __add__(self, other: "DeleteReport") -> "DeleteReport":
        rows = {
            of: self.rows.get(of, 0) + other.rows.get(of, 0) for of in {**self.rows, **other.rows}
        }
        return DeleteReport(
            rows,
            self.unknown + other.unknown,
            self.rejects + other.rejects,
            self.recommended + other.recommended,
            self.forgotten + other.forgotten,
        )

    @property
    def num_rows(self) -> int:
        """The number of removed nodes and edges."""
        return sum(self.rows.values())

    def to_dict(self) -> dict[str, Any]:
        """Returns plain data for JSON."""
        return {
            "rows": {str(of): number for of, number in self.rows.items()},
            "unknown": self.unknown,
            "rejects": self.rejects,
            "recommended": self.recommended,
            "forgotten": self.forgotten,
        }


def digest(node_type: str, node_id: str) -> str:
    """Returns what a mark holds of a node.

    >>> digest("User", "42")[:16]  # as of `printf User:42 | sha256sum`
    '933e3954c4555332'
    """
    return hashlib.sha256(f"{node_type}:{node_id}".encode()).hexdigest()


def missing_node(node_type: str) -> str:
    """Returns the reason of a reject that names an unknown node, up to the id."""
    return f"there is no {node_type} "


def named_nodes(schema: Schema, of: str | EdgeType) -> list[tuple[str, str]]:
    """Returns the columns of a table that name nodes, each with the type of the nodes."""
    if isinstance(of, EdgeType):
        return [(SOURCE_ID, of.source), (TARGET_ID, of.target)]
    return [(schema.node_type(of).key, of)]


def without_forgotten(
    schema: Schema, of: str | EdgeType, rows: pa.Table, forgotten: Mapping[str, set[str]]
) -> pa.Table:
    """Returns the rows that name no forgotten node.

    Args:
        forgotten: The digests of the marks by node type.
    """
    for column, node_type in named_nodes(schema, of):
        marked = forgotten.get(node_type)
        if marked:
            ids = pc.unique(rows[column])
            gone = [one for one in ids.to_pylist() if digest(node_type, one) in marked]
            named = pc.is_in(rows[column], value_set=pa.array(gone, pa.string()))
            rows = rows.filter(pc.invert(named))
    return rows


def edge_types_of(schema: Schema, node_type: str) -> list[EdgeType]:
    """Returns the edge types that begin or end at a node type."""
    return [one for one in schema.edge_types() if node_type in (one.source, one.target)]


def unique_ids(ids: Iterable[str]) -> pa.Table:
    """Returns given node ids as a table with the column `id`, each once."""
    return pa.table({"id": pa.array(dict.fromkeys(ids), pa.string())})


def check_edges(schema: Schema, edge_type: EdgeType, edges: pa.Table) -> pa.Table:
    """Returns the edges to delete, each once.

    Raises:
        SchemaError: An end is missing, or a column is not in the key of the edges.
    """
    declared = schema.arrow_schema(edge_type)
    allowed = list(dict.fromkeys((SOURCE_ID, TARGET_ID, *schema.key(edge_type))))
    names = edges.column_names
    for name in [*(end for end in (SOURCE_ID, TARGET_ID) if end not in names), *names]:
        if name not in names or name not in allowed:
            raise SchemaError(
                f"edges of {edge_type} cannot be deleted by the columns {', '.join(names)}",
                expected=f"source_id and target_id, and no others than {', '.join(allowed)}",
                value=name,
            )
    wanted = edges.cast(pa.schema([declared.field(name) for name in names]))
    return wanted.group_by(names).aggregate([])
