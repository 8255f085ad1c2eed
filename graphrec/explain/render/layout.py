"""Computes the position and the colour of everything in the drawing of an explanation.

The query node is on the left, the target on the right, and each group of paths has one band between
them. Lengths are in pixels, and y grows downwards. A node that is on paths of two groups is drawn
in both bands, because edges across bands are harder to follow. Node types and relations have the
same colours as in Neo4j Browser.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from textwrap import wrap
from typing import NamedTuple
from unicodedata import east_asian_width

from graphdb.explore.browser_link import style_text
from graphrec.explain.parts import PathEdge, PathGroup, PathGroups, PathNode, short
from graphrec.explain.render.words import (
    evidence_text,
    headline,
    nothing_found,
    others,
    runs_ahead,
    title,
)
from graphrec.query.facts import Language


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


BOX_WIDTH, BOX_HEIGHT = 176, 58
_GAP = 200
_ROW = 92
_CAPTION = 30
_BAND_GAP = 18
_MARGIN = 24
_TITLE = 44
_NAME_COLUMNS = 23
_LABEL_COLUMNS = 27

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Box:
    """A node; x and y are those of its middle."""

    x: float
    y: float
    node: PathNode
    is_end: bool

    @property
    def name(self) -> list[str]:
        """The name, on one line or two."""
        if self.node.name == self.node.id:
            return [self.node.type]
        is_wide = any(east_asian_width(sign) in "WF" for sign in self.node.name)
        columns = _NAME_COLUMNS // 2 if is_wide else _NAME_COLUMNS
        first, *more = wrap(short(self.node.name, 2 * columns), columns) or [self.node.type]
        return [first, short(" ".join(more), columns)] if more else [first]

    @property
    def below(self) -> str:
        """What stands under the name."""
        named = self.node.name != self.node.id
        below = f"{self.node.type} {self.node.id}" if named else self.node.id
        return short(below, _NAME_COLUMNS)


@dataclass(frozen=True, slots=True)
class Curve:
    """An edge, from the right of one box to the left of another.

    Args:
        ahead: Whether the edge runs from left to right in the graph.
        points: x and y of where it begins, runs through and ends; level at each of them.
        lines: What stands at it.
        label: x and y of the middle of that.
    """

    ahead: bool
    points: tuple[Point, ...]
    relation: str
    lines: tuple[str, ...]
    label: Point


@dataclass(frozen=True, slots=True)
class Band:
    """The background and caption of one group."""

    x: float
    y: float
    width: float
    height: float
    caption: str


@dataclass(frozen=True, slots=True)
class Layout:
    """A whole drawing."""

    width: float
    height: float
    title: str
    note: str
    boxes: tuple[Box, ...]
    curves: tuple[Curve, ...]
    bands: tuple[Band, ...]


def lay_out(explanation: PathGroups) -> Layout:
    """Gives everything its place."""
    hops = max((len(path.edges) for path in explanation.paths), default=2)
    width = 2 * _MARGIN + (hops + 1) * BOX_WIDTH + hops * _GAP
    heights = [_CAPTION + _ROW * _num_rows(group) for group in explanation.groups]
    inner = sum(heights) + _BAND_GAP * max(len(heights) - 1, 0)
    height = _TITLE + max(inner, 2 * _ROW) + _MARGIN
    middle = _TITLE + (height - _MARGIN - _TITLE) / 2
    query = Box(_MARGIN + BOX_WIDTH / 2, middle, explanation.query, is_end=True)
    target = Box(width - _MARGIN - BOX_WIDTH / 2, middle, explanation.target, is_end=True)
    boxes, curves, bands = [query, target], [], []
    top: float = _TITLE
    for number, (group, tall) in enumerate(zip(explanation.groups, heights, strict=True), 1):
        left = _MARGIN + BOX_WIDTH + _GAP * 0.28
        caption = f"{number}. {headline(group, explanation.language)}"
        more = others(group, explanation.language)
        bands.append(
            Band(left, top, width - 2 * left, tall, f"{caption}   ({more})" if more else caption)
        )
        new_boxes, new_curves = _place(group, query, target, top + _CAPTION, explanation.language)
        boxes += new_boxes
        curves += new_curves
        top += tall + _BAND_GAP
    note = "" if explanation else nothing_found(explanation)
    return Layout(
        width, height, title(explanation), note, tuple(boxes), tuple(curves), tuple(bands)
    )


def _num_rows(group: PathGroup) -> int:
    return max(1, *(len(column) for column in _columns(group)))


def _columns(group: PathGroup) -> list[list[PathNode]]:
    """The distinct nodes at each place of the group's paths, in order of appearance."""
    places = zip(*(path.nodes for path in group.paths), strict=True)
    return [list(dict.fromkeys(place)) for place in places]


def _place(
    group: PathGroup, query: Box, target: Box, top: float, language: Language
) -> tuple[list[Box], list[Curve]]:
    columns = _columns(group)
    rows, hops = _num_rows(group), len(columns) - 1
    placed: list[dict[PathNode, Box]] = [{group.paths[0].nodes[0]: query}]
    for place, column in enumerate(columns[1:-1], start=1):
        x = query.x + (target.x - query.x) * place / hops
        each = _ROW * rows / len(column)
        placed.append(
            {
                node: Box(x, top + each * (row + 0.5), node, is_end=False)
                for row, node in enumerate(column)
            }
        )
    placed.append({group.paths[0].nodes[-1]: target})
    curves: dict[tuple[int, PathEdge], Curve] = {}  # by place: an edge may be at two
    for path in group.paths:
        for place, (edge, ends) in enumerate(zip(path.edges, pairwise(path.nodes), strict=True)):
            start, end = placed[place][ends[0]], placed[place + 1][ends[1]]
            through = ((query.x + target.x) / 2, top + _ROW / 2) if hops == 1 else None
            curves[place, edge] = _curve(edge, start, end, through, language)
    boxes = [box for column in placed[1:-1] for box in column.values()]
    return boxes, list(curves.values())


def _curve(
    edge: PathEdge, start: Box, end: Box, through: Point | None, language: Language
) -> Curve:
    first = (start.x + BOX_WIDTH / 2, start.y)
    last = (end.x - BOX_WIDTH / 2, end.y)
    words = wrap(evidence_text(edge.evidence, language), _LABEL_COLUMNS)
    # Near the inner node, away from where many curves begin or end.
    middle = _along(first, last, 0.7 if start.is_end else 0.3 if end.is_end else 0.5)
    points: tuple[Point, ...] = (first, last)
    if through is not None:
        middle = through
        points = (first, middle, last)
    return Curve(
        ahead=runs_ahead(edge, start.node),
        points=points,
        relation=edge.relation,
        lines=(edge.relation, *words),
        label=middle,
    )


def _along(first: Point, last: Point, t: float) -> Point:
    """A point of the cubic curve that leaves and arrives level, its controls half-way across."""
    across = 1.5 * t * (1 - t) + t**3
    down = 3 * t**2 * (1 - t) + t**3
    return first[0] + (last[0] - first[0]) * across, first[1] + (last[1] - first[1]) * down
