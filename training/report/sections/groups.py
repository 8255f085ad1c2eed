"""Builds the report sections with metrics by group and by popularity, and the lift of audiences.

The section on popularity shows the metric by number of training events, and who gets the places in
the lists. Lift says how well audiences of brands and products find new buyers.
"""

import re
from collections.abc import Mapping, Sequence

from graphrec.bundle import AudienceFigures
from graphrec.bundle.audiences import Reliability
from training.evaluation.lookalikes import SERVED
from training.evaluation.results import (
    FEWEST_QUERIES,
    Evaluation,
    GroupResult,
    LiftPoint,
    TaskResult,
    too_few_queries,
)
from training.report.charts import Axis, Chart, DotRow, Line, Scale, dot_chart, line_chart
from training.report.page import Block, Cell, Figure, Omitted, Row, Section, Table, Text
from training.report.sources import Sources
from training.report.words import (
    headline_metric,
    in_words,
    interval,
    metric_title,
    number,
    percent,
    plural,
)

MOST_SHOWN = 4
"""Models in a chart: the first one and the best others; tables have all."""


def groups(sources: Sources) -> Section | Omitted:
    """A chart and a folded table per dimension of the first task.

    Dimensions that the section on popularity draws as lines have only their table here.
    """
    evaluation = sources.evaluation
    task = evaluation.tasks[0]
    title = "Groups"
    if not task.groups:
        return Omitted(title, "no groups were measured.")
    metric = headline_metric(evaluation, task)
    dimensions = by_dimension(task)
    shown = shown_models(evaluation, task, metric)
    drawn = {name: found for name, found in dimensions.items() if name not in _curves(task, metric)}
    charts = tuple(
        dot_chart(
            f"group-{slug(name)}",
            f"{metric_title(metric)} by {name}",
            f"Dots of {metric_title(metric)} with intervals by {name}, "
            f"for {', '.join(shown)}; the figures are in the table below",
            [
                DotRow(
                    one.group,
                    {m: e[metric] for m, e in one.models.items() if metric in e},
                    one.num_queries,
                )
                for one in found
                if any(metric in e for e in one.models.values())
            ],
            series_of(evaluation, shown),
            f"{metric_title(metric)}, with 95 % interval",
            f"{num_shown(task)}, per group in brackets",
        )
        for name, found in drawn.items()
        if any(metric in e for one in found for e in one.models.values())
    )
    left_out = len(task.models) - len(shown)
    more = f" Charts show {', '.join(shown)}; tables show all models." if left_out else ""
    blocks: list[Block] = [
        Text(f"Parts of the task '{task.name}'.{more}", "muted"),
        *([Row(tuple(map(Figure, charts)), narrow=True)] if charts else []),
    ]
    blocks += [_table(evaluation, name, found, metric) for name, found in dimensions.items()]
    return Section("groups", title, tuple(blocks))


def num_shown(task: TaskResult) -> str:
    """The number of queries, for charts and captions."""
    return f"{task.num_queries:,} quer{'y' if task.num_queries == 1 else 'ies'}"


def by_dimension(task: TaskResult) -> dict[str, list[GroupResult]]:
    """The groups of each dimension, in their order."""
    found: dict[str, list[GroupResult]] = {}
    for group in task.groups:
        found.setdefault(group.dimension, []).append(group)
    return found


def shown_models(
    evaluation: Evaluation, task: TaskResult, metric: str, most: int = MOST_SHOWN
) -> list[str]:
    """The first model, then the best others, best first."""
    ours, *_ = evaluation.models
    means = {one.model: one.metrics[metric].mean for one in task.models if metric in one.metrics}
    others = sorted((name for name in means if name != ours), key=lambda name: -means[name])
    return [ours, *others[: most - 1]]


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
    few = group.num_queries < FEWEST_QUERIES
    return too_few_queries(group.num_queries) if few else ""


