"""Builds the report sections with metrics by group, lift of audiences, cold start and exposure.

Lift says how well audiences of brands find new buyers, cold start shows the metric by number of
training events, and exposure compares places in lists with popularity.
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
    TaskResult,
    too_few_queries,
)
from training.report.charts import Axis, BarGroup, Chart, Line, Scale, bar_chart, line_chart
from training.report.page import Block, Cell, Figure, Row, Section, Table, Text
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

MOST_BARS = 4
"""Models in a chart: the evaluated one and the best baselines; tables have all."""


def groups(sources: Sources) -> Section:
    """A chart and a folded table per dimension of the first task."""
    evaluation = sources.evaluation
    task = evaluation.tasks[0]
    if not task.groups:
        nothing = Text("No groups were measured.", "muted")
        return Section("groups", "Group by group", (nothing,))
    metric = headline_metric(evaluation, task)
    dimensions = by_dimension(task)
    shown = shown_models(evaluation, task, metric)
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


def shown_models(evaluation: Evaluation, task: TaskResult, metric: str) -> list[str]:
    """The evaluated model, then the best baselines, best first."""
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
    of = "what was to be found" if found[0].of == "targets" else "queries"
    return Table(
        f"{metric_title(metric)} by {name} (groups of {of})",
        (name, "queries", "pairs", *models),
        tuple(rows),
        frozenset({"queries", "pairs", *models}),
        folded=True,
    )


_SHARES = (0.01, 0.05, 0.1, 0.2)


def lifts(sources: Sources) -> Section:
    """The lift curve of lookalikes."""
    points = sources.evaluation.lifts
    if not points:
        nothing = Text("No audiences of brands were measured.", "muted")
        return Section("lookalikes", "Lookalikes", (nothing,))
    lines = []
    for model, series in _series(sources.evaluation).items():
        own = sorted((p.share, p.lift) for p in points if p.model == model and p.share > 0)
        lines.append(Line(model, series, [share for share, _ in own], [lift for _, lift in own]))
    chart = line_chart(
        "lookalike-lift",
        "New buyers found, against chance",
        "Lift over the size of the audience, for " + ", ".join(line.label for line in lines),
        lines,
        Axis("audience, of all who never bought the brand", "log", as_percent=True),
        Axis("lift (times chance)", level=(1.0, "chance")),
    )
    blocks: tuple[Block, ...] = (
        Text(
            "A brand asks for the people most like its buyers among those who never bought it. "
            "Lift says how many times more of them became buyers afterwards than of people drawn "
            "by chance; mean over brands."
        ),
        Row((Figure(chart), _lift_table(lines))),
        *(
            _reliability(node_type, figures)
            for node_type, figures in sources.evaluation.audiences.items()
        ),
    )
    return Section("lookalikes", "Lookalikes", blocks)


def _reliability(node_type: str, figures: AudienceFigures) -> Table:
    """A row per tenth of all pairs of a user and a brand or product, least likely first."""
    found = figures.first_purchase
    rows = [
        (Cell(f"{10 * place} to {10 * place + 10} %"), *_told(one))
        for place, one in enumerate(found.tenths)
    ]
    rows.append((Cell("the last 1 %"), *_told(found.top_percent)))
    return Table(
        f"Chance that a user buys of a {in_words(node_type)} for the first time within "
        f"{figures.window_days} days, as told and as it came",
        ("users by chance", "told", "bought"),
        tuple(rows),
        frozenset({"told", "bought"}),
        f"Mean difference over tenths (expected calibration error): {found.error:.5f}. Told for "
        f"halves of all {plural(node_type)} by what was learned from the other halves.",
        folded=True,
    )


def _told(one: Reliability) -> tuple[Cell, Cell]:
    return Cell(percent(one.told, 2)), Cell(percent(one.bought, 2))


def _series(evaluation: Evaluation) -> dict[str, int]:
    """What audiences were ordered by, ours first, with the place of each one's colour."""
    names = dict.fromkeys(point.model for point in evaluation.lifts)
    ours_first = sorted(names, key=lambda name: name != SERVED)
    return {name: place for place, name in enumerate(ours_first)}


def _lift_table(lines: list[Line]) -> Table:
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
    return Table("Lift by size of the audience", ("model", *columns), rows, frozenset(columns))


COUNTED = ("training events", "user activity")
"""Dimensions whose groups are numbers of training events, of targets and of queries."""
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
            task.query_type if found[name][0].of == "queries" else task.target_type,
            found[name],
            metric,
            series_of(evaluation, shown_models(evaluation, task, metric)),
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


_TAKEN = "what was taken"


def exposure(sources: Sources) -> Section:
    """The share of places by popularity, beside the share of what was really taken."""
    points = sources.evaluation.exposure
    if not points:
        nothing = Text("Exposure was not measured.", "muted")
        return Section("exposure", "Popularity against exposure", (nothing,))
    targets = plural(sources.evaluation.tasks[0].target_type)
    x = [point.popularity for point in points]
    models = [one for one in sources.evaluation.models if one in points[0].shown]
    lines = [
        Line(model, series, x, [point.shown.get(model, 0.0) for point in points])
        for model, series in series_of(sources.evaluation, models).items()
    ]
    lines.append(Line(_TAKEN, 0, x, [point.bought for point in points], is_reference=True))
    chart = line_chart(
        "exposure",
        f"Share of places by popularity of {targets}",
        f"Share of all places in all lists over popularity of {targets}, "
        f"for {', '.join(models)}, beside {_TAKEN}",
        lines,
        Axis(f"training events per target (mean of a group of {targets})", _x_scale(x)),
        Axis("share of all places", as_percent=True),
        height=340,
    )
    blocks: tuple[Block, ...] = (
        Text(
            f"{targets.capitalize()} in {len(points)} groups of about the same popularity, from "
            f"{points[0].num_targets:,} least taken before to the "
            f"{points[-1].num_targets:,} most popular. Where a line is above '{_TAKEN}', the model "
            "shows them more than people want them."
        ),
        Figure(chart),
    )
    return Section("exposure", "Popularity against exposure", blocks)


def _x_scale(x: list[float]) -> Scale:
    return "log" if min(x) > 0 else "symlog"
