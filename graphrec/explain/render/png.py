"""An explanation as a picture, by matplotlib."""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from io import BytesIO
from itertools import chain, pairwise

from matplotlib import font_manager, patheffects, rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ft2font import FT2Font
from matplotlib.patches import FancyBboxPatch, PathPatch, Polygon, Rectangle
from matplotlib.path import Path as Outline
from matplotlib.text import Text

from graphrec.explain.render.layout import (
    BOX_HEIGHT,
    BOX_WIDTH,
    Band,
    Box,
    Curve,
    Layout,
    node_colours,
    relation_colour,
)

_DPI = 144
_POINTS_PER_PIXEL = 0.72  # at 100 pixels to the inch, which the layout's pixels are taken for
_LINE, _NAME_LINE = 12, 14
_ARROW = 8

_FIRST_FONT = "DejaVu Sans"  # part of Matplotlib
_BOXES = "Last Resort"  # a font that has a box for every character


def fonts_for(words: str) -> tuple[str, ...]:
    """Returns the installed fonts that together have most characters of a text.

    Matplotlib asks them one after the other for each character. DejaVu Sans comes first; of all
    others, the one that has most of the characters still missing is added, until none has any.
    """
    chosen, missing = [_FIRST_FONT], _characters(words) - _charmap(_FIRST_FONT)
    while missing:
        counts = {name: len(missing & _charmap(name)) for name in _installed()}
        best = max(counts, key=lambda name: (counts[name], name), default=_FIRST_FONT)
        if not counts.get(best):
            break
        chosen.append(best)
        missing -= _charmap(best)
    return tuple(chosen)


def without_font(words: str) -> str:
    """Returns the characters of a text that no installed font has, in order; empty if all do."""
    missing = _characters(words)
    for name in fonts_for(words):
        missing -= _charmap(name)
    return "".join(map(chr, sorted(missing)))


def in_fitting_fonts(drawn: Callable[[], Figure]) -> Figure:
    """Draws once to see which characters are needed, and again if these need further fonts."""
    with rc_context({"font.family": list(fonts_for(""))}):
        figure = drawn()
    fonts = fonts_for(words_in(figure))
    if fonts == fonts_for(""):
        return figure
    with rc_context({"font.family": list(fonts)}):
        return drawn()


def words_in(figure: Figure) -> str:
    """Returns all text of a figure."""
    for axes in figure.findobj(Axes):
        assert isinstance(axes, Axes)
        axes.get_xticklabels()  # writes the labels of ticks, which are otherwise written late
        axes.get_yticklabels()
    texts = figure.findobj(Text)
    return "".join(text.get_text() for text in texts if isinstance(text, Text))


