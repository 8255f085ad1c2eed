"""Defines the answers of queries as plain values, nodes, edges and paths, without driver types."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_LONGEST_NAME = 40


@dataclass(frozen=True, slots=True)
class FoundNode:
    """A node of the graph.

    Args:
        node_type: The type in the schema, or the label if the schema has no such type.
        node_id: The id; None if the schema has no such type.
        fields: The properties that the schema declares and that are set.
    """

    node_type: str
    node_id: str | None
    fields: Mapping[str, Any]

    def __str__(self) -> str:
        """Returns type, id and name.

        >>> str(FoundNode("Brand", "b1", {"name": "Acme"})), str(FoundNode("User", "u1", {}))
        ("Brand:b1 'Acme'", 'User:u1')
        """
        name = self.fields.get("title") or self.fields.get("name")
        node = self.node_type if self.node_id is None else f"{self.node_type}:{self.node_id}"
        return f"{node} '{_short(str(name))}'" if name else node

    def to_dict(self) -> dict[str, Any]:
        return {"type": self.node_type, "id": self.node_id, "fields": dict(self.fields)}


@dataclass(frozen=True, slots=True)
class FoundEdge:
    """A relationship. Its ends are known only if the query returns them too."""

    source: FoundNode
    relation: str
    target: FoundNode
    fields: Mapping[str, Any]

    def __str__(self) -> str:
        return self.relation

    def to_dict(self) -> dict[str, Any]:
        return {
            "source": self.source.to_dict(),
            "relation": self.relation,
            "target": self.target.to_dict(),
            "fields": dict(self.fields),
        }


@dataclass(frozen=True, slots=True)
class FoundPath:
    """Nodes and the edges between consecutive ones, in either direction."""

    nodes: tuple[FoundNode, ...]
    edges: tuple[FoundEdge, ...]

    def __str__(self) -> str:
        """Returns the path in Cypher's notation.

        >>> user, pan, brand = (FoundNode(*it, {}) for it in (("U", "u"), ("P", "p"), ("B", "b")))
        >>> edges = (FoundEdge(user, "PURCHASED", pan, {}), FoundEdge(pan, "MADE_BY", brand, {}))
        >>> str(FoundPath((user, pan, brand), edges)), str(FoundPath((brand, pan), edges[1:]))
        ('U:u -PURCHASED-> P:p -MADE_BY-> B:b', 'B:b <-MADE_BY- P:p')
        """
        return str(self.nodes[0]) + self.after_start()

    def after_start(self) -> str:
        """Returns the path without its first node."""
        text = ""
        for before, edge, after in zip(self.nodes, self.edges, self.nodes[1:], strict=False):
            forwards = edge.source == before
            text += f" -{edge.relation}-> {after}" if forwards else f" <-{edge.relation}- {after}"
        return text

    def to_dict(self) -> dict[str, Any]:
        return {
            "nodes": [node.to_dict() for node in self.nodes],
            "edges": [edge.to_dict() for edge in self.edges],
        }


Value = Any
"""A plain value (text, number, bool, datetime, None), one of the above, or a list of values."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The rows of a query.

    Args:
        columns: The names of the columns.
        rows: One list of values per row, in the order of `columns`.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[Value]]

    def to_dicts(self) -> list[dict[str, Any]]:
        """Returns the rows as plain data; times are datetimes."""
        return [dict(zip(self.columns, map(_plain, row), strict=True)) for row in self.rows]


def _plain(value: Value) -> Any:
    if isinstance(value, list):
        return [_plain(entry) for entry in value]
    if isinstance(value, dict):
        return {name: _plain(entry) for name, entry in value.items()}
    return value.to_dict() if isinstance(value, FoundNode | FoundEdge | FoundPath) else value


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + "…"
