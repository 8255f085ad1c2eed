"""What charts share: legends, ticks, and names that fit."""

from textwrap import wrap

from matplotlib.axes import Axes

from graphrec.explain.shortening import short
from training.report.palette import Palette

STEPS = (1, 2, 2.5, 5, 10)
"""What ticks count by, times a power of ten."""
LONGEST_LABEL = 60
_LONGEST_NAME = 40
_POINTS = 72  # to the inch
_HANDLE, _LETTER = 46, 7.2  # pixels that a series and a letter of its name take in a legend


def legend_above(axes: Axes, palette: Palette, *, reverse: bool = False) -> None:
    """A legend above the axes, where it hides nothing; none for a single series."""
    handles, labels = axes.get_legend_handles_labels()
    if reverse:
        handles, labels = handles[::-1], labels[::-1]
    if len(labels) < 2:
        return
    figure, page = axes.get_figure(), axes.get_figure(root=True)
    assert figure is not None and page is not None
    labels = [short(label, _LONGEST_NAME) for label in labels]
    each = _HANDLE + _LETTER * max(map(len, labels))
    width = page.get_figwidth() * _POINTS
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
    """A number at an axis: no more digits than it has.

    >>> tick_text(2000), tick_text(0.05), tick_text(0.005, as_percent=True)
    ('2,000', '0.05', '0.5 %')
    """
    if as_percent:
        return f"{tick_text(100 * value)} %"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def folded(name: str, columns: int = 16, lines: int = 2) -> str:
    r"""A name on a few lines, cut off where it is too long.

    >>> folded("FROZEN MEAT AND MEAT DINNERS")
    'FROZEN MEAT AND\nMEAT DINNERS'
    """
    first, *more = wrap(short(name, lines * columns), columns) or [""]
    kept = [first, *more[: lines - 2], " ".join(more[lines - 2 :])] if more else [first]
    return "\n".join(short(line, columns) for line in kept if line)
