"""What was measured, in a sentence and a table."""

from collections.abc import Mapping, Sequence

from training.evaluation.results import Estimate, Evaluation, LeakFinding, TaskResult
from training.report.parts import Block, Cell, Section, Table, Text
from training.report.sources import Sources
from training.report.verdict import lost, sentence
from training.report.words import (
    chance,
    headline_metric,
    interval,
    meaning,
    metric_title,
    number,
    parted,
)

_SHOWN = ("recall", "ndcg", "hit_rate", "mrr")
_MOST_LOSSES = 12


def headline(sources: Sources) -> Section:
    """The sentence, the table of the first task, and where a baseline is ahead."""
    evaluation = sources.evaluation
    task = evaluation.tasks[0]
    metric = headline_metric(evaluation, task)
    _, k = parted(metric)
    names = metric_names(task)
    chosen = [name for name in names if parted(name) in [(short, k) for short in _SHOWN]]
    blocks: list[Block] = [Text(sentence(evaluation))]
    blocks += [Text(f"{one.check}: {one.message}", "warning") for one in _warnings(evaluation)]
    blocks.append(metric_table(evaluation, task, chosen or names[:4], _caption(task)))
    losses = lost(evaluation)
    if losses:
        more = len(losses) - _MOST_LOSSES
        words = ". ".join(losses[:_MOST_LOSSES]) + (f". And {more} more" if more > 0 else "")
        blocks.append(Text(f"Where a baseline is ahead ({len(losses)}): {words}."))
    else:
        blocks.append(Text("No baseline is ahead in any measure of any task."))
    if task.comparisons:
        blocks.append(comparison_table(task))
    blocks.append(metric_table(evaluation, task, names, "All measures", folded=True))
    blocks.append(_glossary(evaluation))
    return Section("result", "What came out", tuple(blocks))


def metric_names(task: TaskResult) -> list[str]:
    """Every metric of a task, in the order of its models."""
    return list(dict.fromkeys(name for result in task.models for name in result.metrics))


def metric_table(
    evaluation: Evaluation,
    task: TaskResult,
    names: Sequence[str],
    caption: str,
    *,
    folded: bool = False,
) -> Table:
    """A row per model, a column per metric, intervals under the means."""
    best = {
        name: max(one.metrics[name].mean for one in task.models if name in one.metrics)
        for name in names
    }
    rows = []
    for result in task.models:
        model = Cell(result.model, "evaluated" if result.model == evaluation.models[0] else "")
        rows.append((model, *(_estimate_cell(result.metrics, name, best[name]) for name in names)))
    titles = tuple(metric_title(name) for name in names)
    return Table(
        caption,
        ("model", *titles),
        tuple(rows),
        frozenset(titles),
        "Under each mean its 95 % interval, by bootstrap over "
        f"{task.num_seeds:,} seeds. Bold is best.",
        folded,
    )


def comparison_table(task: TaskResult) -> Table:
    """Models compared on the same seeds."""
    rows = tuple(
        (
            Cell(f"{one.model} against {one.against}"),
            Cell(metric_title(one.metric)),
            Cell(_signed(one.difference.mean), interval(one.difference)),
            Cell(chance(one.p_value)),
        )
        for one in task.comparisons
    )
    methods = ", ".join(dict.fromkeys(one.method for one in task.comparisons))
    return Table(
        "The same seeds, model against model",
        ("models", "measure", "difference", "by chance"),
        rows,
        frozenset({"difference", "by chance"}),
        f"Test: {methods}. p is how often chance alone gives a difference as large.",
        folded=len(rows) > _MOST_LOSSES,
    )


def _warnings(evaluation: Evaluation) -> list[LeakFinding]:
    return [one for one in evaluation.leaks if one.level == "warning"]


def _caption(task: TaskResult) -> str:
    return f"{task.name}: {task.num_seeds:,} seeds, {task.num_pairs:,} pairs to be found"


def _estimate_cell(metrics: Mapping[str, Estimate], name: str, best: float) -> Cell:
    if name not in metrics:
        return Cell("")
    estimate = metrics[name]
    return Cell(number(estimate.mean), interval(estimate), is_best=estimate.mean == best)


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
