"""What charts share: legends, ticks, and names that fit."""

from textwrap import wrap

from matplotlib.axes import Axes

from graphrec.explain.shortening import short
from training.report.palette import Palette

_LEGEND_COLUMNS = 3
_LONG_NAME = 17


def legend_above(axes: Axes, palette: Palette, *, reverse: bool = False) -> None:
    """A legend between title and axes, where it hides nothing; none for a single series."""
    handles, labels = axes.get_legend_handles_labels()
    if reverse:
        handles, labels = handles[::-1], labels[::-1]
    if len(labels) < 2:
        return
    longest = max(map(len, labels))
    axes.legend(
        handles,
        [short(label, 40) for label in labels],
        loc="lower left",
        bbox_to_anchor=(0, 1.01),
        ncols=2 if longest > _LONG_NAME else _LEGEND_COLUMNS,
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


def folded(name: str, columns: int = 18, lines: int = 2) -> str:
    r"""A name on a few lines, cut off where it is too long.

    >>> folded("FROZEN MEAT AND MEAT DINNERS")
    'FROZEN MEAT AND\\nMEAT DINNERS'
    """
    first, *more = wrap(short(name, lines * columns), columns) or [""]
    kept = [first, *more[: lines - 2], " ".join(more[lines - 2 :])] if more else [first]
    return "\n".join(short(line, columns) for line in kept if line)
