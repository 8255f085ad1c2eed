"""Extends the schema from a TOML file: new properties, node types and relations.

[node.Product.property.material]
kind = "string"
doc = "What it is made of."

[node.Warehouse]
doc = "Where stock lies."

[relation.STORED_IN]
doc = "Has stock there."
ends = [["Product", "Warehouse"]]
"""

import re
from dataclasses import replace
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, model_validator

from graphdb.errors import SchemaError, nearest
from graphdb.schema import SCHEMA
from graphdb.schema_checks import NODE_NAME, PROPERTY_NAME, RELATION_NAME
from graphdb.schema_types import Kind, NodeType, Property, Relation, Schema
from graphdb.toml_file import TomlFile

_FORBID = ConfigDict(frozen=True, extra="forbid")


class PropertyEntry(BaseModel):
    """A property, as a TOML file declares it. See `Property`."""

    model_config = _FORBID

    kind: Kind
    doc: str = ""
    required: bool = False
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    max_length: int = Field(default=1000, ge=1, le=100_000)


class NodeEntry(BaseModel):
    """A node type, new or known: its properties are added to what there is."""

    model_config = _FORBID

    doc: str = ""
    property: dict[str, PropertyEntry] = {}


class RelationEntry(BaseModel):
    """A relation, new or known: ends and properties are added to what there is."""

    model_config = _FORBID

    doc: str = ""
    ends: tuple[tuple[str, str], ...] = ()
    property: dict[str, PropertyEntry] = {}
    is_event: bool = False
    repeats: bool = False
    one_target: bool = False
    behaviour_weight: float = Field(default=0.0, ge=-100, le=100)

    @model_validator(mode="after")
    def _fits_together(self) -> "RelationEntry":
        if self.repeats and not self.is_event:
            raise ValueError("only events can repeat; set is_event = true")
        if self.repeats and self.one_target:
            raise ValueError("a relation with one target per source cannot repeat")
        return self


class SchemaFile(BaseModel):
    """A whole schema extension."""

    model_config = _FORBID

    node: dict[str, NodeEntry] = {}
    relation: dict[str, RelationEntry] = {}


def extend_schema(path: str | Path, base: Schema = SCHEMA) -> Schema:
    """The base schema with what a TOML file adds to it.

    Raises:
        SchemaError: The file is not valid; the message names the line and the nearest valid key.
    """
    file = TomlFile(path, SchemaFile, SchemaError)
    node_types = dict(base.node_types)
    for name, node in file.content.node.items():
        _check_name(file, ("node", name), NODE_NAME, "Warehouse")
        known = node_types.get(name, NodeType(name, node.doc))
        added = _properties(file, ("node", name), node.property, known.columns)
        node_types[name] = replace(known, properties=known.properties + added)
    relations = dict(base.relations)
    for name, entry in file.content.relation.items():
        _check_name(file, ("relation", name), RELATION_NAME, "STORED_IN")
        _check_ends(file, name, entry, list(node_types), is_new=name not in relations)
        extended = relations.get(name) or _new_relation(name, entry)
        relations[name] = replace(
            extended,
            ends=tuple(dict.fromkeys((*extended.ends, *entry.ends))),
            properties=extended.properties
            + _properties(file, ("relation", name), entry.property, extended.columns),
        )
    return Schema(node_types, relations)


def _new_relation(name: str, entry: RelationEntry) -> Relation:
    return Relation(
        name,
        entry.doc,
        (),
        is_event=entry.is_event,
        repeats=entry.repeats,
        one_target=entry.one_target,
        behaviour_weight=entry.behaviour_weight,
    )


def _properties(
    file: TomlFile[SchemaFile],
    where: tuple[str, str],
    entries: dict[str, PropertyEntry],
    taken: tuple[Property, ...],
) -> tuple[Property, ...]:
    for name in entries:
        here = (*where, "property", name)
        _check_name(file, here, PROPERTY_NAME, "material")
        if name in {column.name for column in taken}:
            what = f"{where[1]} has a property '{name}' already"
            raise file.error(here, what, expected="a new name", value=name)
    return tuple(Property(name, **dict(entry)) for name, entry in entries.items())


def _check_ends(
    file: TomlFile[SchemaFile],
    name: str,
    entry: RelationEntry,
    node_types: list[str],
    *,
    is_new: bool,
) -> None:
    if not entry.ends and is_new:
        what = f"the new relation {name} ties nothing"
        raise file.error(("relation", name), what, expected='ends = [["Source", "Target"], ...]')
    for end in (end for pair in entry.ends for end in pair):
        if end not in node_types:
            what = f"{name} ends at the unknown node type '{end}'"
            suggestion = nearest(end, node_types)
            raise file.error(("relation", name, "ends"), what, next_step=suggestion, value=end)


def _check_name(
    file: TomlFile[SchemaFile], where: tuple[str, ...], pattern: re.Pattern[str], example: str
) -> None:
    if not pattern.fullmatch(where[-1]):
        what = f"'{where[-1]}' cannot be a name here"
        raise file.error(where, what, expected=f"a name like {example}", value=where[-1])
