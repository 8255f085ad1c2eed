"""The other questions: what was bought before, what is new, peak days."""

from training.evaluation.results import Evaluation, TaskResult, too_few_queries
from training.report.parts import Block, Row, Section, Table, Text
from training.report.sections.headline import (
    UNDER_MEANS,
    comparison_tables,
    metric_names,
    metric_table,
)
from training.report.sources import Sources
from training.report.words import headline_metric, parted, plural

_SHOWN = ("recall", "ndcg")


def tasks(sources: Sources) -> Section:
    """A table per task beside the first."""
    evaluation = sources.evaluation
    others = evaluation.tasks[1:]
    if not others:
        nothing = Text("Only one task was measured.", "muted")
        return Section("tasks", "Task by task", (nothing,))
    told = [task for task in others if metric_names(task)]
    blocks: list[Block] = [
        Text(UNDER_MEANS, "muted"),
        *([Row(tuple(_main_table(evaluation, task) for task in told))] if told else []),
        *(
            Text(f"{_caption(task)}: {too_few_queries(task.num_seeds)}", "muted")
            for task in others
            if task not in told
        ),
    ]
    for task in told:
        if task.comparisons:
            metric = headline_metric(evaluation, task)
            blocks.append(comparison_tables(evaluation, task, metric)[-1])
    return Section("tasks", "Task by task", tuple(blocks))


def _main_table(evaluation: Evaluation, task: TaskResult) -> Table:
    _, k = parted(headline_metric(evaluation, task))
    names = metric_names(task)
    chosen = [name for name in names if parted(name) in [(short, k) for short in _SHOWN]]
    return metric_table(evaluation, task, chosen or names[:2], _caption(task), noted=False)


def _caption(task: TaskResult) -> str:
    return (
        f"{task.name}: {plural(task.target_type)} for {task.num_seeds:,} "
        f"{plural(task.seed_type)}, {task.num_pairs:,} pairs to be found"
    )
