"""What a report consists of, before it is HTML: sections of texts, tables, charts and maps."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from training.report.charts.chart import Chart
from training.report.maps.drawing import NodeMap


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph.

    Args:
        level: 'plain'; 'muted' for what is missing or beside the point; 'warning' for what has to
            be known before figures are believed.
    """

    words: str
    level: Literal["plain", "muted", "warning"] = "plain"
    kind: str = field(default="text", init=False)


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a table.

    Args:
        note: What stands under it, small, such as an interval.
        is_best: Whether it is the best of its column.
        colour: Of a dot before it, as '#RRGGBB'.
    """

    words: str
    note: str = ""
    is_best: bool = False
    colour: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A table with a caption.

    Args:
        numeric: Names of the columns that are aligned to the right.
        note: What stands under it.
        folded: Whether it has to be opened first.
    """

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    numeric: frozenset[str] = frozenset()
    note: str = ""
    folded: bool = False
    kind: str = field(default="table", init=False)


@dataclass(frozen=True, slots=True)
class Figure:
    """A chart with its title."""

    chart: Chart
    kind: str = field(default="figure", init=False)


@dataclass(frozen=True, slots=True)
class MapFigure:
    """A map of nodes, whose names are told where one points."""

    map: NodeMap
    kind: str = field(default="map", init=False)


@dataclass(frozen=True, slots=True)
class Row:
    """What stands side by side where there is room.

    Args:
        narrow: Whether three fit on a wide page; else two.
    """

    blocks: "tuple[Text | Table | Figure, ...]"
    narrow: bool = False
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


def cells(words: Sequence[object]) -> tuple[Cell, ...]:
    """A row of plain cells."""
    return tuple(Cell(str(value)) for value in words)
