"""Reads the names of nodes and node types from the command line."""

from pathlib import Path

import typer

from graphdb.errors import nearest
from graphdb.schema_types import Schema

_DEFAULT_TARGETS = {"User": "Product"}
_DEFAULT_TARGET = "User"


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


def parse_target(schema: Schema, text: str | None, seed_type: str) -> str:
    """Reads what to recommend; without a word, products for a user and users for all else.

    >>> from graphdb.schema import SCHEMA
    >>> parse_target(SCHEMA, None, "User"), parse_target(SCHEMA, "brands", "User")
    ('Product', 'Brand')
    """
    if text:
        return parse_type(schema, text)
    return _DEFAULT_TARGETS.get(seed_type, _DEFAULT_TARGET)


def read_lines(file: Path) -> list[str]:
    """The lines of a file that are not empty; a byte order mark is none of the first one's."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise typer.BadParameter(f"'{file}' is no UTF-8 text") from error
    return [line.strip() for line in text.split("\n") if line.strip()]


def _plural(name: str) -> str:
    return name[:-1] + "ies" if name.endswith("y") else name + "s"
