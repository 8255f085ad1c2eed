"""Shows evaluations as text tables, and scores models for the report of `graphrec train`.

`graphrec train` reports two figures per task and model, in its table and manifest.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import numpy as np
from rich.table import Table

from graphdb.errors import InsufficientDataError
from graphrec.cli.output import escape
from training.evaluation.leaderboard import (
    leader,
    reasons_to_take,
    simple_rule_ahead,
    value_of,
)
from training.evaluation.metrics import HIT_RATE, MRR, NDCG, RECALL, VALUE_NDCG, Hits, at, per_query
from training.evaluation.rankers import Ranker
from training.evaluation.results import (
    FEWEST_QUERIES,
    Comparison,
    Estimate,
    Evaluation,
    TaskResult,
    too_few_queries,
)
from training.evaluation.tasks import Task


@dataclass(frozen=True, slots=True)
class Score:
    """The score of one model in one task; `num_queries` have true targets.

    Args:
        recall: None, like `ndcg`, with too few queries, or without targets to rank.
    """

    task: str
    model: str
    recall: float | None
    ndcg: float | None
    num_queries: int


@dataclass(frozen=True, slots=True)
class Report:
    """The results on the holdout.

    Args:
        k: Length of the lists.
        cutoff: The start of the holdout; None for splits without a single cut-off.
        scores: By task, then by model in the given order.
    """

    k: int
    cutoff: datetime | None
    scores: tuple[Score, ...]

    @property
    def title(self) -> str:
        """The title of a table."""
        if self.cutoff is None:
            return "asked about pairs that were held out"
        return f"asked about everything from {self.cutoff:%Y-%m-%d %H:%M} UTC on"

    def score(self, task: str, model: str) -> Score:
        """Returns the score of one model in one task; KeyError if it was not measured."""
        found = {(score.task, score.model): score for score in self.scores}
        return found[task, model]

    def table(self) -> tuple[list[str], list[list[str]]]:
        """Headings and rows, as text."""
        headings = ["task", "model", f"recall@{self.k}", f"ndcg@{self.k}", "users"]
        rows = [
            [s.task, s.model, _shown(s.recall, s), _shown(s.ndcg, s), f"{s.num_queries:,}"]
            for s in self.scores
        ]
        return headings, rows

    def to_dict(self) -> dict[str, Any]:
        """Returns plain data for the manifest."""
        return {
            "k": self.k,
            "cutoff": self.cutoff.isoformat() if self.cutoff else None,
            "scores": [
                {name: value for name, value in asdict(score).items() if value is not None}
                for score in self.scores
            ],
        }


def _shown(value: float | None, score: Score) -> str:
    if value is not None:
        return f"{value:.4f}"
    if score.num_queries < FEWEST_QUERIES:
        return too_few_queries(score.num_queries)
    return "nothing to rank"


def summarise(
    models: Sequence[Ranker],
    tasks: Sequence[Task],
    *,
    k: int,
    cutoff: datetime | None,
    fewest: int = FEWEST_QUERIES,
) -> Report:
    """Evaluates every model on every task.

    Args:
        fewest: The minimum number of queries of a figure.

    Raises:
        InsufficientDataError: There is no task.
    """
    if not tasks:
        raise InsufficientDataError("the holdout has nothing to predict")
    scores = [_score(model, task, k, fewest) for task in tasks for model in models]
    return Report(k, cutoff, tuple(scores))


def _score(model: Ranker, task: Task, k: int, fewest: int) -> Score:
    query_rows = np.flatnonzero(task.truth.degrees())
    hits = Hits.of(model.top(task, query_rows, k), query_rows, task.truth)
    values = per_query(hits, [k], (RECALL, NDCG))
    told = len(query_rows) >= fewest and task.truth.num_targets > 1
    return Score(
        task=task.name,
        model=model.name,
        recall=float(values[at(RECALL, k)].mean()) if told else None,
        ndcg=float(values[at(NDCG, k)].mean()) if told else None,
        num_queries=len(query_rows),
    )


HEADLINE = (RECALL, NDCG, HIT_RATE, MRR, VALUE_NDCG)
LISTS = ("coverage", "gini", "novelty", "diversity", "new_items")
SURE = 0.05


def summary_lines(found: Evaluation) -> Iterator[str]:
    """Yields what to remember: where a simple rule is ahead, and which model to take and why."""
    task, metric = found.tasks[0], at(RECALL, max(found.protocol.ks))
    ahead = simple_rule_ahead(found, task, metric)
    if ahead:
        yield ahead
    yield from reasons_to_take(found)


def tables(found: Evaluation) -> Iterator[Table]:
    """Returns the tables of tasks, lists, groups, comparisons, seeds and audiences."""
    k = max(found.protocol.ks)
    if len(found.contenders) > 1:
        yield _leaderboard(found, k)
    yield _headline(found, k)
    yield _lists(found, k)
    yield from _groups(found.tasks[0], k)
    if any(task.comparisons for task in found.tasks):
        yield _comparisons(found, k)
    if found.seeds:
        yield _seeds(found)
    if found.audiences:
        yield _audiences(found)


def _leaderboard(found: Evaluation, k: int) -> Table:
    """Returns a row per model, the recommended one first, and a column per task."""
    metric = at(RECALL, k)
    tasks = [task for task in found.tasks if any(metric in one.metrics for one in task.models)]
    seconds = {one.model: one.seconds for one in found.trained}
    table = _table(f"leaderboard: {metric} of each task; the best of a task is bold")
    _columns(table, ("model",), [task.name for task in tasks] + ["seconds to train"])
    best = [leader(task, metric, found.models) for task in tasks]
    for model in found.models:
        cells = []
        for task, top in zip(tasks, best, strict=True):
            value = value_of(task, model, metric)
            shown = "" if value is None else f"{value:.4f}"
            cells.append(f"[bold]{shown}[/bold]" if top and model == top[0] else shown)
        took = f"{seconds[model]:,.0f}" if model in seconds else ""
        end = model == found.contenders[-1]
        table.add_row(escape(model), *cells, took, end_section=end)
    return table


def _seeds(found: Evaluation) -> Table:
    number = max(len(one.means) for one in found.seeds)
    table = _table(f"means over {number} random seeds")
    _columns(table, ("task", "model", "metric"), ["lowest", "mean", "highest"])
    for one in found.seeds:
        figures = (min(one.means), sum(one.means) / len(one.means), max(one.means))
        shown = (f"{value:.4f}" for value in figures)
        table.add_row(escape(one.task), escape(one.model), escape(one.metric), *shown)
    return table


def _headline(found: Evaluation, k: int) -> Table:
    cutoff = found.protocol.cutoff
    since = f"since {cutoff:%Y-%m-%d %H:%M} UTC" if cutoff else "that was held out"
    table = _table(f"what happened {since}: lists of {k}, means ± half a 95 % interval")
    names = [
        name
        for name in HEADLINE
        if any(
            at(name, k) in told
            for task in found.tasks
            for told in (task.too_few, *(one.metrics for one in task.models))
        )
    ]
    _columns(table, ("task", "model"), [at(name, k) for name in names])
    for task in found.tasks:
        for place, one in enumerate(task.models):
            about = f"{task.name}\n[dim]{task.num_queries:,} queries[/dim]" if not place else ""
            cells = [
                _with_interval(one.metrics.get(at(name, k)), task.too_few.get(at(name, k)))
                for name in names
            ]
            table.add_row(about, escape(one.model), *cells, end_section=one is task.models[-1])
    return table


def _lists(found: Evaluation, k: int) -> Table:
    task = found.tasks[0]
    names = [name for name in LISTS if any(at(name, k) in one.lists for one in task.models)]
    table = _table(f"{task.name}: the lists themselves")
    _columns(table, ("model",), [at(name, k) for name in names])
    for one in task.models:
        cells = [
            f"{one.lists[at(name, k)]:.4f}" if at(name, k) in one.lists else "" for name in names
        ]
        table.add_row(escape(one.model), *cells)
    return table


def _groups(task: TaskResult, k: int) -> Iterator[Table]:
    name = at(RECALL, k)
    models = [one.model for one in task.models]
    for dimension in dict.fromkeys(group.dimension for group in task.groups):
        table = _table(f"{task.name}, by {dimension}: {name}")
        _columns(table, (dimension,), ["queries", "positives", *models])
        for group in task.groups:
            if group.dimension == dimension:
                # Intervals are in evaluation.json and the report; there is no room here.
                cells = [
                    _mean(group.models[model].get(name), group.num_queries) for model in models
                ]
                counts = f"{group.num_queries:,}", f"{group.num_pairs:,}"
                table.add_row(escape(group.group), *counts, *cells)
        yield table


def _comparisons(found: Evaluation, k: int) -> Table:
    """Returns the differences of the first model to each other one, with p-values."""
    first = found.models[0]
    other = "each baseline" if len(found.contenders) == 1 else "each other model"
    table = _table(f"{first} less {other}, on the same queries")
    heading = "baseline" if len(found.contenders) == 1 else "other model"
    _columns(table, ("task", heading), [at(RECALL, k), "p", at(NDCG, k), "p"])
    for task in found.tasks:
        reached = {(one.against, one.metric): one for one in task.comparisons if one.model == first}
        others = [one.model for one in task.models if (one.model, at(RECALL, k)) in reached]
        for place, name in enumerate(others):
            cells: list[str] = []
            for metric in (at(RECALL, k), at(NDCG, k)):
                one = reached[name, metric]
                cells += [_with_interval(one.difference, signed=True), _chance(one.p_value)]
            end = place == len(others) - 1
            table.add_row(task.name if not place else "", escape(name), *cells, end_section=end)
    return table


def _audiences(found: Evaluation) -> Table:
    """Returns the calibration of purchase probabilities, cross-validated."""
    days = found.protocol.holdout_days
    table = _table(f"audiences: chance to buy within {days} days, predicted and observed")
    _columns(
        table,
        ("audience of", "purchase"),
        ["calibration error", "top 10 %: predicted", "bought", "top 1 %: predicted", "bought"],
    )
    for node_type, figures in found.audiences.items():
        for name, one in (("first", figures.first_purchase), ("any", figures.any_purchase)):
            tops = (one.tenths[-1], one.top_percent)
            shares = [f"{share:.2%}" for top in tops for share in (top.told, top.bought)]
            table.add_row(node_type, name, f"{one.error:.5f}", *shares)
    return table


def tables_of_two(found: Mapping[str, tuple[Comparison, ...]]) -> Iterator[Table]:
    """Returns the values and differences of two models, by task, each with comparisons."""
    for task, compared in found.items():
        model, against = compared[0].model, compared[0].against
        if model == against:
            model, against = f"{model} (first)", f"{against} (other)"
        table = _table(f"{task}: {model} less {against}")
        _columns(table, ("metric",), [model, against, "difference", "95 % interval", "p"])
        for one in compared:
            difference = one.difference
            values = [f"{value.mean:.4f}" for value in one.values or ()]
            table.add_row(
                escape(one.metric),
                *values,
                f"{difference.mean:+.4f}",
                f"{difference.low:+.4f} to {difference.high:+.4f}",
                _chance(one.p_value),
            )
        yield table


def _chance(p_value: float) -> str:
    """Formats a p-value, dimmed if the difference is not significant."""
    return f"{p_value:.4f}" if p_value < SURE else f"[dim]{p_value:.4f}"


def _mean(found: Estimate | None, num_queries: int) -> str:
    if found is None:
        return _missing(num_queries if num_queries < FEWEST_QUERIES else None)
    return f"{found.mean:.4f}"


def _missing(num_queries: int | None) -> str:
    return "" if num_queries is None else f"[dim]{too_few_queries(num_queries)}[/dim]"


def _with_interval(
    found: Estimate | None, too_few: int | None = None, *, signed: bool = False
) -> str:
    """Formats the mean, and half the width of its interval, dimmed."""
    if found is None:
        return _missing(too_few)
    sign = "+" if signed else ""
    return f"{found.mean:{sign}.4f} [dim]±{(found.high - found.low) / 2:.4f}[/dim]"


def _table(title: str) -> Table:
    return Table(title=escape(title), title_justify="left", header_style="bold")


def _columns(table: Table, words: tuple[str, ...], numbers: list[str]) -> None:
    for heading in words:
        table.add_column(heading)
    for heading in numbers:
        table.add_column(escape(heading), justify="right")
