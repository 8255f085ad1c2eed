"""What is measured: anything that ranks targets for seeds."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import torch

from graphrec import Recommender
from training.baselines import Baseline
from training.evaluation.metrics import Rows
from training.evaluation.tasks import Direction, Task
from training.quality.counts import BRAND, CREATOR, PRODUCT
from training.scoring import BLOCK_SCORES, Scorer, places_of
from training.sparse import csr_of

Tensor = torch.Tensor


class Ranker(Protocol):
    """Ranks the targets of a task for seeds."""

    @property
    def name(self) -> str:
        """What tables call it."""
        ...

    def can_answer(self, task: Task) -> bool:
        """Whether it knows anything of the task's types."""
        ...

    def learn(self, direction: Direction) -> object:
        """Makes ready to rank along a direction, so that ranking can be timed by itself."""
        ...

    def top(self, task: Task, seed_rows: Rows, k: int) -> Rows:
        """The k best targets of every seed, without those that the task excludes.

        Returns:
            int64 [num_seeds, k], best first, equal scores by ascending row, padded with -1.
        """
        ...


@dataclass(frozen=True, slots=True)
class Served:
    """A bundle of the past, asked as it is served."""

    name: str
    recommender: Recommender

    def can_answer(self, task: Task) -> bool:
        has = self.recommender.bundle.has_vectors
        return has(task.seed_type) and has(task.target_type)

    def learn(self, direction: Direction) -> None:
        """Nothing more: what a bundle holds was learned before."""

    def top(self, task: Task, seed_rows: Rows, k: int) -> Rows:
        ask = self.recommender
        if task.target_type == CREATOR and task.seed_type in (PRODUCT, BRAND):
            rows, _ = ask.creator_rows(
                task.seed_type, seed_rows, k=k, exclude_seen=task.exclude_seen
            )
            return rows
        # Categories of any level, since all that users went to stand among the right answers.
        # What can be bought is known of today, not of the past: it must not hide what was bought.
        rows, _ = ask.top_rows(
            task.seed_type,
            seed_rows,
            task.target_type,
            k=k,
            exclude_seen=task.exclude_seen,
            levels="all",
            include_unsellable=True,
        )
        return rows


@dataclass(frozen=True, slots=True)
class Scored:
    """A baseline, learned for every direction that it is asked about.

    Args:
        make: Makes the baseline of a direction.
        fits: Whether a direction's past has what the baseline learns from.
    """

    name: str
    make: Callable[[Direction], Baseline]
    fits: Callable[[Direction], bool] = lambda _: True
    _scorers: dict[Direction, Scorer] = field(default_factory=dict, init=False, repr=False)

    def can_answer(self, task: Task) -> bool:
        return self.fits(task.direction)

    def learn(self, direction: Direction) -> Scorer:
        """What the direction's past gives, learned when first asked for.

        Raises:
            NotEnoughDataError: The past has nothing of what the baseline learns from.
        """
        if direction not in self._scorers:
            self._scorers[direction] = self.make(direction).fit(direction.graph)
        return self._scorers[direction]

    def top(self, task: Task, seed_rows: Rows, k: int) -> Rows:
        had = csr_of(task.direction.had) if task.exclude_seen else None
        return best_of(self.learn(task.direction), seed_rows, k, had)


@torch.no_grad()
def best_of(
    scorer: Scorer,
    seed_rows: Rows,
    k: int,
    had: Tensor | None = None,
    candidates: Tensor | None = None,
) -> Rows:
    """The k best targets of every seed by a scorer, as `Ranker.top` gives them.

    Args:
        had: What must not come out, CSR [num_seeds, num_targets].
        candidates: Which targets may, bool [num_targets]; all by default.
    """
    ranked = np.full((len(seed_rows), k), -1, dtype=np.int64)
    step = max(BLOCK_SCORES // max(scorer.num_targets, 1), 1)
    for start in range(0, len(seed_rows), step):
        rows = torch.from_numpy(seed_rows[start : start + step])
        scores = scorer.scores(rows)
        if had is not None:
            scores[places_of(had, rows)] = -torch.inf
        if candidates is not None:
            scores[:, ~candidates] = -torch.inf
        best = _top(scores, min(k, scorer.num_targets))
        ranked[start : start + step, : best.shape[1]] = best.numpy()
    return ranked


def _top(scores: Tensor, k: int) -> Tensor:
    """Columns of the k highest scores of every row, equals by number; -1 for -inf."""
    values, columns = torch.topk(scores, min(k + 1, scores.shape[1]), dim=1)
    # Among equals at the end of the list, topk takes any; the first ones are to come.
    split = torch.nonzero(values[:, k - 1 : k] == values[:, k:])[:, 0]
    values, columns = values[:, :k], columns[:, :k]
    if len(split):
        lowest = values[split, -1:]
        equal = scores[split] == lowest
        wanted = (values[split] == lowest).sum(1, keepdim=True)
        first = equal & (equal.cumsum(1, dtype=torch.int32) <= wanted)
        columns[split] = torch.nonzero((scores[split] > lowest) | first)[:, 1].view(len(split), k)
    columns = columns.sort(1).values
    values = scores.gather(1, columns)
    order = torch.argsort(values, dim=1, descending=True, stable=True)
    columns, values = columns.gather(1, order), values.gather(1, order)
    return torch.where(values > -torch.inf, columns, -1)
