"""Defines the sections of a report and renders them as one HTML file.

Sections hold texts, tables, charts and maps. Jinja escapes all content except our own drawings.
"""

import base64
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from training.report.charts import Chart
from training.report.maps import NodeMap, colour_name
from training.report.palette import DARK, LIGHT


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph.

    Args:
        level: 'plain'; 'lead' for what to remember; 'muted' for missing or minor parts; 'warning'
            for problems with the figures.
    """

    words: str
    level: Literal["plain", "lead", "muted", "warning"] = "plain"
    kind: str = field(default="text", init=False)


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a table.

    Args:
        note: Small text under it, such as an interval.
        is_best: Whether it is the best of its column.
        colour: The colour of a dot before it, as '#RRGGBB'.
        hint: What appears when the mouse rests on it.
    """

    words: str
    note: str = ""
    is_best: bool = False
    colour: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A table with a caption.

    Args:
        numeric: Names of the columns that are aligned to the right.
        note: Text under it.
        folded: Whether it is collapsed at first.
        compact: Whether notes stand beside the words, not under them.
    """

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    numeric: frozenset[str] = frozenset()
    note: str = ""
    folded: bool = False
    compact: bool = False
    kind: str = field(default="table", init=False)


@dataclass(frozen=True, slots=True)
class Figure:
    """A chart with its title."""

    chart: Chart
    kind: str = field(default="figure", init=False)


@dataclass(frozen=True, slots=True)
class MapFigure:
    """A map of nodes with their names as tooltips."""

    map: NodeMap
    kind: str = field(default="map", init=False)


@dataclass(frozen=True, slots=True)
class Row:
    """Figures side by side, if there is room.

    Args:
        narrow: Whether three fit on a wide page; else two.
        is_first_wide: Whether the first of two has twice the width of the other.
    """

    blocks: "tuple[Text | Table | Figure | MapFigure, ...]"
    narrow: bool = False
    is_first_wide: bool = False
    kind: str = field(default="row", init=False)


Block = Text | Table | Figure | MapFigure | Row


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the report.

    Args:
        key: Names it in links.
    """

    key: str
    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Omitted:
    """A part that a report leaves out.

    Args:
        why: What is missing for it, in a sentence.
    """

    title: str
    why: str


def cells(words: Sequence[object]) -> tuple[Cell, ...]:
    """A row of plain cells."""
    return tuple(Cell(str(value)) for value in words)


_NO_HTML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
"""Characters that are allowed in names but not in HTML."""


def page(
    title: str, made_at: datetime, sections: Sequence[Section], omitted: Sequence[Omitted] = ()
) -> str:
    """Renders the page with style, script and drawings inside, without external resources."""
    jinja = Environment(
        loader=PackageLoader("training.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    jinja.filters["drawn"] = _drawn
    jinja.globals["colour_name"] = colour_name
    script = jinja.get_template("script.js").render()
    text = jinja.get_template("page.html").render(
        title=title,
        made_at=made_at,
        sections=sections,
        omitted=omitted,
        style=Markup(jinja.get_template("style.css").render()),
        light=Markup(LIGHT.variables()),
        dark=Markup(DARK.variables()),
        script=Markup(script),
        script_hash=f"sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}",
    )
    return _NO_HTML.sub("\N{REPLACEMENT CHARACTER}", text)


def _drawn(drawing: str) -> Markup:
    """Marks one of our drawings as safe: its names are already escaped."""
    return Markup(drawing)