def _table(evaluation: Evaluation, name: str, found: Sequence[GroupResult], metric: str) -> Table:
    models = [model for model in evaluation.models if any(model in one.models for one in found)]
    rows = []
    for one in found:
        means = {m: e[metric] for m, e in one.models.items() if metric in e}
        best = max((estimate.mean for estimate in means.values()), default=0.0)
        row = [Cell(one.group), Cell(f"{one.num_queries:,}"), Cell(f"{one.num_pairs:,}")]
        for model in models:
            estimate = means.get(model)
            row.append(
                Cell(_missing(one))
                if estimate is None
                else Cell(number(estimate.mean), interval(estimate), estimate.mean == best > 0)
            )
        rows.append(tuple(row))
    of = "positives" if found[0].of == "targets" else "queries"
    return Table(
        f"{metric_title(metric)} by {name} (groups of {of})",
        (name, "queries", "positives", *models),
        tuple(rows),
        frozenset({"queries", "positives", *models}),
        folded=True,
    )


_SHARES = (0.01, 0.05, 0.1, 0.2)


def lifts(sources: Sources) -> Section | Omitted:
    """The lift curves of audiences of brands and of products."""
    evaluation = sources.evaluation
    title = "Audiences"
    by_type: dict[str, list[Line]] = {}
    for query_type in dict.fromkeys(point.query_type for point in evaluation.lifts):
        by_type[query_type] = _lines(evaluation, query_type)
    if not by_type:
        why = "no brand or product has enough new buyers among the held-out purchases."
        return Omitted(title, why)
    charts = tuple(
        line_chart(
            f"lookalike-lift-{slug(query_type)}",
            f"New buyers of a {in_words(query_type)}, times chance",
            "Lift over the size of the audience, for " + ", ".join(line.label for line in lines),
            lines,
            Axis("audience, of all who never bought it", "log", as_percent=True),
            Axis("lift (times chance)", level=(1.0, "chance")),
            _num_queries(evaluation, query_type),
        )
        for query_type, lines in by_type.items()
    )
    blocks: tuple[Block, ...] = (
        Text(
            "Users who never bought a brand or product, ordered by how similar they are to its "
            "buyers. Lift is the share of new buyers among the first of them, over their share "
            "among all. Means over brands or products with 10 new buyers or more."
        ),
        Row(tuple(map(Figure, charts))),
        *(_lift_table(query_type, lines) for query_type, lines in by_type.items()),
        *(_reliability(name, figures) for name, figures in evaluation.audiences.items()),
    )
    return Section("lookalikes", title, blocks)


def _lines(evaluation: Evaluation, query_type: str) -> list[Line]:
    points = [point for point in evaluation.lifts if point.query_type == query_type]
    lines = []
    for model, series in _series(points).items():
        own = sorted((p.share, p.lift) for p in points if p.model == model and p.share > 0)
        lines.append(Line(model, series, [share for share, _ in own], [lift for _, lift in own]))
    return lines


def _num_queries(evaluation: Evaluation, query_type: str) -> str:
    number = max(one.num_queries for one in evaluation.lifts if one.query_type == query_type)
    return f"{number:,} {plural(query_type)}" if number else f"{plural(query_type)}, not counted"


def _reliability(node_type: str, figures: AudienceFigures) -> Table:
    """A row per tenth of all pairs of a user and a brand or product, least likely first."""
    found = figures.first_purchase
    rows = [
        (Cell(f"{10 * place} to {10 * place + 10} %"), *_both(one))
        for place, one in enumerate(found.tenths)
    ]
    rows.append((Cell("the last 1 %"), *_both(found.top_percent)))
    return Table(
        f"Chance that a user buys a {in_words(node_type)} for the first time within "
        f"{figures.window_days} days, predicted and observed",
        ("users, the least likely first", "predicted", "bought"),
        tuple(rows),
        frozenset({"predicted", "bought"}),
        f"Mean difference over tenths (expected calibration error): {found.error:.5f}. Halves of "
        f"all {plural(node_type)} are predicted by a model of the other halves.",
        folded=True,
    )


def _both(one: Reliability) -> tuple[Cell, Cell]:
    return Cell(percent(one.told, 2)), Cell(percent(one.bought, 2))


def _series(points: Sequence[LiftPoint]) -> dict[str, int]:
    """What audiences were ordered by, ours first, with the place of each one's colour."""
    names = dict.fromkeys(point.model for point in points)
    ours_first = sorted(names, key=lambda name: name not in SERVED.values())
    return {name: place for place, name in enumerate(ours_first)}


