"""What holds for every schema, whichever way it came in: TOML, a manifest, a store, or Python.

Names of types become names of files, tables and labels, so all have to match one pattern each.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

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

from graphdb.errors import SchemaError
from graphdb.inside import is_device

if TYPE_CHECKING:
    from graphdb.schema_types import NodeType, Relation, Schema

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
    behaviour_weight: Number = 0.0


class PlainSchema(BaseModel):
    """A whole schema, as plain data."""

    model_config = _FORBID

    node_types: tuple[PlainNodeType, ...]
    relations: tuple[PlainRelation, ...]


def plain_schema(data: object) -> PlainSchema:
    """Plain data, after checking that it has the form of a schema; numbers stay as they are.

    Raises:
        SchemaError: It has not, or declares a name twice; the message names the place.
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


def check_declared(schema: "Schema") -> None:
    """Checks the names of all types and columns, and that each is declared once.

    Raises:
        SchemaError: Names the one that is wrong.
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
                f"the relation {name} cannot repeat",
                expected="an event, of which a source may have several",
                value=name,
            )
    # Some file systems and databases do not tell letters by their case.
    _refuse_repeated(map(str.lower, schema.node_types), "but for its case, the schema has the type")


def _check_columns(name: str, of: "NodeType | Relation") -> None:
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
