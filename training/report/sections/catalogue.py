"""What accuracy does not say: the worth of what was found, and the lists as a whole."""

from training.evaluation.results import Evaluation, TaskResult
from training.report.parts import Block, Cell, Section, Table, Text
from training.report.sections.headline import metric_names, metric_table
from training.report.sources import Sources
from training.report.words import meaning, metric_title, number, parted


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
        blocks.append(Text("Nothing was weighted by value: no money is known.", "muted"))
    table = _lists(evaluation, task)
    blocks.append(table or Text("Nothing was measured of the lists as a whole.", "muted"))
    return Section("catalogue", "Value, and beyond accuracy", tuple(blocks))


def _lists(evaluation: Evaluation, task: TaskResult) -> Table | None:
    names = list(dict.fromkeys(name for result in task.models for name in result.lists))
    if not names:
        return None
    order = {model: place for place, model in enumerate(evaluation.models)}
    results = sorted(task.models, key=lambda result: order.get(result.model, len(order)))
    rows = tuple(
        (
            Cell(metric_title(name), meaning(name)),
            *(
                Cell(number(result.lists[name]) if name in result.lists else "")
                for result in results
            ),
        )
        for name in sorted(names, key=lambda name: list(map(parted, names)).index(parted(name)))
    )
    models = tuple(result.model for result in results)
    return Table(
        f"The lists as a whole ({task.name})", ("measure", *models), rows, frozenset(models)
    )
