"""Lines over a quantity, or over groups in their order."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from graphrec.explain.shortening import short
from training.report.charts.axes import LONGEST_LABEL, STEPS, folded, legend_above, tick_text
from training.report.charts.chart import Chart
from training.report.palette import Palette

MARKERS = ("o", "s", "^", "D", "v", "P", "X")
_MANY = 40  # points, beyond which markers would run into each other
Scale = Literal["linear", "log", "symlog"]
"""'symlog' is 'log' with room for 0."""


@dataclass(frozen=True, slots=True)
class Line:
    """One model's values.

    Args:
        series: The place of its colour in the palette.
        low: Where the intervals begin; empty without them.
        high: Where they end.
        is_reference: Whether it is what models are held against: dashed and without a colour.
    """

    label: str
    series: int
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float] = ()
    high: Sequence[float] = ()
    is_reference: bool = False


@dataclass(frozen=True, slots=True)
class Axis:
    """One of the two.

    Args:
        label: What it counts, with its unit.
        groups: Names in the place of numbers, at 0, 1, ...
        as_percent: Whether values are shares, to be written as percentages.
        level: Where a dashed line stands, with its meaning.
        is_whole: Whether values are whole numbers.
    """

    label: str
    scale: Scale = "linear"
    groups: Sequence[str] = ()
    as_percent: bool = False
    level: tuple[float, str] | None = None
    is_whole: bool = False


def line_chart(
    name: str, title: str, alt: str, lines: Sequence[Line], x: Axis, y: Axis, height: int = 320
) -> Chart:
    """Lines, the first of them drawn stronger than the others."""

    def draw(axes: Axes, palette: Palette) -> None:
        _scale(axes, x, y)
        if y.level is not None:
            axes.axhline(y.level[0], color=palette.muted, linewidth=1, linestyle=(0, (4, 3)))
            axes.annotate(
                y.level[1],
                (0, y.level[0]),
                xycoords=("axes fraction", "data"),
                xytext=(4, 3),
                textcoords="offset points",
                color=palette.muted,
                fontsize=11,
            )
        axes.grid(axis="y", color=palette.grid, linewidth=0.8)
        for place, line in reversed(list(enumerate(lines))):
            is_model = not line.is_reference
            colour = palette.series[line.series % len(palette.series)] if is_model else palette.ink
            if line.low:
                axes.fill_between(line.x, line.low, line.high, color=colour, alpha=0.16, lw=0)
            axes.plot(
                line.x,
                line.y,
                color=colour,
                label=line.label,
                linewidth=2.4 if place == 0 else 1.6,
                marker=_marker(line),
                linestyle="solid" if is_model else (0, (5, 2)),
                markersize=6 if place == 0 else 5,
                zorder=3 if place == 0 else 2,
            )
        legend_above(axes, palette, reverse=True)

    return Chart(name, title, alt, draw, height=height)


def _marker(line: Line) -> str:
    if line.is_reference or len(line.x) > _MANY:
        return ""
    return MARKERS[line.series % len(MARKERS)]


def _scale(axes: Axes, x: Axis, y: Axis) -> None:
    axes.set_xlabel(short(x.label, LONGEST_LABEL))
    axes.set_ylabel(short(y.label, LONGEST_LABEL))
    axes.set_xscale(x.scale)
    axes.set_yscale(y.scale)
    for side, axis in ((axes.xaxis, x), (axes.yaxis, y)):
        side.set_minor_locator(NullLocator())
        if axis.groups:
            side.set_ticks(range(len(axis.groups)), [folded(name, 8, 3) for name in axis.groups])
            continue
        if axis.scale == "linear":
            side.set_major_locator(MaxNLocator(5, steps=STEPS, integer=axis.is_whole))
        elif axis.scale == "log":
            side.set_major_locator(LogLocator(subs=(1, 3), numticks=7))
        side.set_major_formatter(
            FuncFormatter(lambda value, _, axis=axis: tick_text(value, as_percent=axis.as_percent))
        )
