"""The other questions: what was bought before, what is new, peak days."""

from training.evaluation.results import Evaluation, TaskResult
from training.report.parts import Block, Section, Text
from training.report.sections.headline import comparison_table, metric_names, metric_table
from training.report.sources import Sources
from training.report.words import headline_metric, parted, plural

_SHOWN = ("recall", "ndcg")


def tasks(sources: Sources) -> Section:
    """A table per task beside the first."""
    evaluation = sources.evaluation
    blocks: list[Block] = []
    for task in evaluation.tasks[1:]:
        blocks.append(_main_table(evaluation, task))
        if task.comparisons:
            blocks.append(comparison_table(task))
    if not blocks:
        blocks = [Text("Only one task was measured.", "muted")]
    return Section("tasks", "Task by task", tuple(blocks))


def _main_table(evaluation: Evaluation, task: TaskResult) -> Block:
    _, k = parted(headline_metric(evaluation, task))
    names = metric_names(task)
    chosen = [name for name in names if parted(name) in [(short, k) for short in _SHOWN]]
    caption = (
        f"{task.name}: {plural(task.target_type)} for {task.num_seeds:,} "
        f"{plural(task.seed_type)}, {task.num_pairs:,} pairs to be found"
    )
    return metric_table(evaluation, task, chosen or names[:2], caption)
