"""Chooses the config of the SVD on a validation part that is cut from the training graph.

What fits one data set does not fit another: a dense one wants few dimensions, an old one no
half-life. Trials are cheap: a climb from several starts, one step along one key at a time, on a
sample of queries. One factorisation answers for every dimension, singular value exponent and item
popularity exponent, so that only keys that change the matrix cost another one. The number of trials
depends on the data and not on the clock: equal data give equal choices, however fast the machine.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from graphdb.checked_schema import Schema
from graphdb.errors import InsufficientDataError
from graphdb.schema_types import EdgeType
from graphrec.bundle import Adjacency
from training.config import TrainConfig
from training.data import ALWAYS_S, AT_S, DAY_S, HeteroData
from training.encoders import SvdConfig
from training.encoders.svd import SvdEncoder, SvdFactors
from training.evaluation.metrics import VectorScorer, metrics_at_k
from training.splitting.holdout import Split, ValidationPart, cut

Value = float | int
Settings = dict[str, Value]
Axes = Mapping[str, Sequence[Value]]

NEVER_DAYS = 1e9
"""A half-life that changes nothing; TOML has no None."""

DIMS, WIDER = (8, 16, 32, 64, 128), (128, 192, 256, 384, 512)
"""The dimensions that are tried, and those at last, where the best trial has the most of them."""

READ_OUT: Axes = {
    "dim": DIMS,
    "singular_value_exponent": (-0.5, -0.25, 0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0),
    "item_popularity_exponent": (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6),
}
"""What one factorisation answers for."""

EXPONENTS: Axes = {
    "item_exponent": (0.2, 0.3, 0.4, 0.5, 0.6, 0.75),
    "user_degree_exponent": (0.0, 0.2, 0.4, 0.5, 0.6),
}
REPEAT_EXPONENTS = (0.0, 0.25, 0.5, 1.0)
HALF_LIVES_DAYS = (7.0, 15.0, 30.0, 60.0, 120.0, 240.0, 500.0, 1000.0)

STARTS: Sequence[Settings] = (
    {},
    {
        "user_degree_exponent": 0.5,
        "item_exponent": 0.5,
        "item_popularity_exponent": 0.5,
        "singular_value_exponent": 0.5,
        "half_life_days": NEVER_DAYS,
        "repeat_exponent": 0.0,
    },
    {
        "user_degree_exponent": 0.2,
        "item_exponent": 0.5,
        "item_popularity_exponent": 0.1,
        "singular_value_exponent": 0.0,
        "dim": 64,
        "half_life_days": NEVER_DAYS,
        "repeat_exponent": 0.0,
    },
)
"""Where climbs begin, in what differs from the given config: there, at the symmetric normalisation
of Shen et al. (CIKM 2021), and at one that weakens popular products, with few dimensions.
"""

LEAST_DAYS = 8
VALIDATION_DAYS = 28
VALIDATION_SHARE = 0.1
"""The last 28 days are held out, or an eighth of them all, or where there are fewer than 8, a tenth
of each user's pairs.
"""

ENOUGH_PAIRS, FEWEST_QUERIES, MOST_QUERIES = 4_000, 256, 4_000
"""Queries are drawn until they have enough true pairs."""


@dataclass(frozen=True, slots=True)
class Selection:
    """The chosen config, and what it gains.

    Args:
        config: The given config with the chosen values, which is not to be chosen again.
        part: The validation part, in words; None where there was too little data to choose, and
            the given values are kept.
        changed: Each key that was chosen with its value before and now.
        num_trials: The number of configs that were tried.
        metric: What was compared, such as 'ndcg@20', of what is new to the user.
        before: Its value with the given config.
        reached: Its value with the chosen one, on the same queries.
    """

    config: TrainConfig
    part: str | None
    changed: Mapping[str, tuple[Value, Value]]
    num_trials: int = 0
    metric: str = ""
    before: float = 0.0
    reached: float = 0.0

    def lines(self) -> list[str]:
        """What a person should know of it."""
        if self.part is None:
            return ["settings: kept, because there is too little data to compare others"]
        head = (
            f"settings chosen on {self.part}: {self.metric} of what is new "
            f"{self.before:.4f} before, {self.reached:.4f} now, {self.num_trials} trials"
        )
        changes = self.changed.items()
        return [
            head,
            *(f"  {key} = {_told(new)} (was {_told(old)})" for key, (old, new) in changes),
        ]

    def to_dict(self) -> dict[str, Any]:
        """What is kept in the manifest."""
        return {
            "part": self.part,
            "changed": {key: {"from": old, "to": new} for key, (old, new) in self.changed.items()},
            "trials": self.num_trials,
            "metric": self.metric,
            "before": self.before,
            "reached": self.reached,
        }


def _told(value: Value) -> str:
    return "never" if value == NEVER_DAYS else f"{value:g}"


def select_config(
    graph: HeteroData, schema: Schema, target_edge_type: EdgeType, base: TrainConfig
) -> Selection:
    """Chooses the config of the SVD.

    Args:
        graph: What is trained on. A part of it is held out to compare trials: its last days, or a
            share of each user's pairs where there are no times.
        base: The config for everything that is not chosen, with the length of the lists.

    Raises:
        InsufficientDataError: There are no events to train on.
        SchemaError: The config names a relation that the schema does not have.
    """
    off = base.selection.model_copy(update={"enabled": False})
    kept = base.model_copy(update={"selection": off})
    part, title = _validation_part(graph, schema, target_edge_type)
    if part is None:
        return Selection(kept, None, {})
    trials = _Trials(part, _sampled(part.truth), schema, target_edge_type, base)
    axes = {**EXPONENTS, **_axes_of(part, target_edge_type)}
    given = _given(base.svd, READ_OUT.keys() | axes.keys())

    def climbed(settings: Settings) -> Settings:
        return _climbed(settings, READ_OUT, trials.ndcg)

    starts = [
        given
        | {"dim": min(given["dim"], DIMS[-1])}
        | {key: value for key, value in other.items() if key in given}
        for other in STARTS
    ]
    best = max((climbed(start) for start in starts), key=trials.ndcg)
    best = climbed(_climbed(best, axes, lambda settings: trials.ndcg(climbed(settings))))
    full = replace(trials, most_dim=max(WIDER[-1], int(given["dim"])))
    if best["dim"] == DIMS[-1]:
        best = _climbed(best, {**READ_OUT, "dim": WIDER}, full.ndcg)
    before, reached = full.ndcg(given), full.ndcg(best)
    if before >= reached:
        best, reached = given, before
    return Selection(
        kept.model_copy(update={"svd": trials.config(best)}),
        title,
        {f"svd.{key}": (given[key], best[key]) for key in best if best[key] != given[key]},
        len(trials.known) + len(full.known),
        f"ndcg@{base.top_k}",
        before,
        reached,
    )


def _given(config: SvdConfig, keys: Collection[str]) -> Settings:
    """The values of a config; no half-life is one that never ends."""
    values = config.model_dump(include=set(keys))
    return {key: NEVER_DAYS if value is None else value for key, value in values.items()}


def _validation_part(
    graph: HeteroData, schema: Schema, target_edge_type: EdgeType
) -> tuple[ValidationPart | None, str | None]:
    """The last days, or where they are too few, a share of the pairs; None for too little data."""
    splits = [Split(None, validation_fraction=VALIDATION_SHARE)]
    days = int(_span_days(graph, target_edge_type))
    if days >= LEAST_DAYS:
        splits.insert(0, Split(None, min(VALIDATION_DAYS, days // LEAST_DAYS)))
    for split in splits:
        try:
            return cut(graph, schema, target_edge_type, split, 0), split.title
        except InsufficientDataError:
            continue  # the next split needs less; without any, the caller tells
    return None, None


def _axes_of(part: ValidationPart, target_edge_type: EdgeType) -> Axes:
    """The axes that only some data have: age, and pairs that repeat."""
    graph, axes = part.train_graph, {}
    days = _span_days(graph, target_edge_type)
    if lives := [one for one in HALF_LIVES_DAYS if one <= days]:
        axes["half_life_days"] = (*lives, NEVER_DAYS)
    if graph[target_edge_type].edge_index.shape[1] > int(part.taken.crow_indices()[-1]):
        axes["repeat_exponent"] = REPEAT_EXPONENTS
    return axes


def _span_days(graph: HeteroData, edge_type: EdgeType) -> float:
    """The time from the first to the last event; 0 where none has a time."""
    at_s = graph[edge_type][AT_S]
    at_s = at_s[at_s != ALWAYS_S]
    return float(at_s.max() - at_s.min()) / DAY_S if at_s.numel() else 0.0


def _sampled(truth: Adjacency) -> Adjacency:
    """The true pairs of some queries, drawn until they have enough."""
    degrees = truth.degrees()
    order = np.random.default_rng(0).permutation(np.flatnonzero(degrees))
    enough = int(np.searchsorted(np.cumsum(degrees[order]), ENOUGH_PAIRS)) + 1
    rows = np.sort(order[: min(max(enough, FEWEST_QUERIES), MOST_QUERIES)])
    sources = np.repeat(rows, degrees[rows])
    return Adjacency.from_edges(sources, truth.gather(rows), truth.num_sources, truth.num_targets)


def _climbed(start: Settings, axes: Axes, ndcg: Callable[[Settings], float]) -> Settings:
    """Goes on to a better neighbor along one axis after the other, until there is none."""
    best, reached, moved = start, ndcg(start), True
    while moved:
        moved = False
        for key, values in axes.items():
            for step in (1, -1):
                while (value := _neighbor(values, best[key], step)) is not None:
                    tried = best | {key: value}
                    found = ndcg(tried)
                    if found <= reached:
                        break
                    best, reached, moved = tried, found, True
    return best


def _neighbor(values: Sequence[Value], value: Value, step: int) -> Value | None:
    """The next value up or down; None at the end.

    >>> _neighbor((1, 2, 4), 2, 1), _neighbor((1, 2, 4), 3, -1), _neighbor((1, 2, 4), 4, 1)
    (4, 2, None)
    """
    beyond = [one for one in values if (one - value) * step > 0]
    return beyond[0 if step > 0 else -1] if beyond else None


@dataclass(slots=True, eq=False)
class _Trials:
    """Measures configs of the SVD; keeps the last factorisation, and every result.

    Args:
        most_dim: The dimensions of a factorisation.
        known: NDCG by config.
    """

    part: ValidationPart
    truth: Adjacency
    schema: Schema
    target_edge_type: EdgeType
    base: TrainConfig
    most_dim: int = DIMS[-1]
    known: dict[str, float] = field(default_factory=dict, init=False)
    _factors: dict[str, SvdFactors] = field(default_factory=dict, init=False)

    def config(self, settings: Settings) -> SvdConfig:
        return SvdConfig.model_validate(self.base.svd.model_dump() | settings)

    def ndcg(self, settings: Settings) -> float:
        config = self.config(settings)
        key = config.model_dump_json()
        if key not in self.known:
            scorer = VectorScorer(*self._factored(config).vectors(config))
            reached = metrics_at_k(scorer, self.part.taken, self.truth, self.base.top_k)
            self.known[key] = reached.ndcg
        return self.known[key]

    def _factored(self, config: SvdConfig) -> SvdFactors:
        key = config.model_dump_json(exclude=set(READ_OUT))
        if key not in self._factors:
            quick = config.model_copy(update={"dim": self.most_dim})
            encoder = SvdEncoder(self.schema, self.target_edge_type, quick)
            self._factors = {key: encoder.factors(self.part.train_graph)}
        return self._factors[key]
