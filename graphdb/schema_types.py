"""What a schema is made of: properties, node types, relations, and the whole table of them.

The content (which types there are) stands in `schema.py`; this file only knows the shape.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, NamedTuple, TypeVar

import pyarrow as pa

from graphdb.errors import SchemaError, nearest, shown
from graphdb.schema_checks import (
    PlainNodeType,
    PlainRelation,
    check_declared,
    plain_schema,
)

SOURCE_ID = "source_id"
TARGET_ID = "target_id"
OCCURRED_AT = "at"
EVENT_ID = "event_id"
COUNT = "count"
SINCE = "since"
CREATED_AT = "created_at"


class Kind(StrEnum):
    """The value types a property can have. Timestamps are UTC, microseconds."""

    STRING = "string"
    INT = "int"
    FLOAT = "float"
    BOOL = "bool"
    TIMESTAMP = "timestamp"

    @property
    def arrow(self) -> pa.DataType:
        """The Arrow type that carries this kind in tables, stores and snapshots."""
        return _ARROW_TYPES[self]


_ARROW_TYPES: dict[Kind, pa.DataType] = {
    Kind.STRING: pa.string(),
    Kind.INT: pa.int64(),
    Kind.FLOAT: pa.float64(),
    Kind.BOOL: pa.bool_(),
    Kind.TIMESTAMP: pa.timestamp("us", tz="UTC"),
}


class EdgeType(NamedTuple):
    """One (source type, relation, target type), in PyG's order.

    >>> str(EdgeType("User", "PURCHASED", "Product"))
    'User-PURCHASED-Product'
    """

    source: str
    relation: str
    target: str

    def __str__(self) -> str:
        return "-".join(self)

    def other_end(self, node_type: str) -> str:
        """The type at the other end; the same where both ends are of one type."""
        return self.target if self.source == node_type else self.source


@dataclass(frozen=True, slots=True)
class Property:
    """One typed column of a node type or relation, with the rules a value must keep.

    Args:
        minimum: Smallest allowed value, for numbers.
        maximum: Largest allowed value, for numbers.
        choices: The only allowed values, for strings; empty means any.
        max_length: Longest allowed string, in characters.
    """

    name: str
    kind: Kind
    doc: str
    required: bool = False
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    max_length: int = 1000


@dataclass(frozen=True, slots=True)
class NodeType:
    """A kind of node. Its key column is derived from the name: `Product` has `product_id`."""

    name: str
    doc: str
    properties: tuple[Property, ...] = ()

    @property
    def key(self) -> str:
        return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", self.name).lower() + "_id"

    @property
    def columns(self) -> tuple[Property, ...]:
        """The key, then the declared properties, then when the node came to be."""
        key = Property(
            self.key, Kind.STRING, f"Identifies the {self.name}.", required=True, max_length=256
        )
        created = Property(
            CREATED_AT,
            Kind.TIMESTAMP,
            "When it came to the platform. A snapshot with a cut-off leaves out what came later.",
        )
        return (key, *self.properties, created)


@dataclass(frozen=True, slots=True)
class Relation:
    """A kind of edge and the types it may tie.

    Args:
        ends: The allowed (source type, target type) pairs.
        is_event: Something a user did at a moment: carries `at`, `count`, `value`, `scene`.
        repeats: One pair may have many such edges, told apart by `at` and `event_id`.
        one_target: A source has at most one such edge; a new one replaces the old.
        behaviour_weight: How much one event says about taste; 0 for what says nothing by itself,
            negative for what speaks against.
    """

    name: str
    doc: str
    ends: tuple[tuple[str, str], ...]
    properties: tuple[Property, ...] = ()
    is_event: bool = False
    repeats: bool = False
    one_target: bool = False
    behaviour_weight: float = 0.0

    @property
    def key(self) -> tuple[str, ...]:
        """The columns whose values identify one edge; the same key again is an update."""
        if self.repeats:
            return (SOURCE_ID, TARGET_ID, OCCURRED_AT, EVENT_ID)
        return (SOURCE_ID,) if self.one_target else (SOURCE_ID, TARGET_ID)

    @property
    def newest_by(self) -> str | None:
        """The column whose greater value stands where a key is given again; None if in the key."""
        if self.repeats:
            return None
        return OCCURRED_AT if self.is_event else SINCE

    @property
    def value_times(self) -> Mapping[str, Property]:
        """By optional column: what a store keeps of when its value was given.

        Empty in a row whose value is as new as the row. A newer row without the value keeps the
        older one, and a row between the two in time must still be able to replace it.
        """
        if self.newest_by is None:
            return {}
        optional = (column for column in self.columns if not column.required)
        return {
            column.name: Property(f"_{column.name}_at", Kind.TIMESTAMP, "When it was given.")
            for column in optional
            if column.name != self.newest_by
        }

    @property
    def columns(self) -> tuple[Property, ...]:
        ends = (
            Property(SOURCE_ID, Kind.STRING, "Key of the source node.", True, max_length=256),
            Property(TARGET_ID, Kind.STRING, "Key of the target node.", True, max_length=256),
        )
        event_id = (_EVENT_ID,) if self.repeats else ()
        carried = (_AT, *event_id, *_EVENT_PROPERTIES) if self.is_event else (_SINCE,)
        return (*ends, *carried, *self.properties)

    @property
    def edge_types(self) -> tuple[EdgeType, ...]:
        return tuple(EdgeType(source, self.name, target) for source, target in self.ends)


_SINCE = Property(
    SINCE, Kind.TIMESTAMP, "When the tie began; empty means always. Cut-offs look at it."
)
_AT = Property(OCCURRED_AT, Kind.TIMESTAMP, "When it happened.", required=True)
_EVENT_ID = Property(
    EVENT_ID,
    Kind.STRING,
    "Order line, session or the like: tells apart events of one pair at one moment.",
    max_length=256,
)
_EVENT_PROPERTIES = (
    Property(COUNT, Kind.INT, "How many at once; empty means 1.", minimum=1),
    Property("value", Kind.FLOAT, "Money paid, in the shop's currency.", minimum=0),
    Property(
        "scene",
        Kind.STRING,
        "Where on the platform it happened.",
        choices=("short_video", "live", "shop", "search", "mall", "other"),
    ),
)


@dataclass(frozen=True, slots=True)
class Schema:
    """All node types and relations of a graph; the only place that knows their names."""

    node_types: Mapping[str, NodeType]
    relations: Mapping[str, Relation]

    def __post_init__(self) -> None:
        check_declared(self)
        for relation in self.relations.values():
            for end in {end for pair in relation.ends for end in pair}:
                if end not in self.node_types:
                    raise SchemaError(
                        f"relation {relation.name} ends at the unknown node type '{end}'",
                        next_step=nearest(end, list(self.node_types)),
                        value=end,
                    )

    def node_type(self, name: str) -> NodeType:
        """The node type of that name; SchemaError with the nearest name otherwise."""
        return _look_up(name, self.node_types, "node type")

    def relation(self, name: str) -> Relation:
        """The relation of that name; SchemaError with the nearest name otherwise."""
        return _look_up(name, self.relations, "relation")

    def edge_types(self) -> Iterator[EdgeType]:
        """Every allowed (source, relation, target), in order of declaration."""
        for relation in self.relations.values():
            yield from relation.edge_types

    def tables(self) -> "list[str | EdgeType]":
        """Everything that has a table: the node types, then the edge types."""
        return [*self.node_types, *self.edge_types()]

    def edge_type(
        self, relation: str, source: str | None = None, target: str | None = None
    ) -> EdgeType:
        """The one edge type of a relation; source or target choose where it has several.

        Raises:
            SchemaError: The relation is unknown, or the ends fit none or several of its types.
        """
        allowed = self.relation(relation).edge_types
        fitting = [
            edge_type
            for edge_type in allowed
            if source in (None, edge_type.source) and target in (None, edge_type.target)
        ]
        if len(fitting) != 1:
            raise SchemaError(
                f"'{source or '*'}-{relation}-{target or '*'}' fits {len(fitting)} edge types",
                expected="exactly one of " + ", ".join(map(str, allowed)),
                value=(source, relation, target),
            )
        return fitting[0]

    def parse_edge_type(self, text: str) -> EdgeType:
        """Reads 'User-PURCHASED-Product'."""
        parts = text.split("-")
        if len(parts) != 3:
            raise SchemaError(
                f"'{text}' is not an edge type", expected="Source-RELATION-Target", value=text
            )
        return self.edge_type(parts[1], parts[0], parts[2])

    def columns(self, of: str | EdgeType) -> tuple[Property, ...]:
        """The columns of a node type's or an edge type's table, key first."""
        if isinstance(of, EdgeType):
            return self.relation(self.edge_type(of.relation, of.source, of.target).relation).columns
        return self.node_type(of).columns

    def stored_columns(self, of: str | EdgeType) -> tuple[Property, ...]:
        """The columns of a table, then what stores keep beside them; see `Relation.value_times`."""
        if isinstance(of, EdgeType):
            return (*self.columns(of), *self.relation(of.relation).value_times.values())
        return self.columns(of)

    def newest_by(self, of: str | EdgeType) -> str | None:
        """See `Relation.newest_by`; None for nodes."""
        return self.relation(of.relation).newest_by if isinstance(of, EdgeType) else None

    def key(self, of: str | EdgeType) -> tuple[str, ...]:
        """The columns that identify a row of a node type's or an edge type's table."""
        if isinstance(of, EdgeType):
            return self.relation(of.relation).key
        return (self.node_type(of).key,)

    def arrow_schema(self, of: str | EdgeType) -> pa.Schema:
        """The Arrow schema of a node type's or an edge type's full table."""
        return pa.schema([(column.name, column.kind.arrow) for column in self.columns(of)])

    def to_dict(self) -> dict[str, Any]:
        """Plain data: what manifests and stores keep, and `from_dict` reads back."""
        return {
            "node_types": [asdict(node_type) for node_type in self.node_types.values()],
            "relations": [asdict(relation) for relation in self.relations.values()],
        }

    @classmethod
    def from_dict(cls, data: object) -> "Schema":
        """What `to_dict` gave, which may come from anywhere.

        Raises:
            SchemaError: It is not what a schema gives; names the part.
        """
        plain = plain_schema(data)
        node_types = [
            NodeType(**{**dict(one), "properties": _properties(one)}) for one in plain.node_types
        ]
        relations = [
            Relation(**{**dict(one), "properties": _properties(one)}) for one in plain.relations
        ]
        return cls(
            {node_type.name: node_type for node_type in node_types},
            {relation.name: relation for relation in relations},
        )

    @property
    def fingerprint(self) -> str:
        """Changes when, and only when, something declared changes (sha256, 64 hex digits)."""
        canonical = json.dumps(self.to_dict(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()


def _properties(of: PlainNodeType | PlainRelation) -> tuple[Property, ...]:
    for one in of.properties:
        if one.kind not in list(Kind):
            raise SchemaError(
                f"{of.name}.{one.name} is of the unknown kind '{one.kind}'",
                expected="one of " + ", ".join(Kind),
                value=one.kind,
            )
    return tuple(Property(**{**dict(one), "kind": Kind(one.kind)}) for one in of.properties)


_T = TypeVar("_T")


def _look_up(name: str, known: Mapping[str, _T], what: str) -> _T:
    if not isinstance(name, str) or name not in known:
        named = f"'{name}'" if isinstance(name, str) else shown(name)
        raise SchemaError(
            f"unknown {what} {named}",
            expected="one of " + ", ".join(known),
            next_step=nearest(name, list(known)),
            value=name,
        )
    return known[name]
