"""Defines the parts of a schema: properties, node types, edge types and relations.

`schema.py` declares the types; this module defines the classes.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

import pyarrow as pa

from graphdb.errors import SchemaError

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
        """Returns the type at the other end, or the same if both ends have one type."""
        return self.target if self.source == node_type else self.source


BACK = "~"


class Step(NamedTuple):
    """One edge type of a metapath, walked forwards (source to target) or backwards.

    >>> back = Step(EdgeType("Product", "MADE_BY", "Brand"), backwards=True)
    >>> back.source, back.relation, back.target
    ('Brand', '~MADE_BY', 'Product')
    """

    edge_type: EdgeType
    backwards: bool = False

    @property
    def source(self) -> str:
        """The node type where the step begins."""
        return self.edge_type.target if self.backwards else self.edge_type.source

    @property
    def target(self) -> str:
        """The node type where it ends."""
        return self.edge_type.source if self.backwards else self.edge_type.target

    @property
    def relation(self) -> str:
        """The relation, after '~' where it is walked backwards."""
        return (BACK if self.backwards else "") + self.edge_type.relation

    def reverse(self) -> "Step":
        """The same edge type, walked in the opposite direction."""
        return Step(self.edge_type, not self.backwards)


@dataclass(frozen=True, slots=True)
class MetaPath:
    """A chain of edge types, each walked along or against its direction.

    Args:
        source: The node type where it begins. Without steps it also ends there.
        steps: Each begins where the previous one ends.

    >>> carried = MetaPath.parse("Creator-PUBLISHED-Content-FEATURES-Product")
    >>> carried.source, carried.target, carried.reverse().relations
    ('Creator', 'Product', ('~FEATURES', '~PUBLISHED'))
    >>> str(carried + MetaPath.parse("Product-MADE_BY-Brand"))
    'Creator-PUBLISHED-Content-FEATURES-Product-MADE_BY-Brand'
    """

    source: str
    steps: tuple[Step, ...] = ()

    @classmethod
    def parse(cls, text: str) -> "MetaPath":
        """Parses 'Type-RELATION-Type' or a longer chain; '~RELATION' is walked backwards.

        Raises:
            SchemaError: The text has another form.
        """
        parts = text.split("-")
        if len(parts) % 2 == 0 or not all(parts):
            raise SchemaError(
                f"'{text}' is not a metapath",
                expected=f"Type-RELATION-Type or a longer chain; {BACK} in front of a "
                "relation reverses it",
                value=text,
            )
        steps = []
        for source, relation, target in zip(parts[::2], parts[1::2], parts[2::2], strict=False):
            if relation.startswith(BACK):
                edge_type = EdgeType(target, relation.removeprefix(BACK), source)
                steps.append(Step(edge_type, backwards=True))
            else:
                steps.append(Step(EdgeType(source, relation, target)))
        return cls(parts[0], tuple(steps))

    @property
    def target(self) -> str:
        """The node type where it ends."""
        return self.steps[-1].target if self.steps else self.source

    @property
    def edge_types(self) -> tuple[EdgeType, ...]:
        return tuple(step.edge_type for step in self.steps)

    @property
    def relations(self) -> tuple[str, ...]:
        """The relation of each step, after '~' where it is walked backwards."""
        return tuple(step.relation for step in self.steps)

    def reverse(self) -> "MetaPath":
        """The metapath from its target to its source."""
        return MetaPath(self.target, tuple(step.reverse() for step in reversed(self.steps)))

    def __add__(self, other: "MetaPath") -> "MetaPath":
        assert self.target == other.source, f"{other} does not begin where {self} ends"
        return MetaPath(self.source, self.steps + other.steps)

    def __str__(self) -> str:
        return "-".join([self.source, *(f"{one.relation}-{one.target}" for one in self.steps)])


@dataclass(frozen=True, slots=True)
class Property:
    """One typed column of a node type or relation, with the rules for its values.

    Args:
        minimum: The smallest allowed number.
        maximum: The largest allowed number.
        choices: The only allowed strings; empty means any.
        max_length: The longest allowed string, in characters.
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
    """A kind of node. Its key column comes from its name: `Product` has `product_id`."""

    name: str
    doc: str
    properties: tuple[Property, ...] = ()

    @property
    def key(self) -> str:
        return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", self.name).lower() + "_id"

    @property
    def columns(self) -> tuple[Property, ...]:
        """The key, the declared properties and `created_at`, in this order."""
        key = Property(
            self.key, Kind.STRING, f"Identifies the {self.name}.", required=True, max_length=256
        )
        created = Property(
            CREATED_AT,
            Kind.TIMESTAMP,
            "When it came to the platform. A snapshot with a cut-off excludes later nodes.",
        )
        return (key, *self.properties, created)


@dataclass(frozen=True, slots=True)
class Relation:
    """A kind of edge and the node types that it may connect.

    Args:
        ends: The allowed (source type, target type) pairs.
        is_event: A user action with a time: it has `at`, `count`, `value`, `channel`.
        repeats: One pair may have many such edges, distinguished by `at` and `event_id`.
        one_target: A source has at most one such edge; a new one replaces the old.
        event_weight: How much one event says about taste: 0 if it says nothing by itself, negative
            if it speaks against the target.
    """

    name: str
    doc: str
    ends: tuple[tuple[str, str], ...]
    properties: tuple[Property, ...] = ()
    is_event: bool = False
    repeats: bool = False
    one_target: bool = False
    event_weight: float = 0.0

    @property
    def key(self) -> tuple[str, ...]:
        """The columns that identify one edge; the same key again is an update."""
        if self.repeats:
            return (SOURCE_ID, TARGET_ID, OCCURRED_AT, EVENT_ID)
        return (SOURCE_ID,) if self.one_target else (SOURCE_ID, TARGET_ID)

    @property
    def newest_by(self) -> str | None:
        """The column whose greater value wins if a key is given again; None if it is in the key."""
        if self.repeats:
            return None
        return OCCURRED_AT if self.is_event else SINCE

    @property
    def value_times(self) -> Mapping[str, Property]:
        """The store columns with the time of each optional value, by the name of the value.

        The time is null if the value is as new as its row. A newer row without the value keeps
        the older value, and a row between the two in time must still be able to replace it.
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
    SINCE, Kind.TIMESTAMP, "When the edge began; empty means always. Cut-offs look at it."
)
_AT = Property(OCCURRED_AT, Kind.TIMESTAMP, "When it happened.", required=True)
_EVENT_ID = Property(
    EVENT_ID,
    Kind.STRING,
    "Order line, session or similar: distinguishes events of one pair at the same time.",
    max_length=256,
)
_EVENT_PROPERTIES = (
    Property(COUNT, Kind.INT, "How many units; empty means 1.", minimum=1),
    Property("value", Kind.FLOAT, "Money paid, in the shop's currency.", minimum=0),
    Property(
        "channel",
        Kind.STRING,
        "The channel of the platform where it happened.",
        choices=("short_video", "live", "shop", "search", "mall", "other"),
    ),
)