@contextmanager
def quiet_about_glyphs() -> Iterator[None]:
    """Silences Matplotlib's warning about characters without a font: see `without_font`."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"Glyph \d+ .* missing from")
        yield


def _characters(words: str) -> set[int]:
    return {ord(sign) for sign in words if sign.isprintable() and not sign.isspace()}


@cache
def _installed() -> dict[str, str]:
    """Returns the file of each font, upright and of a usual weight where there is one."""
    found = {}
    for font in sorted(font_manager.fontManager.ttflist, key=_is_unusual, reverse=True):
        if _BOXES not in font.name:
            found[font.name] = font.fname
    return found


def _is_unusual(font: font_manager.FontEntry) -> tuple[bool, bool, str]:
    return font.style != "normal", font.weight not in (400, "normal", "regular"), font.fname


@cache
def _charmap(name: str) -> frozenset[int]:
    """Returns the characters that a font has."""
    path = _installed().get(name)
    return frozenset() if path is None else frozenset(FT2Font(path).get_charmap())


def picture(layout: Layout) -> bytes:
    """The bytes of a PNG file, `_DPI` / 100 times as large as the layout."""
    # Without pyplot, which keeps every figure in a global list.
    figure = Figure(figsize=(layout.width / 100, layout.height / 100), dpi=_DPI)
    FigureCanvasAgg(figure)
    canvas = _Canvas(figure, layout)
    for band in layout.bands:
        canvas.band(band)
    for curve in layout.curves:
        canvas.curve(curve)
    for curve in layout.curves:
        canvas.label(curve)
    for box in layout.boxes:
        canvas.box(box)
    canvas.text(layout.width / 2, 22, layout.title, 15, "#2B2F36", "bold")
    if layout.note:
        canvas.text(layout.width / 2, layout.height / 2, layout.note, 13, "#4A5058")
    content = BytesIO()
    with quiet_about_glyphs():
        figure.savefig(content, format="png", facecolor="white", metadata={"Software": None})
    return content.getvalue()


def words_of(layout: Layout) -> str:
    """Returns all text of a layout."""
    boxes = (word for box in layout.boxes for word in (*box.name, box.below))
    lines = (line for curve in layout.curves for line in curve.lines)
    return "".join((layout.title, layout.note, *boxes, *lines, *(b.caption for b in layout.bands)))


class _Canvas:
    """Draws in the layout's pixels."""

    def __init__(self, figure: Figure, layout: Layout) -> None:
        self._fonts = fonts_for(words_of(layout))
        self._axes = figure.add_axes((0, 0, 1, 1))
        self._axes.set_xlim(0, layout.width)
        self._axes.set_ylim(layout.height, 0)
        self._axes.axis("off")

    def band(self, band: Band) -> None:
        self._axes.add_patch(
            Rectangle((band.x, band.y), band.width, band.height, facecolor="#F4F6F9", zorder=0)
        )
        self.text(
            band.x + band.width / 2, band.y + 15, band.caption, 12, "#2B2F36", "bold", halo=True
        )

    def curve(self, curve: Curve) -> None:
        colour = relation_colour(curve.relation)
        points, codes = [curve.points[0]], [Outline.MOVETO]
        for (x1, y1), (x2, y2) in pairwise(curve.points):
            half = (x1 + x2) / 2
            points += [(half, y1), (half, y2), (x2, y2)]
            codes += [Outline.CURVE4] * 3
        outline = Outline(points, codes)
        self._axes.add_patch(PathPatch(outline, fill=False, edgecolor=colour, linewidth=1.5))
        tip, side = (curve.points[-1], -1) if curve.ahead else (curve.points[0], 1)
        corners = [(tip[0] + side * _ARROW, tip[1] + part * _ARROW / 2) for part in (-1, 1)]
        self._axes.add_patch(Polygon([tip, *corners], facecolor=colour, edgecolor="none"))

    def label(self, curve: Curve) -> None:
        x, y = curve.label
        top = y - _LINE * len(curve.lines) / 2
        for number, line in enumerate(curve.lines):
            size, colour = (10, "#2B2F36") if number == 0 else (9.5, "#4A5058")
            self.text(x, top + _LINE * (number + 0.5), line, size, colour, halo=True)

    def box(self, box: Box) -> None:
        colours = node_colours(box.node.type)
        corner = (box.x - BOX_WIDTH / 2, box.y - BOX_HEIGHT / 2)
        self._axes.add_patch(
            FancyBboxPatch(
                corner,
                BOX_WIDTH,
                BOX_HEIGHT,
                boxstyle="round,pad=0,rounding_size=9",
                facecolor=colours.fill,
                edgecolor=colours.border,
                linewidth=2.5 if box.is_end else 1.2,
                zorder=3,
            )
        )
        top = box.y - _NAME_LINE * len(box.name) / 2
        for number, line in enumerate(box.name):
            self.text(box.x, top + _NAME_LINE * number, line, 11, colours.text, "bold")
        self.text(box.x, top + _NAME_LINE * len(box.name) + 1, box.below, 9.5, colours.text)

    def text(
        self,
        x: float,
        y: float,
        words: str,
        size: float,
        colour: str,
        weight: str = "normal",
        *,
        halo: bool = False,
    ) -> None:
        behind = [patheffects.withStroke(linewidth=3, foreground="white")] if halo else []
        self._axes.text(
            x,
            y,
            "".join(chain(sign if sign.isprintable() else " " for sign in words)),
            ha="center",
            va="center",
            fontsize=size * _POINTS_PER_PIXEL,
            color=colour,
            fontweight=weight,
            fontfamily=self._fonts,
            path_effects=behind,
            parse_math=False,  # a '$' in a name is no formula
            zorder=4,
        )
