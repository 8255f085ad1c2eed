"""Builds the first report section: what to remember, and a table of the main results.

The first sentences say where a simple rule is ahead of the model, how the model does against the
best baseline, and which of several models to take.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from training.evaluation.leaderboard import reasons_to_take, simple_rule_ahead
from training.evaluation.results import (
    Comparison,
    Estimate,
    Evaluation,
    LeakFinding,
    TaskResult,
    too_few_queries,
)
from training.report.charts import Chart, DotRow, dot_chart
from training.report.page import Block, Cell, Figure, Row, Section, Table, Text
from training.report.sections.groups import num_shown, series_of, shown_models
from training.report.sources import Sources
from training.report.words import (
    chance,
    headline_metric,
    interval,
    meaning,
    metric_title,
    number,
    parted,
    percent,
    plural,
)

_SURE = 0.05
_DONE = {"PURCHASED": "bought", "VIEWED": "viewed", "WATCHED": "watched", "LIKED": "liked"}


@dataclass(frozen=True, slots=True)
class Summary:
    """The first model beside the best baseline of one task.

    Args:
        best_baseline: The best baseline; None where there is none.
        ours: The mean of the model.
        theirs: The mean of the best baseline.
        comparison: The paired test of the two; None where it was not made.
    """

    metric: str
    best_baseline: str | None
    ours: float
    theirs: float
    comparison: Comparison | None

    @property
    def is_sure(self) -> bool:
        """Whether the difference is more than chance; without a test it is not known."""
        return self.comparison is not None and self.comparison.p_value < _SURE


def summary_of(evaluation: Evaluation, task: TaskResult, metric: str) -> Summary | None:
    """By one metric; None where the model was not measured by it."""
    ours, *_ = evaluation.models
    means = {
        result.model: result.metrics[metric].mean
        for result in task.models
        if metric in result.metrics
    }
    if ours not in means:
        return None
    baselines = {name: mean for name, mean in means.items() if name in evaluation.baselines}
    best_baseline = max(baselines, key=lambda model: baselines[model], default=None)
    pair = (ours, best_baseline, metric)
    comparison = next(
        (one for one in task.comparisons if (one.model, one.against, one.metric) == pair), None
    )
    return Summary(
        metric,
        best_baseline,
        means[ours],
        baselines[best_baseline] if best_baseline else 0.0,
        comparison,
    )


def sentence(evaluation: Evaluation) -> str:
    """What was measured, and how the model did against the best baseline."""
    task = evaluation.tasks[0]
    metric = headline_metric(evaluation, task)
    summary = summary_of(evaluation, task, metric)
    model = evaluation.models[0]
    asked = _asked(evaluation, task)
    if metric in task.too_few:
        return f"{asked}: {too_few_queries(task.too_few[metric])} to tell how {model} did."
    if summary is None:
        return f"{asked}, {model} was not measured by {metric_title(metric)}."
    name, _, k = metric.partition("@")
    if name == "recall":
        _, relation, _ = evaluation.target_edge_type.split("-")
        done = _DONE.get(relation, "interacted with")
        reached = (
            f"{model} found {percent(summary.ours)} of what they then {done} "
            f"with {k} suggestions each"
        )
        theirs = percent(summary.theirs)
    else:
        reached = f"{model} reached {number(summary.ours)} in {metric_title(metric)}"
        theirs = number(summary.theirs)
    return f"{asked}, {reached}, {_against(summary, theirs)}."


def _asked(evaluation: Evaluation, task: TaskResult) -> str:
    protocol = evaluation.protocol
    queries = f"{task.num_queries:,} {plural(task.query_type)}"
    if protocol.split == "time" and protocol.cutoff is not None:
        days = f" {protocol.holdout_days} days" if protocol.holdout_days else " time"
        begin = f"{protocol.cutoff.day} {protocol.cutoff:%B %Y}"
        return f"Asked what {queries} would do in the{days} from {begin} on"
    if protocol.split == "leave-last-out":
        return f"Asked for the last step of each of {queries}"
    return f"Asked for what was held out of {queries}"


def _against(summary: Summary, theirs: str) -> str:
    if summary.best_baseline is None:
        return "with no baseline beside it"
    named = f"the best baseline, {summary.best_baseline}, with {theirs}"
    tested = "not tested"
    if summary.comparison is not None:
        tested = f"paired test, {chance(summary.comparison.p_value)}"
        if not summary.is_sure:
            return f"no more apart than by chance from {named} ({tested})"
    if not summary.theirs:
        return f"{'more than' if summary.ours else 'as'} {named} ({tested})"
    change = summary.ours / summary.theirs - 1
    if round(100 * change, 1) == 0:
        return f"as {named} ({tested})"
    more = "more" if change > 0 else "less"
    return f"{_change(abs(change))} {more} than {named} ({tested})"


def _change(share: float) -> str:
    """As '35 %', and what is small with a digit after the point."""
    return percent(share, 0 if share >= 0.1 else 1)


@dataclass(frozen=True, slots=True)
class Loss:
    """Where a baseline is ahead."""

    task: str
    summary: Summary


def lost(evaluation: Evaluation) -> tuple[list[Loss], int]:
    """Where the best baseline is ahead, over all tasks and metrics, and how many there are."""
    found, compared = [], 0
    for task in evaluation.tasks:
        for metric in dict.fromkeys(name for one in task.models for name in one.metrics):
            summary = summary_of(evaluation, task, metric)
            if summary is None or summary.best_baseline is None:
                continue
            compared += 1
            if summary.theirs > summary.ours:
                found.append(Loss(task.name, summary))
    return found, compared


_SHOWN = ("recall", "ndcg", "hit_rate")
UNDER_MEANS = "Under each mean its 95 % interval, by bootstrap over queries. Bold is best."
BESIDE_MEANS = "Beside each mean half its 95 % interval, by bootstrap over queries. Bold is best."


def headline(sources: Sources) -> Section:
    """What to remember, the table of the first task, and where a baseline is ahead."""
    evaluation = sources.evaluation
    task = evaluation.tasks[0]
    metric = headline_metric(evaluation, task)
    _, k = parted(metric)
    names = metric_names(task)
    chosen = [name for name in names if parted(name) in [(short, k) for short in _SHOWN]]
    ahead = simple_rule_ahead(evaluation, task, metric)
    told = [ahead] if ahead else []
    blocks: list[Block] = [Text(words, "lead") for words in (*told, sentence(evaluation))]
    reasons = list(reasons_to_take(evaluation))
    if reasons:
        blocks += [Text(reasons[0], "lead"), *map(Text, reasons[1:])]
    blocks += [
        Text(f"Leak check, {one.check}: {one.message}.", "warning") for one in _warnings(evaluation)
    ]
    if not names:
        return Section("result", "Results", tuple(blocks))
    table = _main_table(evaluation, task, chosen or names[:4], metric)
    figure = Figure(_chart(evaluation, task, (chosen or names)[0]))
    blocks.append(Row((table, figure), is_first_wide=True))
    blocks += _losses(evaluation)
    blocks += comparison_tables(task)
    blocks.append(metric_table(task, names, "All measures", folded=True))
    blocks.append(_glossary(evaluation))
    return Section("result", "Results", tuple(blocks))


def _main_table(
    evaluation: Evaluation, task: TaskResult, names: Sequence[str], metric: str
) -> Table:
    """A row per model, on one line: its kind, its means, and the test against the first one."""
    first = evaluation.models[0]
    chances = {
        one.against: chance(one.p_value)
        for one in task.comparisons
        if (one.model, one.metric) == (first, metric)
    }
    kinds = dict.fromkeys(evaluation.contenders, "trained")
    if evaluation.recommendation is not None:
        kinds[evaluation.recommendation.model] = "recommended"
    best = _best(task, names)
    rows = []
    for result in task.models:
        cells = (_half_interval(result.metrics, name, best[name]) for name in names)
        end = (Cell(chances.get(result.model, "")),) if chances else ()
        kind = Cell(kinds.get(result.model, "baseline"))
        rows.append((Cell(result.model), kind, *cells, *end))
    titles = tuple(map(metric_title, names))
    columns = ("model", "kind", *titles, *((f"{metric_title(metric)}: test",) if chances else ()))
    note = BESIDE_MEANS
    if chances:
        note += f" The test compares with {first}, query by query: {_method(task.comparisons)}."
    return Table(_caption(task), columns, tuple(rows), frozenset(columns[2:]), note, compact=True)


def _half_interval(metrics: Mapping[str, Estimate], name: str, best: float) -> Cell:
    if name not in metrics:
        return Cell("")
    one = metrics[name]
    note = f"±{number((one.high - one.low) / 2)}"
    return Cell(number(one.mean), note, is_best=one.mean == best > 0)


def _best(task: TaskResult, names: Sequence[str]) -> dict[str, float]:
    return {
        name: max(one.metrics[name].mean for one in task.models if name in one.metrics)
        for name in names
    }


def metric_names(task: TaskResult) -> list[str]:
    """Every metric of a task, in the order of its models."""
    return list(dict.fromkeys(name for result in task.models for name in result.metrics))


def metric_table(
    task: TaskResult,
    names: Sequence[str],
    caption: str,
    *,
    folded: bool = False,
) -> Table:
    """A row per model, a column per metric, intervals under the means."""
    best = _best(task, names)
    rows = tuple(
        (
            Cell(result.model),
            *(_estimate_cell(result.metrics, name, best[name]) for name in names),
        )
        for result in task.models
    )
    titles = tuple(metric_title(name) for name in names)
    return Table(caption, ("model", *titles), rows, frozenset(titles), UNDER_MEANS, folded)


def comparison_tables(task: TaskResult) -> list[Table]:
    """All comparisons of a task, folded."""
    if not task.comparisons:
        return []
    columns = ("models", "measure", "difference", "test")
    rows = tuple(
        (
            Cell(f"{one.model} less {one.against}"),
            Cell(metric_title(one.metric)),
            *_compared(one),
        )
        for one in task.comparisons
    )
    caption = f"All comparisons query by query ({task.name})"
    return [_comparisons(caption, columns, rows, task.comparisons, folded=True)]


def _comparisons(
    caption: str,
    columns: tuple[str, ...],
    rows: tuple[tuple[Cell, ...], ...],
    comparisons: Sequence[Comparison],
    *,
    folded: bool = False,
) -> Table:
    note = f"Test: {_method(comparisons)}."
    return Table(caption, columns, rows, frozenset(columns[-2:]), note, folded)


def _method(comparisons: Sequence[Comparison]) -> str:
    methods = ", ".join(dict.fromkeys(one.method for one in comparisons))
    return (
        f"{methods}; p is how often chance alone gives a difference as large, not corrected for "
        "the number of comparisons"
    )


def _compared(one: Comparison) -> tuple[Cell, ...]:
    difference = Cell(_signed(one.difference.mean), interval(one.difference))
    return (difference, Cell(chance(one.p_value)))


def _chart(evaluation: Evaluation, task: TaskResult, name: str) -> Chart:
    title = metric_title(name)
    shown = shown_models(evaluation, task, name, most=len(task.models))
    values = {one.model: one.metrics[name] for one in task.models if name in one.metrics}
    groups = [DotRow(model, {model: values[model]}) for model in shown if model in values]
    return dot_chart(
        "models",
        f"{title} of every model",
        f"Dots of {title} with intervals for {', '.join(shown)}; the figures are in the table",
        groups,
        series_of(evaluation, shown),
        f"{title}, with 95 % interval",
        num_shown(task),
        legend=False,
    )


def _losses(evaluation: Evaluation) -> list[Block]:
    losses, compared = lost(evaluation)
    if not compared:
        return []
    if not losses:
        return [Text(f"No baseline is ahead in any of the {compared} measures of all tasks.")]
    rows = tuple(
        (
            Cell(one.task),
            Cell(metric_title(one.summary.metric)),
            Cell(number(one.summary.theirs), one.summary.best_baseline or ""),
            Cell(number(one.summary.ours)),
        )
        for one in losses
    )
    ours = evaluation.models[0]
    by_task = Counter(one.task for one in losses)
    where = ", ".join(f"{name} {count}" for name, count in by_task.items())
    return [
        Text(f"A baseline is ahead of {ours} in {len(losses)} of {compared} measures: {where}."),
        Table(
            "Where a baseline is ahead",
            ("task", "measure", "baseline", ours),
            rows,
            frozenset({"baseline", ours}),
            folded=True,
        ),
    ]


def _warnings(evaluation: Evaluation) -> list[LeakFinding]:
    return [one for one in evaluation.leaks if one.level == "warning"]


def _caption(task: TaskResult) -> str:
    return f"{task.name}: {num_shown(task)}, {task.num_pairs:,} positives"


def _estimate_cell(metrics: Mapping[str, Estimate], name: str, best: float) -> Cell:
    if name not in metrics:
        return Cell("")
    estimate = metrics[name]
    return Cell(number(estimate.mean), interval(estimate), is_best=estimate.mean == best > 0)


def _signed(value: float) -> str:
    return f"{'+' if value > 0 else ''}{number(value)}"


def _glossary(evaluation: Evaluation) -> Table:
    names = [
        name
        for task in evaluation.tasks
        for result in task.models
        for name in (*result.metrics, *result.lists)
    ]
    kinds = dict.fromkeys(parted(name)[0] for name in names)
    rows = tuple((Cell(metric_title(kind)), Cell(meaning(kind))) for kind in kinds if meaning(kind))
    return Table("What the measures mean", ("measure", "meaning"), rows, folded=True)
