"""Defines the results of an evaluation, as stored in `evaluation.json` and shown in the report."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from graphdb.errors import EvaluationError
from graphdb.tabular import Tabular, html_table
from graphrec.bundle import AudienceFigures

FEWEST_QUERIES = 10
"""Figures over fewer queries are not reported: with five, even a model that wins all of them does
not differ significantly (p = .06 in the paired test), and intervals are meaningless."""

RESULTS_NAME = "evaluation.json"
FORMAT_VERSION = 2


def too_few_queries(number: int) -> str:
    """Returns the text in place of a figure.

    >>> too_few_queries(1)
    'too few queries (n=1)'
    """
    return f"too few queries (n={number:,})"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Estimate(_Part):
    """A mean over queries, with its 95 % confidence interval (bootstrap)."""

    mean: float
    low: float
    high: float


class ModelResult(_Part):
    """The results of one model in one task.

    Args:
        metrics: Means over queries by metric and length of list, such as 'recall@20'.
        lists: Metrics of all lists together, such as 'coverage@20' or 'gini@20'.
        seconds: The time of ranking.
    """

    model: str
    metrics: Mapping[str, Estimate]
    lists: Mapping[str, float]
    seconds: float


class GroupResult(_Part):
    """The metrics over a group of queries or of true targets.

    Args:
        dimension: The dimension, such as 'user activity' or 'price band'.
        group: The group, such as '5 to 19 purchases'. Groups of a dimension are in order.
        of: Whether it groups queries or targets.
        num_queries: Query nodes in it with true targets.
        num_pairs: The true pairs of all of them.
        models: By model, the metrics.
    """

    dimension: str
    group: str
    of: Literal["queries", "targets"]
    num_queries: int
    num_pairs: int
    models: Mapping[str, Mapping[str, Estimate]]


class Comparison(_Part):
    """One model against another on the same queries.

    Args:
        values: The means of both, over the same queries; None where they stand beside it, in the
            results of the task.
        difference: The metric of `model` minus that of `against`, mean over query nodes.
        p_value: The two-sided p-value.
        method: The test.
    """

    model: str
    against: str
    metric: str
    difference: Estimate
    p_value: float
    method: str
    values: tuple[Estimate, Estimate] | None = None


class TaskResult(_Part):
    """One question with known answers.

    Args:
        name: Such as 'all products', 'bought before', 'new products', 'new brands', 'peak days'.
        num_pairs: The true pairs of all queries.
        too_few: The number of queries of each metric that has too few for a mean.
    """

    name: str
    query_type: str
    target_type: str
    num_queries: int
    num_pairs: int
    too_few: Mapping[str, int] = {}
    models: tuple[ModelResult, ...]
    groups: tuple[GroupResult, ...] = ()
    comparisons: tuple[Comparison, ...] = ()


class LeakFinding(_Part):
    """The result of a leak check.

    Args:
        level: 'ok', or 'warning' if the results may be biased.
        figures: Counts by name.
        details: What was counted, in sentences; empty in older results.
    """

    check: str
    level: Literal["ok", "warning"]
    message: str
    figures: Mapping[str, float] = {}
    details: tuple[str, ...] = ()


class LiftPoint(_Part):
    """The lift of audiences over brands or products.

    Args:
        query_type: 'Brand' or 'Product'.
        num_queries: The number of brands or products; 0 in older results.
        share: The size of the audience as a share of all users who never bought it, 0 to 1.
        lift: The rate of new buyers in it over their rate among all, mean over brands or products.
    """

    query_type: str = "Brand"
    num_queries: int = 0
    model: str
    share: float
    lift: float


class ExposurePoint(_Part):
    """Targets of similar popularity, and their exposure.

    Args:
        popularity: Mean number of training events per target.
        num_targets: The number of targets.
        shown: By model the share of all places in all lists.
        bought: The share of true pairs.
    """

    popularity: float
    num_targets: int
    shown: Mapping[str, float]
    bought: float


class Protocol(_Part):
    """The protocol of an evaluation.

    Args:
        split: 'time', 'leave-last-out' or 'given'.
        cutoff: The models know nothing at or after this time; None without times.
        holdout_days: Days after the cut-off, for a split by time.
        ks: Lengths of lists.
        resamples: Bootstrap resamples per interval.
    """

    split: Literal["time", "leave-last-out", "given"]
    cutoff: AwareDatetime | None
    holdout_days: int | None
    ks: tuple[int, ...]
    seed: int
    resamples: int


class TrainedModel(_Part):
    """A model that the evaluation trained; all other models are baselines.

    Args:
        model: Its name in tables.
        folder: Its backtest bundle, within the folder of the evaluation.
        seconds: The time of training it and of writing the bundle.
    """

    model: str
    folder: str
    seconds: float


class Recommendation(_Part):
    """Which of several trained models to take.

    Args:
        model: The model to take: of the tied ones, the one that trains fastest.
        best: The one with the highest mean.
        task: The task that decides, the first one.
        metric: The metric that decides.
        tied: The models that are not worse than the best by more than chance, the best first.
        p_values: Per other trained model, the p-value of its difference to the best.
    """

    model: str
    best: str
    task: str
    metric: str
    tied: tuple[str, ...]
    p_values: Mapping[str, float]


class SeedSpread(_Part):
    """A metric of one model, trained with several random seeds.

    Args:
        means: The mean over queries per seed; the first is that of all other figures.
    """

    task: str
    model: str
    metric: str
    means: tuple[float, ...]


class Spending(_Part):
    """The time and memory of an evaluation.

    Args:
        seconds: By step.
        peak_memory_mb: Of the process.
        threads: The number of available threads.
    """

    seconds: Mapping[str, float]
    peak_memory_mb: float
    threads: int
    machine: str


class Evaluation(_Part, Tabular):
    """The results of an evaluation.

    Args:
        target_edge_type: The edge type that was predicted.
        models: The models in the order of tables: the trained ones, best first, then baselines.
        trained: The models that were trained, in the same order; empty in older results, in which
            only the first model is no baseline.
        recommendation: Which of several trained models to take; None for a single one, or with too
            few queries to tell.
        seeds: The spread over random seeds; empty if there was one seed.
        settings: The training config; by model, if there are several.
        versions: The versions of Python, graphrec and its dependencies.
        not_measured: Per direction that can be asked but was not measured, what the data lack.
        lifts: How well audiences of brands and products find new buyers; empty without purchases.
        audiences: Per type, such as 'Brand': how likely users of an audience buy, and how far it
            reaches. Empty if too few bought.
        exposure: Popularity against exposure, from the least popular targets on.
        spending: Time and memory.
    """

    format_version: Literal[2] = 2
    created_at: AwareDatetime
    snapshot_id: str
    target_edge_type: str
    protocol: Protocol
    models: tuple[str, ...]
    trained: tuple[TrainedModel, ...] = ()
    recommendation: Recommendation | None = None
    seeds: tuple[SeedSpread, ...] = ()
    tasks: tuple[TaskResult, ...]
    leaks: tuple[LeakFinding, ...]
    not_measured: Mapping[str, str] = {}
    lifts: tuple[LiftPoint, ...]
    audiences: Mapping[str, AudienceFigures] = {}
    exposure: tuple[ExposurePoint, ...]
    settings: Mapping[str, object]
    versions: Mapping[str, str]
    spending: Spending

    @property
    def contenders(self) -> tuple[str, ...]:
        """The trained models, the recommended one first."""
        return tuple(one.model for one in self.trained) or self.models[:1]

    @property
    def baselines(self) -> tuple[str, ...]:
        """All other models."""
        return tuple(name for name in self.models if name not in self.contenders)

    def task(self, name: str) -> TaskResult:
        """Returns the task with that name; KeyError if it was not measured."""
        return {task.name: task for task in self.tasks}[name]

    def to_arrow(self) -> pa.Table:
        """Returns one row per task, model and metric: the mean and its 95 % interval.

        Metrics have the length of the lists in their names, such as 'recall@20'.
        """
        rows = [
            {"task": task.name, "model": one.model, "metric": metric, **estimate.model_dump()}
            | {"queries": task.num_queries}
            for task in self.tasks
            for one in task.models
            for metric, estimate in one.metrics.items()
        ]
        return pa.Table.from_pylist(rows, schema=_COLUMNS)

    def __repr__(self) -> str:
        return f"<{self._summary()}>"

    def __str__(self) -> str:
        return repr(self)

    def _repr_html_(self) -> str:
        k = max(self.protocol.ks)
        names = [f"{metric}@{k}" for metric in ("recall", "ndcg")]
        rows: list[dict[str, Any]] = []
        for task in self.tasks:
            for one in task.models:
                means = {name: one.metrics[name].mean for name in names if name in one.metrics}
                rows.append(
                    {"task": task.name, "model": one.model, **means, "queries": task.num_queries}
                )
        columns = ("task", "model", *names, "queries")
        return html_table(self._summary(), rows, columns=columns)

    def _summary(self) -> str:
        cutoff = self.protocol.cutoff
        since = f"from {cutoff:%Y-%m-%d %H:%M} UTC on" if cutoff else "that was held out"
        models = ", ".join(self.models)
        return f"{self.target_edge_type} {since}, {len(self.tasks)} tasks: {models}"

    def write(self, folder: Path) -> Path:
        """Writes `evaluation.json` into the folder, and returns its path."""
        path = folder / RESULTS_NAME
        path.write_text(self.model_dump_json(indent=1) + "\n", encoding="utf-8")
        return path


_COLUMNS = pa.schema(
    [
        *((name, pa.string()) for name in ("task", "model", "metric")),
        *((name, pa.float64()) for name in ("mean", "low", "high")),
        ("queries", pa.int64()),
    ]
)


def read_evaluation(folder: str | Path) -> Evaluation:
    """Reads the results that `graphrec evaluate` wrote into a folder.

    Raises:
        EvaluationError: There are no results, or they are of another version.
    """
    path = Path(folder) / RESULTS_NAME
    try:
        return Evaluation.model_validate_json(path.read_bytes())
    except FileNotFoundError as error:
        raise EvaluationError(
            f"'{path}' does not exist",
            expected="a folder that `graphrec evaluate` wrote",
            value=str(path),
        ) from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise EvaluationError(
            f"'{path}' is not an evaluation of this version: {place}: {first['msg']}",
            next_step="evaluate again",
            value=str(path),
        ) from error
