"""What a report is made from."""

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
    """An evaluation, and what may lie beside it.

    Args:
        recommender: Over the bundle of the past; None without one.
        snapshot: Where the models learned from.
        rejects: Rows that ingest set aside, as `GraphStore.read_rejects` gives them.
        runs: Epochs by the name of their run; None where no log was given.
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
    """Opens all that a report is made from; arguments and errors as for `write_report`."""
    evaluation = read_evaluation(folder)
    first = evaluation.tasks[0] if evaluation.tasks else None
    if first is None or not (first.too_few or any(one.metrics for one in first.models)):
        raise EvaluationError(
            f"the evaluation in '{folder}' has no figures of any model",
            next_step="evaluate again",
            value=str(folder),
        )
    past = Path(folder) / PAST
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
            f"there is no log of a training run in '{folder}'",
            expected="the folder that was given to `graphrec train --run-dir`",
            value=str(folder),
        )
    return runs


def _read_epochs(path: Path) -> tuple[EpochLine, ...]:
    lines = path.read_text(encoding="utf-8").splitlines()
    try:
        epochs = [EpochLine.model_validate(json.loads(line)) for line in lines]
    except (ValueError, ValidationError) as error:
        raise EvaluationError(
            f"'{path}' is no log of epochs: {str(error).splitlines()[0]}",
            expected="lines that `graphrec train --run-dir` wrote",
            value=str(path),
        ) from error
    # Where a run was killed and went on, the later of two lines is the one that was kept.
    found = {epoch.number: epoch for epoch in epochs}
    return tuple(found[number] for number in sorted(found))
