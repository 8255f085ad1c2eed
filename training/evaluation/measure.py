"""Measures ranked lists for a task: means, intervals, groups and comparisons.

It also writes every model's figures per query node as a table, so that two evaluations can be
compared later.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from graphdb.snapshot import Snapshot
from training.evaluation.bootstrap import Bootstrap, comparisons, estimates
from training.evaluation.groups import Grouping
from training.evaluation.metrics import PRECISION, Hits, Rows, Values, at, per_query
from training.evaluation.rankers import Catalogue, Ranker, of_lists
from training.evaluation.results import (
    FEWEST_QUERIES,
    Comparison,
    Estimate,
    GroupResult,
    ModelResult,
    TaskResult,
)
from training.evaluation.tasks import EvalTarget, Task


@dataclass(frozen=True, slots=True)
class Resampling:
    """The options of intervals and tests.

    Args:
        ks: Lengths of lists; groups and comparisons use the longest.
        resamples: Resamples of the bootstrap, and flips of the test.
        seed: The seed of both.
        fewest: The minimum number of queries of a figure.
    """

    ks: tuple[int, ...]
    resamples: int
    seed: int
    fewest: int = FEWEST_QUERIES

    @property
    def longest(self) -> int:
        return max(self.ks)


@dataclass(frozen=True, slots=True, eq=False)
class Ranked:
    """The lists of one model for one task.

    Args:
        rows: int64 [num_queries, k], for the queries with true targets, by row.
        seconds: The time of ranking, for all tasks that share the lists.
    """

    rows: Rows
    seconds: float


@dataclass(frozen=True, slots=True, eq=False)
class EvalContext:
    """The groups of queries and targets of a target edge type, before the cut-off."""

    of_queries: Sequence[Grouping]
    of_targets: Sequence[Grouping]
    catalogue: Catalogue


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """A task's results, and the metrics of every model and query.

    Args:
        query_rows: The queries with true targets, ascending.
        values: By model and metric, float64 [num_queries].
    """

    result: TaskResult
    query_rows: Rows
    values: Mapping[str, Mapping[str, Values]]


def asked(task: Task) -> Rows:
    """Returns the queries with true targets, ascending."""
    return np.flatnonzero(task.truth.degrees())


def rank_all(model: Ranker, tasks: Sequence[Task], k: int) -> dict[str, Ranked]:
    """Returns a model's lists for every task that it supports, by the task's name.

    Tasks that differ only in their queries share one ranking.
    """
    alike: dict[tuple[EvalTarget, object], list[Task]] = {}
    for task in tasks:
        if model.can_answer(task):
            alike.setdefault((task.target, task.exclude_seen), []).append(task)
    found: dict[str, Ranked] = {}
    for same in alike.values():
        queries = np.unique(np.concatenate([asked(task) for task in same]))
        model.learn(same[0].target)
        began = time.perf_counter()
        rows = model.top(same[0], queries, k)
        seconds = time.perf_counter() - began
        for task in same:
            found[task.name] = Ranked(rows[np.searchsorted(queries, asked(task))], seconds)
    return found


def measure(
    task: Task,
    lists: Mapping[str, Ranked],
    context: EvalContext,
    how: Resampling,
    num_trained: int = 1,
) -> Measured:
    """Computes all figures of a task.

    Args:
        lists: By model, the trained ones first.
        num_trained: How many of them were trained; each is compared with all that follow it.
    """
    queries = asked(task)
    hits = {
        name: Hits.of(found.rows, queries, task.truth, task.gains) for name, found in lists.items()
    }
    values = {name: per_query(found, how.ks) for name, found in hits.items()}
    bootstrap = Bootstrap(len(queries), how.resamples, how.seed)
    means, drawn = _estimated(values, bootstrap, how.fewest)
    result = TaskResult(
        name=task.name,
        query_type=task.query_type,
        target_type=task.target_type,
        num_queries=len(queries),
        num_pairs=task.truth.num_edges,
        too_few=_too_few(values, how.fewest),
        models=tuple(
            ModelResult(
                model=name,
                metrics=means[name],
                lists=_of_lists(found.rows, context.catalogue, how.ks),
                seconds=found.seconds,
            )
            for name, found in lists.items()
        ),
        groups=(
            *_groups_of_queries(context.of_queries, queries, hits, how, bootstrap),
            *_groups_of_targets(context.of_targets, hits, how, bootstrap),
        ),
        comparisons=_comparisons(values, drawn, how, num_trained),
    )
    return Measured(result, queries, values)


def _of_lists(rows: Rows, catalogue: Catalogue, ks: Sequence[int]) -> dict[str, float]:
    return {name: value for k in ks for name, value in of_lists(rows, catalogue, k).items()}


_ByModel = Mapping[str, Mapping[str, Values]]


def _too_few(values: _ByModel, fewest: int) -> dict[str, int]:
    """Returns the number of queries of each metric that has too few; equal for all models."""
    counted = {
        name: int(np.isfinite(some).sum())
        for found in values.values()
        for name, some in found.items()
    }
    return {name: number for name, number in counted.items() if 0 < number < fewest}


def _estimated(
    values: _ByModel, bootstrap: Bootstrap, fewest: int
) -> tuple[dict[str, dict[str, Estimate]], dict[str, dict[str, Values]]]:
    """Returns, by model and metric, the mean with its interval, and the means of all draws."""
    keys = [(model, name) for model, found in values.items() for name in found]
    columns = np.stack([values[model][name] for model, name in keys], axis=1)
    drawn = bootstrap.means(columns)
    means: dict[str, dict[str, Estimate]] = {model: {} for model in values}
    draws: dict[str, dict[str, Values]] = {model: {} for model in values}
    for place, ((model, name), found) in enumerate(
        zip(keys, estimates(columns, drawn, fewest), strict=True)
    ):
        if found is not None:
            means[model][name], draws[model][name] = found, drawn[:, place]
    return means, draws


def _groups_of_queries(
    groupings: Sequence[Grouping],
    queries: Rows,
    hits: Mapping[str, Hits],
    how: Resampling,
    bootstrap: Bootstrap,
) -> list[GroupResult]:
    """Computes the same figures for groups of queries."""
    whole = {name: per_query(found, [how.longest]) for name, found in hits.items()}
    num_true = next(iter(hits.values())).num_true
    results = []
    for grouping in groupings:
        codes = grouping.codes[queries]
        parts: dict[str, _ByModel] = {}
        counts: dict[str, tuple[int, int]] = {}
        for code, group in enumerate(grouping.names):
            inside = codes == code
            if inside.any():
                counts[group] = int(inside.sum()), int(num_true[inside].sum())
                parts[group] = {
                    model: {name: np.where(inside, some, np.nan) for name, some in found.items()}
                    for model, found in whole.items()
                }
        results += _group_results(
            grouping.dimension, "queries", parts, counts, bootstrap, how.fewest
        )
    return results


def _groups_of_targets(
    groupings: Sequence[Grouping], hits: Mapping[str, Hits], how: Resampling, bootstrap: Bootstrap
) -> list[GroupResult]:
    """Computes the metrics of the same lists for groups of true targets."""
    targets = next(iter(hits.values())).targets
    results = []
    for grouping in groupings:
        codes = grouping.codes[targets]
        parts: dict[str, _ByModel] = {}
        counts: dict[str, tuple[int, int]] = {}
        for code, group in enumerate(grouping.names):
            inside = codes == code
            if inside.any():
                within = {model: found.within(inside) for model, found in hits.items()}
                num_queries = int((next(iter(within.values())).num_true > 0).sum())
                counts[group] = num_queries, int(inside.sum())
                parts[group] = {
                    model: per_query(found, [how.longest]) for model, found in within.items()
                }
        results += _group_results(
            grouping.dimension, "targets", parts, counts, bootstrap, how.fewest
        )
    return results


def _group_results(
    dimension: str,
    of: Literal["queries", "targets"],
    parts: Mapping[str, _ByModel],
    counts: Mapping[str, tuple[int, int]],
    bootstrap: Bootstrap,
    fewest: int,
) -> list[GroupResult]:
    """Returns one result per group, with all intervals of a dimension computed at once."""
    if not parts:
        return []
    flat = {
        f"{group}\n{model}": found for group, part in parts.items() for model, found in part.items()
    }
    means, _ = _estimated(flat, bootstrap, fewest)
    return [
        GroupResult(
            dimension=dimension,
            group=group,
            of=of,
            num_queries=counts[group][0],
            num_pairs=counts[group][1],
            models={model: means[f"{group}\n{model}"] for model in part},
        )
        for group, part in parts.items()
    ]


def _comparisons(
    values: _ByModel,
    drawn: Mapping[str, Mapping[str, Values]],
    how: Resampling,
    num_trained: int,
) -> tuple[Comparison, ...]:
    """Compares every trained model with all that follow it, on the same queries."""
    names = list(values)
    wanted = [name for name in values[names[0]] if name.endswith(at("", how.longest))]
    # Precision is recall times a constant of the query node, and adds no information.
    named = [
        (model, other, name)
        for place, model in enumerate(names[:num_trained])
        for other in names[place + 1 :]
        for name in wanted
        if name in drawn[model] and name in drawn[other] and not name.startswith(PRECISION)
    ]
    if not named:
        return ()
    columns = np.stack([values[one][name] - values[two][name] for one, two, name in named], axis=1)
    draws = np.stack([drawn[one][name] - drawn[two][name] for one, two, name in named], axis=1)
    return comparisons(columns, draws, named, flips=how.resamples, seed=how.seed, fewest=how.fewest)


PER_QUERY_NAME = "per_query.parquet"
TASK, MODEL, QUERY_ID = "task", "model", "query_id"


def write_per_query(path: Path, snapshot: Snapshot, measured: Sequence[Measured]) -> None:
    """Returns one row per task, model and query node with true targets, and a column per metric.

    A metric is null if the query node does not count in it, such as one without any gain.
    """
    names = list(
        dict.fromkeys(name for one in measured for found in one.values.values() for name in found)
    )
    schema = pa.schema(
        [
            *((name, pa.dictionary(pa.int32(), pa.string())) for name in (TASK, MODEL)),
            (QUERY_ID, pa.string()),
            *((name, pa.float64()) for name in names),
        ]
    )
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for one in measured:
            query_ids = snapshot.node_ids(one.result.query_type).take(pa.array(one.query_rows))
            empty = np.full(len(query_ids), np.nan)
            for model, found in one.values.items():
                columns = [found.get(name, empty) for name in names]
                writer.write_table(
                    pa.table(
                        [
                            pa.array([one.result.name] * len(query_ids)).cast(schema.types[0]),
                            pa.array([model] * len(query_ids)).cast(schema.types[1]),
                            query_ids,
                            *(pa.array(values, mask=np.isnan(values)) for values in columns),
                        ],
                        schema=schema,
                    )
                )
