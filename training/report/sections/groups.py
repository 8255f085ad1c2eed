"""For whom, and for what, the model works: metrics by group."""

import re
from collections.abc import Sequence

from training.evaluation.results import (
    FEWEST_QUERIES,
    Evaluation,
    GroupResult,
    TaskResult,
    too_few_queries,
)
from training.report.charts.bars import BarGroup, bar_chart
from training.report.parts import Block, Cell, Figure, Row, Section, Table, Text
from training.report.sources import Sources
from training.report.words import headline_metric, interval, metric_title, number

MOST_BARS = 4
"""Models in a chart: the evaluated one and its best rivals; tables have all."""


def groups(sources: Sources) -> Section:
    """A chart and a folded table per dimension of the first task."""
    evaluation = sources.evaluation
    task = evaluation.tasks[0]
    if not task.groups:
        nothing = Text("No groups were measured.", "muted")
        return Section("groups", "Group by group", (nothing,))
    metric = headline_metric(evaluation, task)
    dimensions = by_dimension(task)
    shown = rivals(evaluation, task, metric)
    charts = tuple(
        bar_chart(
            f"group-{slug(name)}",
            f"{metric_title(metric)} by {name}",
            f"Bars of {metric_title(metric)} with intervals by {name}, "
            f"for {', '.join(shown)}; the figures stand in the table below",
            [
                BarGroup(one.group, {m: e[metric] for m, e in one.models.items() if metric in e})
                for one in found
                if any(metric in e for e in one.models.values())
            ],
            series_of(evaluation, shown),
            f"{metric_title(metric)}, with 95 % interval",
        )
        for name, found in dimensions.items()
        if any(metric in e for one in found for e in one.models.values())
    )
    left_out = len(task.models) - len(shown)
    more = f" Charts show the {len(shown) - 1} best baselines; tables all." if left_out else ""
    blocks: list[Block] = [
        Text(f"Parts of the task '{task.name}'.{more}"),
        *([Row(tuple(map(Figure, charts)))] if charts else []),
    ]
    blocks += [_table(evaluation, name, found, metric) for name, found in dimensions.items()]
    return Section("groups", "Group by group", tuple(blocks))


def by_dimension(task: TaskResult) -> dict[str, list[GroupResult]]:
    """The groups of each dimension, in their order."""
    found: dict[str, list[GroupResult]] = {}
    for group in task.groups:
        found.setdefault(group.dimension, []).append(group)
    return found


def rivals(evaluation: Evaluation, task: TaskResult, metric: str) -> list[str]:
    """The evaluated model, then its best baselines, best first."""
    ours, *_ = evaluation.models
    means = {one.model: one.metrics[metric].mean for one in task.models if metric in one.metrics}
    others = sorted((name for name in means if name != ours), key=lambda name: -means[name])
    return [ours, *others[: MOST_BARS - 1]]


def series_of(evaluation: Evaluation, models: Sequence[str]) -> dict[str, int]:
    """Some models with the place of each one's colour: the same in every chart of a report."""
    order = list(dict.fromkeys((*evaluation.models, *models)))
    return {model: order.index(model) for model in models}


def slug(name: str) -> str:
    """A name fit for files and links.

    >>> slug("User activity (30 days)")
    'user-activity-30-days'
    """
    return re.sub(r"\W+", "-", name.casefold()).strip("-")


def _missing(group: GroupResult) -> str:
    few = group.num_seeds < FEWEST_QUERIES
    return too_few_queries(group.num_seeds) if few else ""


def _table(evaluation: Evaluation, name: str, found: Sequence[GroupResult], metric: str) -> Table:
    models = [model for model in evaluation.models if any(model in one.models for one in found)]
    rows = []
    for one in found:
        means = {m: e[metric] for m, e in one.models.items() if metric in e}
        best = max((estimate.mean for estimate in means.values()), default=0.0)
        row = [Cell(one.group), Cell(f"{one.num_seeds:,}"), Cell(f"{one.num_pairs:,}")]
        for model in models:
            estimate = means.get(model)
            row.append(
                Cell(_missing(one))
                if estimate is None
                else Cell(number(estimate.mean), interval(estimate), estimate.mean == best > 0)
            )
        rows.append(tuple(row))
    of = "what was to be found" if found[0].of == "targets" else "seeds"
    return Table(
        f"{metric_title(metric)} by {name} (groups of {of})",
        (name, "seeds", "pairs", *models),
        tuple(rows),
        frozenset({"seeds", "pairs", *models}),
        folded=True,
    )
