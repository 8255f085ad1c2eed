"""The colours of node types and relations: those that Neo4j Browser is given."""

import re
from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

from graphdb.explore.browser_files import style_text


class Colours(NamedTuple):
    """Colours of one node type, as '#RRGGBB'."""

    fill: str
    border: str
    text: str


def node_colours(node_type: str) -> Colours:
    """The colours of a node type; a type that the style does not know has the usual ones.

    >>> node_colours("Product").fill, node_colours("Warehouse") == node_colours("nothing")
    ('#F2A33C', True)
    """
    rules = _rules()
    rule = {**rules["node"], **rules.get(f"node.{node_type}", {})}
    return Colours(rule["color"], rule["border-color"], rule["text-color-internal"])


def relation_colour(relation: str) -> str:
    """The colour of a relation's edges."""
    rules = _rules()
    return {**rules["relationship"], **rules.get(f"relationship.{relation}", {})}["color"]


@cache
def _rules() -> Mapping[str, Mapping[str, str]]:
    """The style sheet: selector to settings."""
    blocks = re.findall(r"([\w.]+) \{(.*?)\}\n", style_text(), re.DOTALL)
    return {
        selector: dict(re.findall(r"([\w-]+): ([^;]+);", settings)) for selector, settings in blocks
    }
