"""What accuracy does not say: the worth of what was found, and the lists as a whole."""

from collections.abc import Sequence

from training.evaluation.results import Evaluation, TaskResult, too_few_queries
from training.report.parts import Block, Cell, Section, Table, Text
from training.report.sections.headline import metric_names, metric_table
from training.report.sources import Sources
from training.report.words import headline_metric, meaning, metric_title, number, parted


def catalogue(sources: Sources) -> Section:
    """Value-weighted metrics, and coverage, evenness, novelty, diversity of all lists."""
    evaluation = sources.evaluation
    task = evaluation.tasks[0]
    blocks: list[Block] = []
    valued = [name for name in metric_names(task) if "value" in name]
    if valued:
        caption = "Weighted by net value"
        blocks.append(metric_table(evaluation, task, valued, caption, noted=False))
    else:
        few = [number for name, number in task.too_few.items() if "value" in name]
        why = "no money is known" if evaluation.protocol.cutoff else "there is no cut-off"
        why = too_few_queries(few[0]) if few else why
        blocks.append(Text(f"Nothing was weighted by value: {why}.", "muted"))
    names = list(dict.fromkeys(name for result in task.models for name in result.lists))
    if not names:
        blocks.append(Text("Nothing was measured of the lists as a whole.", "muted"))
        return Section("catalogue", "Value, and beyond accuracy", tuple(blocks))
    _, k = parted(headline_metric(evaluation, task))
    main = [name for name in names if parted(name)[1] == k]
    title = f"The lists as a whole ({task.name})"
    blocks.append(_lists(evaluation, task, main or names, title))
    if main and len(main) < len(names):
        blocks.append(_lists(evaluation, task, names, f"{title}, at every length", folded=True))
    return Section("catalogue", "Value, and beyond accuracy", tuple(blocks))


def _lists(
    evaluation: Evaluation,
    task: TaskResult,
    names: Sequence[str],
    caption: str,
    *,
    folded: bool = False,
) -> Table:
    """A row per measure, a column per model."""
    lists = {result.model: result.lists for result in task.models}
    models = tuple(model for model in evaluation.models if model in lists)
    rows = tuple(
        (
            Cell(metric_title(name), "" if folded else meaning(name)),
            *(Cell(number(lists[m][name]) if name in lists[m] else "") for m in models),
        )
        for name in names
    )
    return Table(caption, ("measure", *models), rows, frozenset(models), folded=folded)
