"""Defines `Schema`: checked, whether it comes from TOML, a manifest, a store or Python.

Type names become names of files, tables and labels, so each must match a pattern.
"""

import hashlib
import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Any, TypeVar

import pyarrow as pa
from pydantic import (
    AllowInfNan,
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    ValidationError,
)

from graphdb.errors import SchemaError, nearest, shown
from graphdb.file_access import is_device
from graphdb.schema_types import EdgeType, Kind, MetaPath, NodeType, Property, Relation

NODE_NAME = re.compile(r"[A-Z][A-Za-z0-9]{0,62}")
RELATION_NAME = re.compile(r"[A-Z][A-Z0-9_]{0,62}")
PROPERTY_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")

Number = StrictInt | Annotated[StrictFloat, AllowInfNan(False)]
_FORBID = ConfigDict(frozen=True, extra="forbid")


class PlainProperty(BaseModel):
    """A property, as plain data; see `Property`."""

    model_config = _FORBID

    name: StrictStr
    kind: StrictStr
    doc: StrictStr
    required: StrictBool = False
    minimum: Number | None = None
    maximum: Number | None = None
    choices: tuple[StrictStr, ...] = ()
    max_length: StrictInt = Field(default=1000, ge=1)


class PlainNodeType(BaseModel):
    """A node type, as plain data; see `NodeType`."""

    model_config = _FORBID

    name: StrictStr
    doc: StrictStr
    properties: tuple[PlainProperty, ...] = ()


class PlainRelation(BaseModel):
    """A relation, as plain data; see `Relation`."""

    model_config = _FORBID

    name: StrictStr
    doc: StrictStr
    ends: tuple[tuple[StrictStr, StrictStr], ...]
    properties: tuple[PlainProperty, ...] = ()
    is_event: StrictBool = False
    repeats: StrictBool = False
    one_target: StrictBool = False
    event_weight: Number = 0.0


class PlainSchema(BaseModel):
    """A whole schema, as plain data."""

    model_config = _FORBID

    node_types: tuple[PlainNodeType, ...]
    relations: tuple[PlainRelation, ...]


def _plain_schema(data: object) -> PlainSchema:
    """Checks that plain data has the form of a schema; numbers stay as they are.

    Raises:
        SchemaError: It does not, or a name is duplicated; the message names the place.
    """
    try:
        plain = PlainSchema.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "it"
        raise SchemaError(f"the schema is damaged: {place}: {first['msg']}", value=place) from error
    _refuse_repeated((one.name for one in plain.node_types), "the schema has the node type")
    _refuse_repeated((one.name for one in plain.relations), "the schema has the relation")
    return plain


