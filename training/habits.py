"""Learns what users take again, and how much that counts beside the dot product.

A discrete-time hazard: a logistic regression on pairs that met before a window says which of them
meet again within it, by the features of `graphrec.bundle.habits`. Both the window and everything
before it are part of the training data.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from graphdb.errors import InsufficientDataError
from graphdb.schema_types import EdgeType
from graphrec.bundle import HabitRule, Habits, PairHistory, TargetHabits
from graphrec.bundle.habits import features
from graphrec.query.metapaths import CATEGORY, GROUPS
from training.data import ALWAYS_S, AT_S, DAY_S, HeteroData, edge_types_of
from training.encoders import Vectors
from training.encoders.concat import score_spread
from training.pairs import adjacency
from training.splitting.split import graph_before

Rows = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.float64]

_MOST_PAIRS = 2**18  # in the regression; more change the score of no list by a thousandth
_FEWEST = 100  # pairs that met again; fewer say nothing about habits
_PRIOR = 5.0  # events that a category, or all targets, count beside a target's own
_LEAST_GAP_DAYS = 0.5  # two events of one day
_OTHERS = 100  # targets per query node that it never took, the best by dot product
_LEAST_SLOPE = 1e-3
_RIDGE = 1.0
_MOST_STEPS, _STILL, _TINY = 50, 1e-9, 1e-9
_BLOCK, _BLOCK_QUERIES, _MOST_QUERIES = 2**14, 128, 2_000


class HabitsConfig(BaseModel):
    """The config of habits: what users take again, from count, recency and usual interval."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    weight: float = Field(default=1.0, ge=0, le=1000, allow_inf_nan=False)
    """How far the scores of what a user took before move from the dot product (0) to what is
    learned (1); 0 leaves habits out.
    """

    half_lives_days: tuple[float, ...] = Field(
        default=(7.0, 21.0, 60.0, 180.0), min_length=1, max_length=8
    )
    """The ages at which an event counts half; each gives a count of its own. Ascending."""

    window_days: float = Field(default=28.0, gt=0, le=10_000, allow_inf_nan=False)
    """Habits are learned from what was taken again within this many last days; within a quarter of
    the time that all events span, or half of what those of the median user span, if that is less.
    """


