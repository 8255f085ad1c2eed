"""How much a model needs to know: the metric by number of training events."""

import re
from collections.abc import Mapping

from training.evaluation.results import GroupResult
from training.report.charts.chart import Chart
from training.report.charts.lines import Axis, Line, line_chart
from training.report.parts import Block, Figure, Row, Section, Text
from training.report.sections.groups import by_dimension, rivals, series_of, slug
from training.report.sources import Sources
from training.report.words import headline_metric, in_words, metric_title

COUNTED = ("training events", "user activity")
"""Dimensions whose groups are numbers of training events, of targets and of seeds."""
_UNKNOWN = "unknown"
_UNIT = re.compile(r" events?\b")


def cold_start(sources: Sources) -> Section:
    """A curve per dimension that counts training events."""
    evaluation = sources.evaluation
    task = evaluation.tasks[0]
    metric = headline_metric(evaluation, task)
    found = {
        name: [
            group
            for group in groups
            if group.group != _UNKNOWN and any(metric in e for e in group.models.values())
        ]
        for name, groups in by_dimension(task).items()
    }
    charts = tuple(
        _curve(
            name,
            task.seed_type if found[name][0].of == "seeds" else task.target_type,
            found[name],
            metric,
            series_of(evaluation, rivals(evaluation, task, metric)),
        )
        for name in COUNTED
        if len(found.get(name, [])) > 1
    )
    block: Block = (
        Row(tuple(map(Figure, charts)))
        if charts
        else Text("No groups by number of training events were measured.", "muted")
    )
    return Section("cold-start", "Cold start", (block,))


def _curve(
    name: str, of: str, groups: list[GroupResult], metric: str, models: Mapping[str, int]
) -> Chart:
    lines = []
    first = next(iter(models))
    for model, series in models.items():
        known = [
            (place, group.models[model][metric])
            for place, group in enumerate(groups)
            if metric in group.models.get(model, {})
        ]
        lines.append(
            Line(
                model,
                series,
                [place for place, _ in known],
                [one.mean for _, one in known],
                # One band can be read; four would hide each other, and tables have them all.
                [one.low for _, one in known] if model == first else (),
                [one.high for _, one in known] if model == first else (),
            )
        )
    # The unit stands at the axis.
    labels = [_UNIT.sub("", group.group) for group in groups]
    return line_chart(
        f"cold-start-{slug(name)}",
        f"{metric_title(metric)} by {name}",
        f"Lines of {metric_title(metric)} over {name}, from the least known on",
        lines,
        Axis(f"training events of the {in_words(of)}", groups=labels),
        Axis(f"{metric_title(metric)} (band: 95 % interval)"),
    )
