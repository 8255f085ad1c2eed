"""Reads the names of nodes and node types from the command line."""

import typer

from graphdb.errors import nearest
from graphdb.schema_types import Schema


def parse_node(schema: Schema, text: str) -> tuple[str, str]:
    """Reads 'User:42' into ('User', '42'); the id may hold further colons.

    >>> from graphdb.schema import SCHEMA
    >>> parse_node(SCHEMA, "product:a:1")
    ('Product', 'a:1')
    """
    name, colon, node_id = text.partition(":")
    if not colon or not node_id:
        raise typer.BadParameter(f"'{text}' is not a node; write TYPE:ID, such as User:42")
    return parse_type(schema, name), node_id


def parse_type(schema: Schema, text: str) -> str:
    """Reads a node type in any case, singular or plural.

    >>> from graphdb.schema import SCHEMA
    >>> parse_type(SCHEMA, "categories"), parse_type(SCHEMA, "product")
    ('Category', 'Product')
    """
    for name in schema.node_types:
        if text.casefold() in (name.casefold(), _plural(name).casefold()):
            return name
    hint = nearest(text, list(schema.node_types))
    known = ", ".join(schema.node_types)
    raise typer.BadParameter(f"'{text}' is not a node type; {hint or f'there are {known}'}")


def _plural(name: str) -> str:
    return name[:-1] + "ies" if name.endswith("y") else name + "s"
