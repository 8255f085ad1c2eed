"""The style sheet knows every type of the schema, and its captions are real properties."""

import re

import pytest

from graphdb import SCHEMA
from graphdb.explore.browser_link import style_text

PUBLISHED = {"RECOMMENDED": {"rank", "score", "release"}}
"""Relations that `graphrec publish` adds to those of the schema."""


def rules() -> dict[str, dict[str, str]]:
    """The sheet as Neo4j Browser reads it: selector to settings."""
    found = {}
    for selector, body in re.findall(r"([\w.]+) \{\n(.*?)\n\}", style_text(), re.DOTALL):
        lines = [line.strip().removesuffix(";").split(": ") for line in body.splitlines()]
        assert all(len(line) == 2 for line in lines), f"{selector}: Browser drops such a line"
        found[selector] = {name: value.strip('"') for name, value in lines}
    return found


def test_every_type_and_relation_has_a_style_and_nothing_else():
    wanted = {f"node.{name}" for name in SCHEMA.node_types}
    wanted |= {f"relationship.{name}" for name in (*SCHEMA.relations, *PUBLISHED)}
    assert set(rules()) == {"node", "relationship", *wanted}


@pytest.mark.parametrize("name", SCHEMA.node_types)
def test_a_node_is_captioned_by_its_name_or_else_its_key(name):
    columns = {column.name for column in SCHEMA.columns(name)}
    best = next(column for column in ("title", "name", *SCHEMA.key(name)) if column in columns)
    assert rules()[f"node.{name}"]["caption"] == f"{{{best}}}"


@pytest.mark.parametrize("name", [*SCHEMA.relations, *PUBLISHED])
def test_a_edge_shows_its_type_and_only_properties_it_has(name):
    caption = rules()[f"relationship.{name}"]["caption"]
    assert caption == "<type>" or caption.startswith(f"{name} ")
    known = PUBLISHED.get(name) or {column.name for column in SCHEMA.relation(name).columns}
    assert set(re.findall(r"\{(\w+)\}", caption)) <= known


def test_no_two_node_types_look_alike_and_captions_can_be_read():
    nodes = {name: rule for name, rule in rules().items() if name.startswith("node.")}
    colours = [rule["color"] for rule in nodes.values()]
    assert len(set(colours)) == len(colours)
    for name, rule in nodes.items():
        contrast = _contrast(rule["color"], rule["text-color-internal"])
        assert contrast >= 3, f"{name}: {contrast:.1f}"


def _contrast(one: str, other: str) -> float:
    """The contrast of two colours by WCAG 2."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [
        part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
