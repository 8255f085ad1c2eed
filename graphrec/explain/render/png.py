"""An explanation as a picture, by matplotlib."""

from functools import cache
from io import BytesIO
from itertools import chain, pairwise

from matplotlib import font_manager, patheffects
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, PathPatch, Polygon, Rectangle
from matplotlib.path import Path as Outline

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

_FONTS = (
    "DejaVu Sans",
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "Microsoft YaHei",
    "PingFang SC",
    "WenQuanYi Zen Hei",
    "Arial Unicode MS",
)


@cache
def installed_fonts() -> tuple[str, ...]:
    """Those that there are, asked one after the other for a sign: most of them know Chinese."""
    installed = {font.name for font in font_manager.fontManager.ttflist}
    return tuple(name for name in _FONTS if name in installed)


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
    figure.savefig(content, format="png", facecolor="white", metadata={"Software": None})
    return content.getvalue()


class _Canvas:
    """Draws in the layout's pixels."""

    def __init__(self, figure: Figure, layout: Layout) -> None:
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
            fontfamily=installed_fonts(),
            path_effects=behind,
            parse_math=False,  # a '$' in a name is no formula
            zorder=4,
        )
