"""Compares two models of one or two evaluations on the same tasks, query by query."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from graphdb.errors import EvaluationError, nearest
from graphdb.file_access import file_access, pass_on_refusal
from training.evaluation.bootstrap import Bootstrap, comparisons, estimates
from training.evaluation.measure import MODEL, PER_QUERY_NAME, QUERY_ID, TASK
from training.evaluation.results import Comparison, Evaluation, read_evaluation

Values = npt.NDArray[np.float64]


@file_access("read or write")
def compare_models(
    folder: str | Path,
    other: str | Path,
    *,
    model: str | None = None,
    against: str | None = None,
    resamples: int = 1000,
    seed: int = 0,
) -> dict[str, tuple[Comparison, ...]]:
    """Compares two models, task by task, with paired tests on the query nodes of both.

    Args:
        folder: A folder that `graphrec evaluate` wrote.
        other: The same folder, or that of another evaluation of the same snapshot with the same
            split.
        model: A model of the first folder; by default the evaluated one.
        against: A model of the other folder; by default the evaluated one.
        resamples: Resamples of the bootstrap, and flips of the test.
        seed: The random seed of both.

    Returns:
        Per task of both, in the order of the first, the metrics of both, with the values of each;
        none if fewer than 10 query nodes count.

    Raises:
        EvaluationError: A folder holds no evaluation, the two evaluations differ in what they
            measure, a model was not measured, or both models are the same.
    """
    first, second = read_evaluation(folder), read_evaluation(other)
    _check_same_question(first, second)
    names = _model_of(first, model), _model_of(second, against)
    if names[0] == names[1] and Path(folder).resolve() == Path(other).resolve():
        raise EvaluationError(
            f"'{names[0]}' is compared with itself",
            expected="another model, one of " + ", ".join(first.models),
            value=names[0],
        )
    ours, theirs = _figures(Path(folder), names[0]), _figures(Path(other), names[1])
    both = set(ours[TASK].unique().to_pylist()) & set(theirs[TASK].unique().to_pylist())
    return {
        task.name: _compared(ours, theirs, task.name, names, resamples, seed)
        for task in first.tasks
        if task.name in both
    }


def _check_same_question(first: Evaluation, second: Evaluation) -> None:
    for what, one, two in (
        ("snapshot", first.snapshot_id, second.snapshot_id),
        ("target_edge_type", first.target_edge_type, second.target_edge_type),
        ("split", first.protocol.split, second.protocol.split),
        ("cut-off", first.protocol.cutoff, second.protocol.cutoff),
    ):
        if one != two:
            raise EvaluationError(
                f"the {what} of one evaluation is {one}, of the other {two}",
                expected="two evaluations with the same protocol",
                next_step="evaluate again with the same snapshot and options",
                value=(one, two),
            )


def _model_of(found: Evaluation, name: str | None) -> str:
    if name is None:
        return found.models[0]
    if name not in found.models:
        raise EvaluationError(
            f"the evaluation has no model '{name}'",
            expected="one of " + ", ".join(found.models),
            next_step=nearest(name, list(found.models)),
            value=name,
        )
    return name


def _figures(folder: Path, model: str) -> pa.Table:
    """Returns the rows of one model."""
    path = folder / PER_QUERY_NAME
    try:
        table = pq.read_table(path)
    except FileNotFoundError as error:
        raise EvaluationError(
            f"'{path}' cannot be read: it is missing", next_step="evaluate again", value=str(path)
        ) from error
    except (OSError, pa.ArrowInvalid) as error:
        pass_on_refusal(error, path)
        raise EvaluationError(
            f"'{path}' cannot be read: {error}", next_step="evaluate again", value=str(path)
        ) from error
    plain = {name: table[name].cast(pa.string()) for name in (TASK, MODEL)}
    for name, column in plain.items():
        table = table.set_column(table.column_names.index(name), name, column)
    return table.filter(pc.equal(table[MODEL], model))


def _compared(
    ours: pa.Table,
    theirs: pa.Table,
    task: str,
    names: tuple[str, str],
    resamples: int,
    seed: int,
) -> tuple[Comparison, ...]:
    """Returns the metrics of a task that both have."""
    one, two = (
        table.filter(pc.equal(table[TASK], task)).sort_by(QUERY_ID) for table in (ours, theirs)
    )
    if not one[QUERY_ID].equals(two[QUERY_ID]):
        raise EvaluationError(
            f"the queries of '{task}' are not the same in both evaluations",
            expected="the same held-out pairs",
            next_step="evaluate both again on one snapshot",
            value=task,
        )
    metrics = list(_metrics(one, two))
    ours, others = (
        np.stack([_column(table, name) for name in metrics], axis=1) for table in (one, two)
    )
    differences = ours - others
    bootstrap = Bootstrap(len(differences), resamples, seed)
    values = {
        name: pair
        for name, *pair in zip(
            metrics,
            *(estimates(columns, bootstrap.means(columns)) for columns in (ours, others)),
            strict=True,
        )
    }
    columns = [(*names, name) for name in metrics]
    found = comparisons(
        differences, bootstrap.means(differences), columns, flips=resamples, seed=seed
    )
    return tuple(one.model_copy(update={"values": tuple(values[one.metric])}) for one in found)


def _metrics(one: pa.Table, two: pa.Table) -> Iterator[str]:
    """Returns the metric columns of both tables."""
    for name in one.column_names:
        if name in two.column_names and name not in (TASK, MODEL, QUERY_ID):
            yield name


def _column(table: pa.Table, name: str) -> Values:
    found: Values = pc.fill_null(table[name], np.nan).to_numpy()
    return found
