"""Measures a bundle through the query layer: what is measured is what is served."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from graphdb.errors import NotEnoughDataError
from graphdb.schema_types import EdgeType
from graphrec import Recommender
from graphrec.bundle import Adjacency
from training.data import edge_types_of
from training.metrics import ndcg_at_k, recall_at_k
from training.pairs import adjacency, compose, without
from training.split import Holdout


@dataclass(frozen=True, slots=True)
class Task:
    """One question with known answers.

    Args:
        name: As the report says it.
        seed_type: Whom to recommend to.
        target_type: What to recommend.
        exclude_seen: Ask for what the seed has not had before.
        truth: The right answers per seed row.
    """

    name: str
    seed_type: str
    target_type: str
    exclude_seen: bool
    truth: Adjacency


@dataclass(frozen=True, slots=True)
class Score:
    """How well one model did one task; `num_seeds` had something to find."""

    task: str
    model: str
    recall: float
    ndcg: float
    num_seeds: int


@dataclass(frozen=True, slots=True)
class Report:
    """What was reached on the held-out part.

    Args:
        k: Length of the lists.
        cutoff_s: Epoch seconds (UTC) from which on events were held out; None where no one moment
            parts what was.
        scores: Task by task, the models in the order in which they were given.
    """

    k: int
    cutoff_s: int | None
    scores: tuple[Score, ...]

    @property
    def title(self) -> str:
        """What was measured, for the head of a table."""
        if self._cutoff is None:
            return "asked about pairs that were held out"
        return f"asked about everything from {self._cutoff:%Y-%m-%d %H:%M} UTC on"

    @property
    def _cutoff(self) -> datetime | None:
        return None if self.cutoff_s is None else datetime.fromtimestamp(self.cutoff_s, UTC)

    def score(self, task: str, model: str) -> Score:
        """The score of one model in one task; KeyError where it was not measured."""
        found = {(score.task, score.model): score for score in self.scores}
        return found[task, model]

    def table(self) -> tuple[list[str], list[list[str]]]:
        """Headings and rows, as text."""
        headings = ["task", "model", f"recall@{self.k}", f"ndcg@{self.k}", "users"]
        rows = [
            [s.task, s.model, f"{s.recall:.4f}", f"{s.ndcg:.4f}", f"{s.num_seeds:,}"]
            for s in self.scores
        ]
        return headings, rows

    def to_dict(self) -> dict[str, Any]:
        """Plain data, as the manifest keeps it."""
        return {
            "k": self.k,
            "cutoff": self._cutoff.isoformat() if self._cutoff else None,
            "scores": [asdict(score) for score in self.scores],
        }


def tasks_of(holdout: Holdout, group_edge_type: EdgeType) -> list[Task]:
    """The questions of the first version: all products, new products, new brands.

    Args:
        group_edge_type: What ties a product to its brand. Left out where the graph lacks it.
    """
    seed_type, _, target_type = holdout.edge_type
    tasks = [
        Task("all products", seed_type, target_type, False, holdout.truth),
        Task("new products", seed_type, target_type, True, holdout.new_truth),
    ]
    if group_edge_type in edge_types_of(holdout.train_graph):
        made_by = adjacency(holdout.train_graph, group_edge_type)
        had = compose(adjacency(holdout.train_graph, holdout.edge_type), made_by)
        truth = without(compose(holdout.truth, made_by), had)
        tasks.append(Task("new brands", seed_type, group_edge_type.target, True, truth))
    return [task for task in tasks if task.truth.num_edges]


def evaluate(
    recommenders: Mapping[str, Recommender], tasks: Sequence[Task], *, k: int, cutoff_s: int | None
) -> Report:
    """Asks every recommender, by model name, every question.

    Raises:
        NotEnoughDataError: There is no task.
    """
    if not tasks:
        raise NotEnoughDataError("nothing was held out that could be foretold")
    scores = [
        _measure(name, recommender, task, k)
        for task in tasks
        for name, recommender in recommenders.items()
    ]
    return Report(k, cutoff_s, tuple(scores))


def _measure(model: str, recommender: Recommender, task: Task, k: int) -> Score:
    seed_rows = np.flatnonzero(task.truth.degrees())
    ranked, _ = recommender.top_rows(
        task.seed_type, seed_rows, task.target_type, k=k, exclude_seen=task.exclude_seen
    )
    return Score(
        task=task.name,
        model=model,
        recall=recall_at_k(ranked, seed_rows, task.truth, k),
        ndcg=ndcg_at_k(ranked, seed_rows, task.truth, k),
        num_seeds=len(seed_rows),
    )