def _lift_table(query_type: str, lines: list[Line]) -> Table:
    known = [dict(zip(line.x, line.y, strict=True)) for line in lines]
    shares = [share for share in _SHARES if any(share in lift for lift in known)]
    columns = tuple(f"first {percent(share, 0)}" for share in shares)
    rows = tuple(
        (
            Cell(line.label),
            *(Cell(f"{lift[share]:.2f}" if share in lift else "") for share in shares),
        )
        for line, lift in zip(lines, known, strict=True)
    )
    return Table(
        f"Lift of audiences of a {in_words(query_type)}, by size",
        ("ordered by", *columns),
        rows,
        frozenset(columns),
        folded=True,
    )


COUNTED = ("training events", "user activity")
"""Dimensions whose groups are numbers of training events, of targets and of queries."""
_UNKNOWN = "unknown"
_UNIT = re.compile(r" events?\b")


def popularity(sources: Sources) -> Section | Omitted:
    """A curve per dimension that counts training events, and the exposure by popularity."""
    evaluation = sources.evaluation
    task = evaluation.tasks[0]
    title = "Rare and popular"
    metric = headline_metric(evaluation, task)
    charts = [
        _curve(
            name,
            task.query_type if found[0].of == "queries" else task.target_type,
            found,
            metric,
            series_of(evaluation, shown_models(evaluation, task, metric)),
            num_shown(task),
        )
        for name, found in _curves(task, metric).items()
    ]
    words = []
    if charts:
        words.append("How much must be known of a query or target before the model works.")
    if evaluation.exposure:
        charts.append(_exposure(evaluation, task, metric))
        targets = plural(task.target_type)
        words.append(
            f"Exposure: {targets} in {len(evaluation.exposure)} groups by popularity. Where a "
            f"model is above '{_POSITIVES}', it shows these {targets} more often than people "
            "choose them."
        )
    if not charts:
        return Omitted(title, "no groups by number of training events were measured.")
    blocks = (Text(" ".join(words)), Row(tuple(map(Figure, charts)), narrow=True))
    return Section("popularity", title, blocks)


def _curves(task: TaskResult, metric: str) -> dict[str, list[GroupResult]]:
    """The dimensions that are drawn as lines, with the groups that have the metric."""
    found = {
        name: [
            group
            for group in groups
            if group.group != _UNKNOWN and any(metric in e for e in group.models.values())
        ]
        for name, groups in by_dimension(task).items()
        if name in COUNTED
    }
    return {name: groups for name, groups in found.items() if len(groups) > 1}


def _curve(
    name: str,
    of: str,
    groups: list[GroupResult],
    metric: str,
    models: Mapping[str, int],
    counted: str,
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
        f"curve-{slug(name)}",
        f"{metric_title(metric)} by {name}",
        f"Lines of {metric_title(metric)} over {name}, from the least known on",
        lines,
        Axis(
            f"training events of the {in_words(of)} (queries)",
            groups=labels,
            counts=[group.num_queries for group in groups],
        ),
        Axis(f"{metric_title(metric)} (band: 95 % interval)"),
        counted,
    )


_POSITIVES = "positives"


def _exposure(evaluation: Evaluation, task: TaskResult, metric: str) -> Chart:
    """The share of places by popularity, beside the share of the positives."""
    points = evaluation.exposure
    targets = plural(task.target_type)
    x = [point.popularity for point in points]
    shown = [one for one in shown_models(evaluation, task, metric) if one in points[0].shown]
    lines = [
        Line(model, series, x, [point.shown.get(model, 0.0) for point in points])
        for model, series in series_of(evaluation, shown).items()
    ]
    lines.append(Line(_POSITIVES, 0, x, [point.bought for point in points], is_reference=True))
    return line_chart(
        "exposure",
        f"Places in lists by popularity of {targets}",
        f"Share of all places in all lists over popularity of {targets}, "
        f"for {', '.join(shown)}, beside the share of the {_POSITIVES}",
        lines,
        Axis(f"training events per {in_words(task.target_type)} (group mean)", _x_scale(x)),
        Axis("share of all places", as_percent=True),
        f"{num_shown(task)}, {sum(point.num_targets for point in points):,} {targets}",
    )


def _x_scale(x: list[float]) -> Scale:
    return "log" if min(x) > 0 else "symlog"
