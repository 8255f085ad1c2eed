"""One chart: what is drawn, for the page (SVG) and as a picture (PNG)."""

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure, SubFigure

from graphrec.explain.drawing.fonts import installed_fonts
from graphrec.explain.shortening import short
from training.report.charts.svg import for_page
from training.report.palette import LIGHT, Palette

_POINTS = 72  # at 72 dots to the inch a point is a pixel of the page
_PICTURE_DPI = 160
_TITLE, _LONGEST_TITLE = 30, 60
_SETTINGS: dict[Any, Any] = {
    "svg.fonttype": "none",  # words stay words: they can be read out, searched and copied
    "text.parse_math": False,  # a '$' in a name is no formula
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.labelsize": 12,
    "font.size": 12,
    "xtick.labelsize": 11.5,
    "ytick.labelsize": 11.5,
    "legend.fontsize": 11.5,
    "legend.frameon": False,
}


@dataclass(frozen=True, slots=True)
class Chart:
    """Something drawn on one pair of axes.

    Args:
        name: Of its file, and in the page; unique in a report.
        alt: What is to be seen, for those who do not see it.
        draw: Draws it in given colours.
        width: In pixels; small, so that it can still be read on a telephone.
        height: In pixels.
    """

    name: str
    title: str
    alt: str
    draw: Callable[[Axes, Palette], None]
    width: int = 400
    height: int = 300

    def svg(self) -> str:
        """For the page: colours by name, so that light and dark share one drawing."""
        content = BytesIO()
        with rc_context({**_settings(), "svg.hashsalt": self.name}):
            figure = self._figure(self.height)
            self._draw(figure, LIGHT)
            FigureCanvasSVG(figure)
            figure.savefig(content, format="svg", metadata={"Date": None})
        return for_page(content.getvalue().decode(), name=self.name, alt=self.alt, palette=LIGHT)

    def png(self, palette: Palette = LIGHT) -> bytes:
        """The bytes of a picture with the title above it."""
        content = BytesIO()
        with rc_context(_settings()):
            figure = self._figure(self.height + _TITLE)
            parts = figure.subfigures(2, 1, height_ratios=[_TITLE, self.height], squeeze=False)
            above, below = parts[:, 0]
            above.set_facecolor("none")
            words = short(self.title, _LONGEST_TITLE)
            above.text(
                0.5, 0.4, words, ha="center", va="center", color=palette.ink, fontweight="bold"
            )
            self._draw(below, palette)
            FigureCanvasAgg(figure)
            figure.savefig(
                content,
                format="png",
                dpi=_PICTURE_DPI,
                facecolor=palette.surface,
                metadata={"Software": None},
            )
        return content.getvalue()

    def _figure(self, height: int) -> Figure:
        # Without pyplot, which keeps every figure in a global list.
        size = (self.width / _POINTS, height / _POINTS)
        figure = Figure(figsize=size, dpi=_POINTS, layout="constrained")
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


def _settings() -> dict[Any, Any]:
    return {**_SETTINGS, "font.family": list(installed_fonts())}
