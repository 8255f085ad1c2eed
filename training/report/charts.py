"""Draws dot charts and line charts with Matplotlib, as SVG for the page and as PNG pictures.

SVGs use the page's font and named colours, so that several fit into one page. Charts share legends,
ticks and wrapped names, and every chart says of how many it is. Dots have intervals and run from
the top down, one row per group, with the names of groups on the left. Lines run over a quantity, or
over ordered groups.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from textwrap import wrap
from typing import Any, Literal
from xml.etree import ElementTree

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from graphrec.explain.parts import short
from graphrec.explain.render.png import in_fitting_fonts, quiet_about_glyphs, words_in
from training.evaluation.results import Estimate
from training.report.palette import LIGHT, Palette

_SVG = "http://www.w3.org/2000/svg"
_LINK = "http://www.w3.org/1999/xlink"
_FONT = re.compile(r"font-family: [^;\"]*;? ?")
_NAMES = re.compile(r"(?:#|url\(#)([\w.-]+)")


def for_page(drawing: str, *, name: str, alt: str, palette: Palette) -> str:
    """Returns one `<svg>` element with the page's font and the palette's colour names.

    Unused ids are removed, because every Matplotlib drawing has the same ones.
    """
    ElementTree.register_namespace("", _SVG)
    ElementTree.register_namespace("xlink", _LINK)
    root = ElementTree.fromstring(drawing)
    for part in ("metadata", "defs"):  # metadata, and a style that would apply to the whole page
        for found in root.findall(f"{{{_SVG}}}{part}"):
            if part == "metadata" or found.find(f"{{{_SVG}}}style") is not None:
                root.remove(found)
    used = {
        value
        for element in root.iter()
        for key in (f"{{{_LINK}}}href", "clip-path", "style")
        for value in _NAMES.findall(element.get(key, ""))
    }
    for element in root.iter():
        if element.get("id") not in used:
            element.attrib.pop("id", None)
        if "style" in element.attrib:
            style = palette.named(element.attrib["style"])
            element.attrib["style"] = _FONT.sub("", style)
    *_, width, height = root.attrib["viewBox"].split()
    root.attrib.update(
        {"id": f"chart-{name}", "role": "img", "aria-label": alt, "width": width, "height": height}
    )
    return ElementTree.tostring(root, encoding="unicode")


STEPS = (1, 2, 2.5, 5, 10)
"""The steps of ticks, times a power of ten."""
LONGEST_LABEL = 60
_LONGEST_NAME = 40
_POINTS_PER_INCH = 72  # at 72 dots to the inch a point is a pixel of the page
_HANDLE, _LETTER = 46, 7.2  # pixels of a series, and of a letter of its name, in a legend


def legend_above(axes: Axes, palette: Palette, *, reverse: bool = False) -> None:
    """Adds a legend above the axes; none for a single series."""
    handles, labels = axes.get_legend_handles_labels()
    if reverse:
        handles, labels = handles[::-1], labels[::-1]
    if len(labels) < 2:
        return
    figure, page = axes.get_figure(), axes.get_figure(root=True)
    assert figure is not None and page is not None
    labels = [short(label, _LONGEST_NAME) for label in labels]
    each = _HANDLE + _LETTER * max(map(len, labels))
    width = page.get_figwidth() * _POINTS_PER_INCH
    figure.legend(
        handles,
        labels,
        loc="outside upper left",
        ncols=max(1, min(len(labels), int(width / each))),
        frameon=False,
        borderaxespad=0,
        borderpad=0.2,
        handlelength=1.8,
        columnspacing=1.2,
        labelcolor=palette.ink,
    )


def tick_text(value: float, *, as_percent: bool = False) -> str:
    """Returns the text of a tick, with only significant digits.

    >>> tick_text(2000), tick_text(0.05), tick_text(0.005, as_percent=True)
    ('2,000', '0.05', '0.5 %')
    """
    if as_percent:
        return f"{tick_text(100 * value)} %"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def folded(name: str, columns: int = 16, lines: int = 2) -> str:
    r"""Wraps a name to a few lines, and cuts it off if it is too long.

    >>> folded("FROZEN MEAT AND MEAT DINNERS")
    'FROZEN MEAT AND\nMEAT DINNERS'
    """
    first, *more = wrap(short(name, lines * columns), columns) or [""]
    kept = [first, *more[: lines - 2], " ".join(more[lines - 2 :])] if more else [first]
    return "\n".join(short(line, columns) for line in kept if line)


_PICTURE_DPI = 160
_TITLE, _LONGEST_TITLE = 46, 60
_SETTINGS: dict[Any, Any] = {
    "svg.fonttype": "none",  # text stays text, for screen readers, search and copy
    "text.parse_math": False,  # a '$' in a name is not a formula
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.labelsize": 12,
    "font.size": 12,
    "xtick.labelsize": 11.7,
    "ytick.labelsize": 11.7,
    "legend.fontsize": 11.7,
    "legend.frameon": False,
}


@dataclass(frozen=True, slots=True)
class Chart:
    """A drawing on one pair of axes.

    Args:
        name: The name of its file, unique in a report.
        alt: The alternative text.
        draw: Draws it in given colours.
        counted: Of how many it is, such as '2,014 queries'.
        width: In pixels; small enough for a phone.
        height: In pixels.
    """

    name: str
    title: str
    alt: str
    draw: Callable[[Axes, Palette], None]
    counted: str
    width: int = 400
    height: int = 300

    def svg(self) -> str:
        """Returns the SVG with colours by name, for the light and the dark theme."""
        content = BytesIO()

        def drawn() -> Figure:
            figure = self._figure(self.height)
            self._draw(figure, LIGHT)
            return figure

        with rc_context({**_SETTINGS, "svg.hashsalt": self.name}), quiet_about_glyphs():
            figure = in_fitting_fonts(drawn)
            FigureCanvasSVG(figure)
            figure.savefig(content, format="svg", metadata={"Date": None})
        return for_page(content.getvalue().decode(), name=self.name, alt=self.alt, palette=LIGHT)

    def png(self, palette: Palette = LIGHT) -> bytes:
        """Returns the bytes of a picture, with the title and the count above it."""
        content = BytesIO()

        def drawn() -> Figure:
            figure = self._figure(self.height + _TITLE)
            parts = figure.subfigures(2, 1, height_ratios=[_TITLE, self.height], squeeze=False)
            above, below = parts[:, 0]
            above.set_facecolor("none")
            words = short(self.title, _LONGEST_TITLE)
            placed: dict[str, Any] = {"ha": "center", "va": "center"}
            above.text(0.5, 0.68, words, color=palette.ink, fontweight="bold", **placed)
            above.text(0.5, 0.24, f"n = {self.counted}", color=palette.muted, fontsize=11, **placed)
            self._draw(below, palette)
            return figure

        with rc_context(_SETTINGS), quiet_about_glyphs():
            figure = in_fitting_fonts(drawn)
            FigureCanvasAgg(figure)
            figure.savefig(
                content,
                format="png",
                dpi=_PICTURE_DPI,
                facecolor=palette.surface,
                metadata={"Software": None},
            )
        return content.getvalue()

    def words(self) -> str:
        """Returns all text of the picture."""
        with rc_context(_SETTINGS):
            figure = self._figure(self.height)
            self._draw(figure, LIGHT)
            return self.title + self.counted + words_in(figure)

    def _figure(self, height: int) -> Figure:
        # Without pyplot, which keeps every figure in a global list.
        size = (self.width / _POINTS_PER_INCH, height / _POINTS_PER_INCH)
        figure = Figure(figsize=size, dpi=_POINTS_PER_INCH, layout="constrained")
        figure.set_facecolor("none")
        return figure

    def _draw(self, figure: Figure | SubFigure, palette: Palette) -> None:
        figure.set_facecolor("none")
        axes = figure.add_subplot()
        axes.set_facecolor("none")
        axes.tick_params(colors=palette.muted, length=3)
        for spine in axes.spines.values():
            spine.set_color(palette.muted)
        self.draw(axes, palette)
        for label in (axes.xaxis.label, axes.yaxis.label):
            label.set_color(palette.ink)


_LINE, _BETWEEN, _AROUND = 17, 10, 84  # pixels
_APART = 4.0  # pixels between the dots of two models in a row


@dataclass(frozen=True, slots=True)
class DotRow:
    """The dots of one group.

    Args:
        values: By model; a model without a value has no dot.
        count: Of how many queries; None where it stands above the chart.
    """

    label: str
    values: Mapping[str, Estimate]
    count: int | None = None


def dot_chart(
    name: str,
    title: str,
    alt: str,
    groups: Sequence[DotRow],
    models: Mapping[str, int],
    label: str,
    counted: str,
    *,
    legend: bool = True,
) -> Chart:
    """Returns a row per group, from the top down, with a dot and interval for every model.

    Args:
        models: The first in front, with the position of their colours in the palette.
        label: The measured quantity.
        counted: Of how many it is.
        legend: Whether to name the models above it.
    """
    labels = [_counted_label(group) for group in groups]
    heights = [_BETWEEN + max(_LINE * (one.count("\n") + 1), 22) for one in labels]
    middles = [sum(heights[:place]) + height / 2 for place, height in enumerate(heights)]

    def draw(axes: Axes, palette: Palette) -> None:
        for place, (model, colour) in reversed(list(enumerate(models.items()))):
            known = [
                (middle + _aside(model, group, models), group.values[model])
                for middle, group in zip(middles, groups, strict=True)
                if model in group.values
            ]
            means = [estimate.mean for _, estimate in known]
            axes.errorbar(
                means,
                [at for at, _ in known],
                # Bootstrap intervals need not contain the mean.
                xerr=[
                    [max(one.mean - one.low, 0) for _, one in known],
                    [max(one.high - one.mean, 0) for _, one in known],
                ],
                fmt=MARKERS[colour % len(MARKERS)],
                color=palette.series[colour % len(palette.series)],
                markersize=7 if place == 0 else 5.5,
                elinewidth=1.3,
                capsize=0,
                label=model,
                zorder=3 if place == 0 else 2,
            )
        axes.set_yticks(middles, labels)
        axes.tick_params(axis="y", length=0, labelcolor=palette.ink)
        axes.set_ylim(sum(heights), 0)
        axes.set_xlim(left=0)
        axes.set_xlabel(short(label, LONGEST_LABEL))
        axes.xaxis.set_major_locator(MaxNLocator(5, steps=STEPS))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: tick_text(value)))
        axes.grid(axis="both", color=palette.grid, linewidth=0.8)
        axes.spines["left"].set_visible(False)
        if legend:
            legend_above(axes, palette, reverse=True)

    return Chart(name, title, alt, draw, counted, height=_AROUND + sum(heights))


def _aside(model: str, group: DotRow, models: Mapping[str, int]) -> float:
    """Returns how far below the middle of its row a dot is, so that equal values can be seen."""
    there = [name for name in models if name in group.values]
    return (there.index(model) - (len(there) - 1) / 2) * _APART


def _counted_label(group: DotRow) -> str:
    count = "" if group.count is None else f" ({group.count:,})"
    return folded(group.label, 18) + count


MARKERS = ("o", "s", "^", "D", "v", "P", "X")
_MANY = 40  # points, beyond which markers would overlap
Scale = Literal["linear", "log", "symlog"]
"""'symlog' is 'log' with room for 0."""


@dataclass(frozen=True, slots=True)
class Line:
    """The line of one model.

    Args:
        series: The position of its colour in the palette.
        low: The lower ends of the intervals; empty without them.
        high: The upper ends.
        is_reference: Whether it is the reference line: dashed and without a colour.
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
    """One axis.

    Args:
        label: The quantity, with its unit.
        groups: Names instead of numbers, at 0, 1, ...
        counts: Of how many queries each group is; empty where it stands above the chart.
        as_percent: Whether to write values as percentages.
        level: The position of a dashed line, with its meaning.
        is_whole: Whether values are whole numbers.
    """

    label: str
    scale: Scale = "linear"
    groups: Sequence[str] = ()
    counts: Sequence[int] = ()
    as_percent: bool = False
    level: tuple[float, str] | None = None
    is_whole: bool = False


def line_chart(
    name: str,
    title: str,
    alt: str,
    lines: Sequence[Line],
    x: Axis,
    y: Axis,
    counted: str,
    height: int = 300,
) -> Chart:
    """Returns lines, the first of them thicker than the others.

    Args:
        counted: Of how many it is.
    """

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

    return Chart(name, title, alt, draw, counted, height=height)


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
            names = [folded(name, 8, 3) for name in axis.groups]
            if axis.counts:
                pairs = zip(names, axis.counts, strict=True)
                names = [f"{name}\n({count:,})" for name, count in pairs]
            side.set_ticks(range(len(names)), names)
            continue
        if axis.scale == "linear":
            side.set_major_locator(MaxNLocator(5, steps=STEPS, integer=axis.is_whole))
        elif axis.scale == "log":
            side.set_major_locator(LogLocator(subs=(1, 3), numticks=7))
        side.set_major_formatter(
            FuncFormatter(lambda value, _, axis=axis: tick_text(value, as_percent=axis.as_percent))
        )
