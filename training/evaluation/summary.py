"""What `graphrec train` reports: two figures per task and model, in its table and manifest."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import numpy as np

from graphdb.errors import NotEnoughDataError
from training.evaluation.metrics import NDCG, RECALL, Hits, at, per_seed
from training.evaluation.rankers import Ranker
from training.evaluation.results import FEWEST_QUERIES, too_few_queries
from training.evaluation.tasks import Task


@dataclass(frozen=True, slots=True)
class Score:
    """How well one model did one task; `num_seeds` had something to find.

    Args:
        recall: None, as `ndcg`, where these are too few, or there is nothing to rank.
    """

    task: str
    model: str
    recall: float | None
    ndcg: float | None
    num_seeds: int


@dataclass(frozen=True, slots=True)
class Report:
    """What was reached on the held-out part.

    Args:
        k: Length of the lists.
        cutoff: The moment from which on events were held out; None where no one moment parts
            what was.
        scores: Task by task, the models in the order in which they were given.
    """

    k: int
    cutoff: datetime | None
    scores: tuple[Score, ...]

    @property
    def title(self) -> str:
        """What was measured, for the head of a table."""
        if self.cutoff is None:
            return "asked about pairs that were held out"
        return f"asked about everything from {self.cutoff:%Y-%m-%d %H:%M} UTC on"

    def score(self, task: str, model: str) -> Score:
        """The score of one model in one task; KeyError where it was not measured."""
        found = {(score.task, score.model): score for score in self.scores}
        return found[task, model]

    def table(self) -> tuple[list[str], list[list[str]]]:
        """Headings and rows, as text."""
        headings = ["task", "model", f"recall@{self.k}", f"ndcg@{self.k}", "users"]
        rows = [
            [s.task, s.model, _shown(s.recall, s), _shown(s.ndcg, s), f"{s.num_seeds:,}"]
            for s in self.scores
        ]
        return headings, rows

    def to_dict(self) -> dict[str, Any]:
        """Plain data, as the manifest keeps it."""
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
    if score.num_seeds < FEWEST_QUERIES:
        return too_few_queries(score.num_seeds)
    return "nothing to rank"


def summarise(
    models: Sequence[Ranker],
    tasks: Sequence[Task],
    *,
    k: int,
    cutoff: datetime | None,
    fewest: int = FEWEST_QUERIES,
) -> Report:
    """Asks every model every question.

    Args:
        fewest: Over how many queries a figure has to be, to be told.

    Raises:
        NotEnoughDataError: There is no task.
    """
    if not tasks:
        raise NotEnoughDataError("nothing was held out that could be foretold")
    scores = [_score(model, task, k, fewest) for task in tasks for model in models]
    return Report(k, cutoff, tuple(scores))


def _score(model: Ranker, task: Task, k: int, fewest: int) -> Score:
    seed_rows = np.flatnonzero(task.truth.degrees())
    hits = Hits.of(model.top(task, seed_rows, k), seed_rows, task.truth)
    values = per_seed(hits, [k], (RECALL, NDCG))
    told = len(seed_rows) >= fewest and task.truth.num_targets > 1
    return Score(
        task=task.name,
        model=model.name,
        recall=float(values[at(RECALL, k)].mean()) if told else None,
        ndcg=float(values[at(NDCG, k)].mean()) if told else None,
        num_seeds=len(seed_rows),
    )