@dataclass(frozen=True, slots=True, eq=False)
class Events:
    """The dated events of one relation, sorted by pair, then by time.

    Args:
        keys: int64 [num_events], source row * num_targets + target row.
        at_s: int64 [num_events], epoch seconds.
        num_targets: Of the graph.
    """

    keys: Rows
    at_s: Rows
    num_targets: int

    @classmethod
    def of(cls, graph: HeteroData, edge_type: EdgeType) -> "Events":
        store = graph[edge_type]
        queries, targets = store.edge_index.numpy()
        at_s = store[AT_S].numpy()
        num_targets = graph[edge_type.target].num_nodes
        keys = queries * num_targets + targets
        dated = np.flatnonzero(at_s != ALWAYS_S)
        order = dated[np.lexsort((at_s[dated], keys[dated]))]
        return cls(keys[order], at_s[order], num_targets)

    def part(self, keep: npt.NDArray[np.bool_]) -> "Events":
        return Events(self.keys[keep], self.at_s[keep], self.num_targets)

    def median_span_s(self) -> float:
        """The time between the oldest and the newest event of the median source of two times.

        0 where no source has events at two times.
        """
        first = np.flatnonzero(np.diff(self.keys // self.num_targets, prepend=-1) != 0)
        spans = np.maximum.reduceat(self.at_s, first) - np.minimum.reduceat(self.at_s, first)
        return float(np.median(spans[spans > 0])) if spans.any() else 0.0

    def history(self, as_of_s: int, half_lives_days: tuple[float, ...]) -> tuple[Rows, PairHistory]:
        """Returns the distinct pairs, ascending, and their history."""
        first = np.flatnonzero(np.diff(self.keys, prepend=-1) != 0)
        counts = np.diff(first, append=len(self.keys))
        age_days = (as_of_s - self.at_s) / DAY_S
        decayed = [
            np.add.reduceat(np.exp2(-age_days / half_life), first) for half_life in half_lives_days
        ]
        history = PairHistory(
            counts.astype(np.int32),
            self.at_s[first],
            self.at_s[first + counts - 1],
            np.stack(decayed, axis=1).astype(np.float32),
            float(as_of_s),
        )
        return self.keys[first], history

    def target_habits(self, history: PairHistory, pairs: Rows, category_of: Rows) -> TargetHabits:
        """Returns the usual habits of targets, shrunk to those of their category and of all.

        Args:
            history: Of these events.
            pairs: Its pairs.
            category_of: int64 [num_targets], the number of each target's category, from 0 on.
        """
        gaps = np.diff(self.at_s) / DAY_S
        counted = (np.diff(self.keys) == 0) & (gaps > 0)
        logs = np.log(np.maximum(gaps[counted], _LEAST_GAP_DAYS))
        intervals = _shrunk(logs, self.keys[1:][counted] % self.num_targets, category_of)
        targets = pairs % self.num_targets
        again = (history.counts > 1).astype(np.float64)
        rates = np.clip(_shrunk(again, targets, category_of), 1e-4, 1 - 1e-4)
        decayed = [np.bincount(targets, part, self.num_targets) for part in history.decayed.T]
        return TargetHabits(
            intervals.astype(np.float32),
            np.log(rates / (1 - rates)).astype(np.float32),
            np.stack(decayed, axis=1).astype(np.float32),
        )


def _shrunk(values: Numbers, targets: Rows, category_of: Rows) -> Numbers:
    """The mean value of every target, shrunk to its category's, and that to the mean of all."""
    overall = float(values.mean()) if len(values) else 0.0
    num_categories = int(category_of.max(initial=0)) + 1
    of_category = _means(values, category_of[targets], np.full(num_categories, overall))
    return _means(values, targets, of_category[category_of])


def _means(values: Numbers, groups: Rows, prior: Numbers) -> Numbers:
    sums = np.bincount(groups, values, len(prior))
    return np.asarray(
        (sums + _PRIOR * prior) / (np.bincount(groups, minlength=len(prior)) + _PRIOR)
    )


def learn_habits(
    graph: HeteroData,
    edge_type: EdgeType,
    config: HabitsConfig,
    vectors: Vectors,
    fit_before: Callable[[HeteroData], Vectors],
) -> Habits | None:
    """Learns habits on a window at the end of a graph, and applies them to all of it.

    Args:
        graph: The past; its edges are those of the bundle.
        vectors: What was learned from it.
        fit_before: Gives vectors for the graph before the window, to compare habits with dot
            products that do not know the window.

    Returns:
        None if habits have weight 0, if fewer than 100 pairs met again within the window, or if
        no query node has a target that it never took.
    """
    events = Events.of(graph, edge_type)
    if not config.weight or not len(events.keys):
        return None
    newest_s = int(events.at_s.max())
    for window_s in _windows(events, config):
        start_s = int(newest_s + 1 - window_s)
        before, within = events.part(events.at_s < start_s), events.part(events.at_s >= start_s)
        again = np.isin(np.unique(before.keys), within.keys)  # by pair
        if np.count_nonzero(again) >= _FEWEST:
            break
    else:
        return None
    category_of = _categories(graph, edge_type.target)
    lives = config.half_lives_days
    pairs, history = before.history(start_s, lives)
    habits = before.target_habits(history, pairs, category_of)
    try:
        past = _Products.of(fit_before(graph_before(graph, start_s)), edge_type)
    except InsufficientDataError:  # such as nothing but low ratings before the window
        return None

    some = _evenly(len(pairs), _MOST_PAIRS)
    pairs, again = pairs[some], again[some]
    own = habits.part(pairs % events.num_targets)
    found = features(history.part(some), own, start_s, lives)
    columns = np.column_stack([found, past.of_pairs(pairs)])
    intercept, coefficients = logistic(columns, again)
    others, dots = past.new_targets(before)
    if not len(others):  # all query nodes took all targets: nothing is beside what they took
        return None
    new_intercept, (new_slope,) = logistic(dots[:, None], np.isin(others, within.keys))
    slope = max(float(new_slope), _LEAST_SLOPE)

    spread = _Products.of(vectors, edge_type).spread
    all_pairs, all_history = events.history(newest_s, lives)
    rule = HabitRule(
        edge_type=str(edge_type),
        as_of=datetime.fromtimestamp(newest_s, UTC),
        half_lives_days=lives,
        window_days=window_s / DAY_S,
        intercept=intercept - new_intercept,
        coefficients=tuple(coefficients[:-1].tolist()),
        affinity=float(coefficients[-1]) / spread,
        scale=spread / slope,
        weight=config.weight,
    )
    return Habits(
        rule,
        all_history.first_at_s,
        all_history.decayed,
        events.target_habits(all_history, all_pairs, category_of),
    )


def _windows(events: Events, config: HabitsConfig) -> tuple[float, float]:
    """The lengths of the window to try, in seconds.

    A window as long as the histories of most users leaves nothing of them to learn from but those
    of the few with long ones, who have other habits. Where too little is taken again in a short
    window, a longer one is better than none.
    """
    span_s = int(events.at_s.max() - events.at_s.min())
    longest_s = min(config.window_days * DAY_S, span_s / 4)
    return min(longest_s, max(events.median_span_s() / 2, DAY_S)), longest_s


@dataclass(frozen=True, slots=True, eq=False)
class _Products:
    """Dot products in units of their spread over all targets, averaged over the query nodes.

    Args:
        queries: float32 [num_queries, dim].
        targets: float32 [num_targets, dim].
        spread: Their standard deviation, above 0.
    """

    queries: npt.NDArray[np.float32]
    targets: npt.NDArray[np.float32]
    spread: float

    @classmethod
    def of(cls, vectors: Vectors, edge_type: EdgeType) -> "_Products":
        queries, targets = vectors[edge_type.source], vectors[edge_type.target]
        return cls(queries, targets, score_spread(queries, targets) or 1.0)

    def of_pairs(self, pairs: Rows) -> Numbers:
        """Returns the dot products of pairs, float64 [num_pairs]."""
        num_targets = len(self.targets)
        found = np.empty(len(pairs))
        for part in _blocks(len(pairs), _BLOCK):
            queries = self.queries[pairs[part] // num_targets]
            found[part] = np.einsum("nd,nd->n", queries, self.targets[pairs[part] % num_targets])
        return found / self.spread

    def new_targets(self, before: Events) -> tuple[Rows, Numbers]:
        """Returns the best targets of every query node that it never took, as pairs.

        Query nodes without a vector, and those without events, have none.
        """
        num_targets = len(self.targets)
        known = np.flatnonzero(self.queries.any(axis=1))
        known = known[_evenly(len(known), _MOST_QUERIES)]
        most = min(_OTHERS, num_targets)
        pairs, dots = [], []
        for part in _blocks(len(known), _BLOCK_QUERIES):
            rows = known[part]
            scores = self.queries[rows] @ self.targets.T
            starts = np.searchsorted(before.keys, rows * num_targets)
            ends = np.searchsorted(before.keys, (rows + 1) * num_targets)
            for place, (start, end) in enumerate(zip(starts, ends, strict=True)):
                scores[place, before.keys[start:end] % num_targets] = -np.inf
            best = np.argpartition(-scores, most - 1, axis=1)[:, :most]
            values = np.take_along_axis(scores, best, axis=1).ravel()
            keys = (rows[:, None] * num_targets + best).ravel()
            pairs.append(keys[np.isfinite(values)])
            dots.append(values[np.isfinite(values)].astype(np.float64))
        if not pairs:
            return np.empty(0, dtype=np.int64), np.empty(0)
        return np.concatenate(pairs), np.concatenate(dots) / self.spread


def logistic(columns: Numbers, labels: npt.NDArray[np.bool_]) -> tuple[float, Numbers]:
    """Fits a logistic regression by Newton's method (iteratively reweighted least squares).

    Columns are standardised, with a ridge of 1 on their coefficients; steps are halved until the
    loss falls.

    Args:
        columns: float64 [num_rows, num_columns].
        labels: bool [num_rows], of both kinds.

    Returns:
        Intercept, and coefficients of the columns as they are, float64 [num_columns].

    >>> x = np.array([[0.0], [0.0], [1.0], [1.0]] * 50)
    >>> intercept, (slope,) = logistic(x, np.array([False, True, True, True] * 50))
    >>> round(intercept, 2), round(float(slope), 1)
    (0.04, 4.4)
    """
    means, scales = columns.mean(axis=0), columns.std(axis=0)
    scales[scales == 0] = 1.0
    x = np.column_stack([np.ones(len(columns)), (columns - means) / scales])
    y = labels.astype(np.float64)
    ridge = np.full(x.shape[1], _RIDGE)
    ridge[0] = 0.0
    found = np.zeros(x.shape[1])
    found[0] = np.log((y.sum() + 0.5) / (len(y) - y.sum() + 0.5))

    def loss(solution: Numbers) -> float:
        logits = x @ solution
        return float((np.logaddexp(0, logits) - y * logits).sum() + ridge @ solution**2 / 2)

    best = loss(found)
    for _ in range(_MOST_STEPS):
        chances = 1 / (1 + np.exp(-np.clip(x @ found, -700, 700)))
        gradient = x.T @ (y - chances) - ridge * found
        step = np.linalg.solve(_curvature(x, chances) + np.diag(ridge + _TINY), gradient)
        size = 1.0
        while loss(found + size * step) > best and size > _TINY:
            size /= 2
        before, found = best, found + size * step
        best = loss(found)
        if before - best <= _STILL * len(y):
            break
    coefficients = found[1:] / scales
    return float(found[0] - coefficients @ means), coefficients


def _curvature(x: Numbers, chances: Numbers) -> Numbers:
    """X^T diag(p (1 - p)) X in blocks, because a weighted copy of all rows takes longer to make."""
    found = np.zeros((x.shape[1], x.shape[1]))
    for part in _blocks(len(x), _BLOCK):
        weights = chances[part] * (1 - chances[part])
        found += (x[part] * weights[:, None]).T @ x[part]
    return found


def _categories(graph: HeteroData, target_type: str) -> Rows:
    """The first category of every target, from 1 on; 0 for none."""
    (edge_type,) = GROUPS[CATEGORY].edge_types
    if edge_type.source != target_type or edge_type not in edge_types_of(graph):
        return np.zeros(graph[target_type].num_nodes, dtype=np.int64)
    return adjacency(graph, edge_type).first_targets() + 1


def _evenly(number: int, most: int) -> Rows:
    """Positions of at most so many of a number, evenly spread."""
    return np.unique(np.linspace(0, number - 1, min(number, most)).astype(np.int64))


def _blocks(number: int, size: int) -> list[slice]:
    return [slice(start, start + size) for start in range(0, number, size)]
