"""Bars with intervals, one group under the other: names of groups have room on the left."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from graphrec.explain.shortening import short
from training.evaluation.results import Estimate
from training.report.charts.axes import LONGEST_LABEL, STEPS, folded, legend_above, tick_text
from training.report.charts.chart import Chart
from training.report.palette import Palette

_BAR, _GAP, _AROUND = 14, 14, 92  # pixels


@dataclass(frozen=True, slots=True)
class BarGroup:
    """What stands side by side.

    Args:
        values: By model; a model that is not in it has no bar.
    """

    label: str
    values: Mapping[str, Estimate]


def bar_chart(
    name: str,
    title: str,
    alt: str,
    groups: Sequence[BarGroup],
    models: Mapping[str, int],
    label: str,
) -> Chart:
    """Bars of every model in every group, from the top down in the order given.

    Args:
        models: In the order of bars, with the place of each one's colour in the palette.
        label: What the bars measure.
    """
    cluster = _BAR * len(models) + _GAP

    def draw(axes: Axes, palette: Palette) -> None:
        for place, (model, colour) in enumerate(models.items()):
            known = [
                (number * cluster + place * _BAR, group.values[model])
                for number, group in enumerate(groups)
                if model in group.values
            ]
            means = [estimate.mean for _, estimate in known]
            axes.barh(
                [at for at, _ in known],
                means,
                height=_BAR * 0.82,
                align="edge",
                color=palette.series[colour % len(palette.series)],
                linewidth=0,
                label=model,
            )
            axes.errorbar(
                means,
                [at + _BAR * 0.41 for at, _ in known],
                # Bootstrap intervals need not hold the mean.
                xerr=[
                    [max(one.mean - one.low, 0) for _, one in known],
                    [max(one.high - one.mean, 0) for _, one in known],
                ],
                fmt="none",
                color=palette.ink,
                elinewidth=1.1,
                capsize=2,
            )
        middles = [number * cluster + _BAR * len(models) / 2 for number in range(len(groups))]
        axes.set_yticks(middles, [folded(group.label) for group in groups])
        axes.tick_params(axis="y", length=0, labelcolor=palette.ink)
        axes.set_ylim(len(groups) * cluster - _GAP / 2, -_GAP / 2)
        axes.set_xlim(left=0)
        axes.set_xlabel(short(label, LONGEST_LABEL))
        axes.xaxis.set_major_locator(MaxNLocator(5, steps=STEPS))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: tick_text(value)))
        axes.grid(axis="x", color=palette.grid, linewidth=0.8)
        axes.spines["left"].set_visible(False)
        legend_above(axes, palette)

    return Chart(name, title, alt, draw, height=_AROUND + cluster * len(groups))
