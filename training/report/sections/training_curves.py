"""How training went, epoch by epoch."""

from training.report.charts.chart import Chart
from training.report.charts.lines import Axis, Line, line_chart
from training.report.parts import Block, Figure, Row, Section, Text
from training.report.sections.groups import slug
from training.report.sources import EpochLine, Sources
from training.report.words import metric_title


def training_curves(sources: Sources) -> Section:
    """Loss, and recall on the validation part, of every run in the log."""
    key, title = "training", "Training"
    if sources.runs is None:
        model = sources.evaluation.settings.get("model")
        words = "No log of a training run was given."
        if model == "spectral":
            words += " The closed form has no epochs."
        return Section(key, title, (Text(words, "muted"),))
    charts: list[Chart] = []
    for name, epochs in sources.runs.items():
        charts.append(_curve(name, "loss", [(one.number, one.loss) for one in epochs]))
        for measure in ("recall", "ndcg"):
            known = [
                (one.number, value)
                for one in epochs
                if (value := getattr(one, measure)) is not None
            ]
            if known:
                charts.append(_curve(name, f"{metric_title(measure)} on validation", known))
    blocks: tuple[Block, ...] = (
        Text(". ".join(_told(name, epochs) for name, epochs in sources.runs.items()) + "."),
        Row(tuple(map(Figure, charts))),
    )
    return Section(key, title, blocks)


def _told(name: str, epochs: tuple[EpochLine, ...]) -> str:
    seconds = sum(one.seconds for one in epochs)
    best = max((one for one in epochs if one.recall is not None), key=_recall, default=None)
    words = f"{name}: {len(epochs)} epochs in {seconds:,.0f} s"
    return words if best is None else f"{words}, best recall {_recall(best):.4f} at {best.number}"


def _recall(epoch: EpochLine) -> float:
    return epoch.recall or 0.0


def _curve(run: str, measure: str, points: list[tuple[int, float]]) -> Chart:
    line = Line(run, 0, [x for x, _ in points], [y for _, y in points])
    return line_chart(
        f"training-{slug(run)}-{slug(measure)}",
        f"{run}: {measure}",
        f"The {measure} of the run {run} over {len(points)} epochs, "
        f"from {points[0][1]:.4g} to {points[-1][1]:.4g}",
        [line],
        Axis("epoch", is_whole=True),
        Axis(measure),
        height=260,
    )