@dataclass(frozen=True, slots=True)
class Schema:
    """All node types and relations of a graph."""

    node_types: Mapping[str, NodeType]
    relations: Mapping[str, Relation]

    def __post_init__(self) -> None:
        _check_declared(self)
        for relation in self.relations.values():
            for end in {end for pair in relation.ends for end in pair}:
                if end not in self.node_types:
                    raise SchemaError(
                        f"relation {relation.name} ends at the unknown node type '{end}'",
                        next_step=nearest(end, list(self.node_types)),
                        value=end,
                    )

    def node_type(self, name: str) -> NodeType:
        """Returns the node type with that name, or raises a SchemaError with the nearest one."""
        return _look_up(name, self.node_types, "node type")

    def relation(self, name: str) -> Relation:
        """Returns the relation with that name, or raises a SchemaError with the nearest one."""
        return _look_up(name, self.relations, "relation")

    def edge_types(self) -> Iterator[EdgeType]:
        """All allowed (source, relation, target), in order of declaration."""
        for relation in self.relations.values():
            yield from relation.edge_types

    def tables(self) -> "list[str | EdgeType]":
        """Returns everything that has a table: the node types, then the edge types."""
        return [*self.node_types, *self.edge_types()]

    def edge_type(
        self, relation: str, source: str | None = None, target: str | None = None
    ) -> EdgeType:
        """Returns the edge type of a relation; source or target choose among several.

        Raises:
            SchemaError: The relation is unknown, or the ends fit none or several of its edge types.
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
                next_step=f"name its ends, such as {fitting[0]}" if fitting else None,
                value=(source, relation, target),
            )
        return fitting[0]

    def parse_edge_type(self, text: str) -> EdgeType:
        """Reads an edge type from a text such as 'User-PURCHASED-Product'."""
        parts = text.split("-")
        if len(parts) != 3:
            raise SchemaError(
                f"'{text}' is not an edge type", expected="Source-RELATION-Target", value=text
            )
        return self.edge_type(parts[1], parts[0], parts[2])

    def parse_metapath(self, text: str) -> MetaPath:
        """Reads a metapath of one step or more, such as 'User-WATCHED-Content-~PUBLISHED-Creator'.

        Raises:
            SchemaError: The text is not a metapath, or this schema lacks an edge type of it.
        """
        path = MetaPath.parse(text)
        if not path.steps:
            raise SchemaError(
                f"'{text}' is a metapath without steps",
                expected="Type-RELATION-Type or a longer chain",
                value=text,
            )
        for edge_type in path.edge_types:
            self.edge_type(edge_type.relation, edge_type.source, edge_type.target)
        return path

    def columns(self, of: str | EdgeType) -> tuple[Property, ...]:
        """Returns the columns of the table of a node type or an edge type, key first."""
        if isinstance(of, EdgeType):
            return self.relation(self.edge_type(of.relation, of.source, of.target).relation).columns
        return self.node_type(of).columns

    def stored_columns(self, of: str | EdgeType) -> tuple[Property, ...]:
        """Returns the columns of a table, followed by those that only stores have."""
        if isinstance(of, EdgeType):
            return (*self.columns(of), *self.relation(of.relation).value_times.values())
        return self.columns(of)

    def newest_by(self, of: str | EdgeType) -> str | None:
        """Returns `Relation.newest_by` of an edge type; None for nodes."""
        return self.relation(of.relation).newest_by if isinstance(of, EdgeType) else None

    def key(self, of: str | EdgeType) -> tuple[str, ...]:
        """Returns the columns that identify a row in the table of a node type or an edge type."""
        if isinstance(of, EdgeType):
            return self.relation(of.relation).key
        return (self.node_type(of).key,)

    def arrow_schema(self, of: str | EdgeType) -> pa.Schema:
        """Returns the Arrow schema of the full table of a node type or an edge type."""
        return pa.schema([(column.name, column.kind.arrow) for column in self.columns(of)])

    def to_dict(self) -> dict[str, Any]:
        """Returns plain data for manifests and stores; `from_dict` reads it."""
        return {
            "node_types": [asdict(node_type) for node_type in self.node_types.values()],
            "relations": [asdict(relation) for relation in self.relations.values()],
        }

    @classmethod
    def from_dict(cls, data: object) -> "Schema":
        """Reads and checks what `to_dict` returned.

        Raises:
            SchemaError: The data is not a schema; the message names the part.
        """
        plain = _plain_schema(data)
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
        """A sha256 (64 hex digits) that changes if and only if a declaration changes."""
        canonical = json.dumps(self.to_dict(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()


def _check_declared(schema: Schema) -> None:
    """Checks the names of all types and columns, and that each is declared once.

    Raises:
        SchemaError: A name is wrong; the message shows it.
    """
    if not schema.node_types:
        raise SchemaError("the schema declares no node types", expected="at least one")
    for name, node_type in schema.node_types.items():
        _check_name(name, NODE_NAME, "a node type", "Warehouse")
        _check_columns(name, node_type)
    for name, relation in schema.relations.items():
        _check_name(name, RELATION_NAME, "a relation", "STORED_IN")
        _check_columns(name, relation)
        _refuse_repeated(map("-".join, relation.ends), "the schema has the edge type")
        if relation.repeats and (relation.one_target or not relation.is_event):
            raise SchemaError(
                f"the relation {name} has repeats = true but is not an event",
                expected="is_event = true and one_target = false",
                value=name,
            )
    # Some file systems and databases ignore case.
    _refuse_repeated(
        map(str.lower, schema.node_types), "when case is ignored, the schema has the type"
    )


def _check_columns(name: str, of: NodeType | Relation) -> None:
    if of.name != name:
        raise SchemaError(f"'{of.name}' is declared as '{name}'", expected=name, value=of.name)
    for column in of.properties:
        _check_name(column.name, PROPERTY_NAME, f"a property of {name}", "material")
        for bound in (column.minimum, column.maximum):
            if bound is not None and not math.isfinite(bound):
                raise SchemaError(
                    f"{name}.{column.name} has the bound {bound}", expected="a number", value=bound
                )
    _refuse_repeated((column.name for column in of.columns), f"{name} has the property")


def _check_name(name: str, pattern: re.Pattern[str], of: str, example: str) -> None:
    if not pattern.fullmatch(name) or is_device(name):
        raise SchemaError(
            f"{name!r} cannot be the name of {of}",
            expected=f"a name like {example} ({pattern.pattern})",
            value=name,
        )


def _refuse_repeated(names: Iterable[str], what: str) -> None:
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise SchemaError(f"{what} '{repeated[0]}' twice", expected="it once", value=repeated[0])


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
