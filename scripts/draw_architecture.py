"""Draws docs/images/architecture.png: how the data flow, and which package does what."""

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

PICTURE = Path(__file__).parents[1] / "docs" / "images" / "architecture.png"
INK, PALE_INK = "#1f2933", "#52606d"
COLOURS = {"graphdb": "#dbeafe", "graphrec": "#d5f0dd", "training": "#fde9c8", "": "#ffffff"}
LEGEND = {
    "graphdb": "graphdb: no torch",
    "graphrec": "graphrec: no torch, imports graphdb",
    "training": "training: torch and PyG, imports both",
}
WIDTH, HEIGHT, UPPER, LOWER = 2.1, 1.5, 3.9, 1.6
COLUMNS = (0.2, 3.0, 5.8, 8.6)


@dataclass(frozen=True, slots=True)
class Box:
    """A step: where it stands, which package does it, what it says."""

    left: float
    bottom: float
    package: str
    title: str
    words: str

    @property
    def middle(self) -> tuple[float, float]:
        return self.left + WIDTH / 2, self.bottom + HEIGHT / 2


BOXES = (
    Box(COLUMNS[0], UPPER, "", "Tables", "CSV, Parquet, Arrow\nand a TOML mapping"),
    Box(COLUMNS[1], UPPER, "graphdb", "Ingest", "every row is checked;\nbad ones are set aside"),
    Box(COLUMNS[2], UPPER, "graphdb", "Store", "one DuckDB file,\nor a Neo4j server"),
    Box(COLUMNS[3], UPPER, "graphdb", "Snapshot", "a folder of Parquet,\nnever changed"),
    Box(COLUMNS[3], LOWER, "training", "Training", "SVD, tastes,\ngraph network"),
    Box(COLUMNS[2], LOWER, "graphrec", "Bundle", "one release: vectors,\nties, quality"),
    Box(
        COLUMNS[1], LOWER, "graphrec", "Queries", "filters, policy, ranking,\nreasons, explanations"
    ),
    Box(COLUMNS[0], LOWER, "", "Who asks", "feed, merchant,\ncreator, analyst"),
)
STORE, BUNDLE = BOXES[2], BOXES[5]


def main() -> None:
    figure = Figure(figsize=(11, 6), facecolor="white")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, 11)
    axes.set_ylim(0, 6)
    axes.axis("off")
    for box in BOXES:
        draw_box(axes, box)
    for one, following in pairwise(BOXES):
        draw_arrow(axes, one, following, "-")
    draw_arrow(axes, BUNDLE, STORE, "--")
    x, y = BUNDLE.middle
    words, height = "publish: vectors\nback into Neo4j", (y + STORE.middle[1]) / 2
    axes.text(x - 0.15, height, words, ha="right", va="center", size=10.5, color=PALE_INK)
    draw_legend(axes)
    figure.savefig(PICTURE, dpi=160)


def draw_box(axes: Axes, box: Box) -> None:
    axes.add_patch(rounded(box.left, box.bottom, WIDTH, HEIGHT, box.package))
    x, y = box.middle
    axes.text(x, y + 0.38, box.title, ha="center", va="center", size=14, weight="bold", color=INK)
    axes.text(x, y - 0.22, box.words, ha="center", va="center", size=10.5, color=INK)


def draw_arrow(axes: Axes, start: Box, end: Box, style: str) -> None:
    """From the edge of one box to the facing edge of the other."""
    (x, y), (to_x, to_y) = start.middle, end.middle
    across, up = (WIDTH / 2, 0.0) if y == to_y else (0.0, HEIGHT / 2)
    side = 1 if (to_x, to_y) > (x, y) else -1
    begins, ends = (x + side * across, y + side * up), (to_x - side * across, to_y - side * up)
    axes.add_patch(
        FancyArrowPatch(
            begins, ends, arrowstyle="-|>", mutation_scale=18, color=INK, linewidth=1.6,
            linestyle=style, shrinkA=2, shrinkB=2,
        )
    )  # fmt: skip


def draw_legend(axes: Axes) -> None:
    left = COLUMNS[0]
    for package, words in LEGEND.items():
        axes.add_patch(rounded(left, 0.45, 0.35, 0.3, package))
        axes.text(left + 0.5, 0.6, words, ha="left", va="center", size=11, color=INK)
        left += 1.3 + 0.085 * len(words)


def rounded(
    left: float, bottom: float, width: float, height: float, package: str
) -> FancyBboxPatch:
    return FancyBboxPatch(
        (left, bottom), width, height, boxstyle="round,pad=0,rounding_size=0.1",
        facecolor=COLOURS[package], edgecolor=INK, linewidth=1.2,
    )  # fmt: skip


if __name__ == "__main__":
    main()
