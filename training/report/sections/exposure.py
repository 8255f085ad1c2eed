"""Who gets the places: popularity against exposure."""

from training.report.charts.lines import Axis, Line, Scale, line_chart
from training.report.parts import Block, Figure, Section, Text
from training.report.sections.groups import series_of
from training.report.sources import Sources
from training.report.words import plural

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
