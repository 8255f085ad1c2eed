"""A map for the page, every node with its name, and as a picture."""

from dataclasses import dataclass
from html import escape
from itertools import groupby

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes

from graphrec.explain.shortening import short
from training.report.charts.axes import legend_above
from training.report.charts.chart import Chart
from training.report.palette import SERIES, Palette

WIDTH, HEIGHT = 720, 560
_MARGIN = 8
_LONGEST_LABEL = 160
OTHER = -1


@dataclass(frozen=True, slots=True, eq=False)
class NodeMap:
    """Nodes in the plane, coloured by groups.

    Args:
        name: Of its file, and in the page.
        places: float64 [num_nodes, 2], within 0 and 1.
        labels: What is told of each node where one points at it.
        groups: int64 [num_nodes], the position of each node's group, or OTHER.
        legend: Names of the groups with their numbers of nodes; then how many have no colour.
        note: What is shown, in a sentence or two.
    """

    name: str
    title: str
    places: npt.NDArray[np.float64]
    labels: tuple[str, ...]
    groups: npt.NDArray[np.int64]
    legend: tuple[tuple[str, int], ...]
    num_other: int
    note: str
    radius: float = 3.2

    @property
    def alt(self) -> str:
        """What is to be seen, for those who do not see it."""
        names = ", ".join(f"{name} ({number})" for name, number in self.legend)
        return f"{self.title}: {len(self.labels):,} dots, coloured by {names}"

    def svg(self) -> str:
        """For the page: one circle per node, its name inside it."""
        x = _MARGIN + self.places[:, 0] * (WIDTH - 2 * _MARGIN)
        y = _MARGIN + self.places[:, 1] * (HEIGHT - 2 * _MARGIN)
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}"'
            f' width="{WIDTH}" height="{HEIGHT}" id="map-{escape(self.name)}" role="img"'
            f' aria-label="{escape(self.alt)}">'
        ]
        order = sorted(range(len(self.labels)), key=lambda row: int(self.groups[row]))
        for group, rows in groupby(order, key=lambda row: int(self.groups[row])):
            parts.append(f'<g data-group="{group}" style="fill: var(--{colour_name(group)})">')
            parts += [
                f'<circle cx="{x[row]:.1f}" cy="{y[row]:.1f}" r="{self.radius:g}">'
                f"<title>{escape(short(self.labels[row], _LONGEST_LABEL))}</title></circle>"
                for row in rows
            ]
            parts.append("</g>")
        return "\n".join([*parts, "</svg>"])

    @property
    def chart(self) -> Chart:
        """The same for a picture."""

        def draw(axes: Axes, palette: Palette) -> None:
            axes.axis("off")
            for group in range(OTHER, len(self.legend)):
                here = self.groups == group
                label = "other" if group == OTHER else short(self.legend[group][0], 30)
                axes.scatter(
                    self.places[here, 0],
                    -self.places[here, 1],
                    s=self.radius * 2.5,
                    linewidths=0,
                    color=getattr(palette, colour_name(group)),
                    label=label,
                )
            legend_above(axes, palette)

        return Chart(self.name, self.title, self.alt, draw, width=WIDTH, height=HEIGHT + 60)


def colour_name(group: int) -> str:
    """The name of a group's colour in the palette."""
    return "other" if group == OTHER else SERIES[group]
