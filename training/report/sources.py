"""Loads the sources of a report."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, ValidationError

from graphdb import open_snapshot, open_store
from graphdb.errors import EvaluationError
from graphdb.schema_types import EdgeType
from graphdb.snapshot import Snapshot
from graphrec import Recommender
from training.evaluation.results import Evaluation, read_evaluation

PAST = "past"


class EpochLine(BaseModel):
    """A line of the log of a training run; see `training.gnn.trainer.Epoch`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    number: int
    loss: float
    learning_rate: float
    seconds: float
    recall: float | None = None
    ndcg: float | None = None


@dataclass(frozen=True, slots=True)
class Sources:
    """An evaluation and its optional sources.

    Args:
        recommender: The recommender of the backtest bundle; None without one.
        snapshot: The snapshot of the training.
        rejects: Rows that ingest rejected, as from `GraphStore.read_rejects`.
        runs: Epochs by the name of their run; None without a log.
    """

    evaluation: Evaluation
    recommender: Recommender | None = None
    snapshot: Snapshot | None = None
    rejects: pa.Table | None = None
    runs: Mapping[str, tuple[EpochLine, ...]] | None = None

    @property
    def target_edge_type(self) -> EdgeType:
        """What was predicted."""
        return EdgeType(*self.evaluation.target_edge_type.split("-"))


def open_sources(
    folder: str | Path,
    *,
    bundle: str | Path | None = None,
    snapshot: str | Path | None = None,
    store: str | None = None,
    log: str | Path | None = None,
) -> Sources:
    """Opens all sources of a report; arguments and errors as for `write_report`."""
    evaluation = read_evaluation(folder)
    first = evaluation.tasks[0] if evaluation.tasks else None
    if first is None or not (first.too_few or any(one.metrics for one in first.models)):
        raise EvaluationError(
            f"the evaluation in '{folder}' has no results",
            next_step="evaluate again",
            value=str(folder),
        )
    trained = evaluation.trained
    past = Path(folder) / (trained[0].folder if trained else PAST)
    if bundle is None and past.exists():
        bundle = past
    return Sources(
        evaluation,
        None if bundle is None else Recommender.open(bundle),
        None if snapshot is None else open_snapshot(snapshot),
        None if store is None else _read_rejects(store),
        None if log is None else _read_runs(Path(log)),
    )


def _read_rejects(url: str) -> pa.Table:
    with open_store(url, read_only=True) as store:
        return store.read_rejects()


def _read_runs(folder: Path) -> dict[str, tuple[EpochLine, ...]]:
    files = sorted(folder.rglob("*.jsonl"))
    read = {str(path.relative_to(folder).with_suffix("")): _read_epochs(path) for path in files}
    runs = {name: epochs for name, epochs in read.items() if epochs}
    if not runs:
        raise EvaluationError(
            f"'{folder}' has no log of a training run",
            expected="the folder of `graphrec train --run-dir`",
            value=str(folder),
        )
    return runs


def _read_epochs(path: Path) -> tuple[EpochLine, ...]:
    lines = path.read_text(encoding="utf-8").splitlines()
    try:
        epochs = [EpochLine.model_validate(json.loads(line)) for line in lines]
    except (ValueError, ValidationError) as error:
        raise EvaluationError(
            f"'{path}' is not a log of epochs: {str(error).splitlines()[0]}",
            expected="lines that `graphrec train --run-dir` wrote",
            value=str(path),
        ) from error
    # In a resumed run, the later of two lines of an epoch is valid.
    found = {epoch.number: epoch for epoch in epochs}
    return tuple(found[number] for number in sorted(found))
