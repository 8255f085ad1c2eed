"""Trials of settings: how good are the vectors that a config gives, on a validation part?

Trials are cheap because they share work. One factorisation answers for every dimension, singular
value exponent and item popularity exponent. Other blocks are computed once, and weighed against
each other.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

import torch

from graphdb.checked_schema import Schema
from graphdb.schema_types import EdgeType
from graphrec.bundle import Adjacency
from training.config import TrainConfig
from training.encoders import Encoder, FittedVectors, PopularityEncoder, SvdConfig, Vectors
from training.encoders.svd import SvdEncoder, SvdFactors
from training.evaluation.metrics import VectorScorer, metrics_at_k
from training.models import Run, concatenated, make_blocks
from training.splitting.holdout import ValidationPart

Tensor = torch.Tensor
Value = float | int
Settings = Mapping[str, Value]
"""Values by key, such as 'svd.dim'."""
Axes = Mapping[str, Sequence[Value]]
"""The values to try for each key, ascending."""

NEVER_DAYS = 1e9
"""A half-life that changes nothing; TOML has no None."""

MOST_KEPT = 3  # factorisations: the best one, and its neighbors on both sides

READ_OUT = {"singular_value_exponent", "item_popularity_exponent"}
GROUPS_READ_OUT = {"group_singular_value_exponent", "group_power"}
"""The keys of the SVD that change vectors, but not the factorisation."""


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """What trials are compared on.

    Args:
        part: Its training graph is what trials learn from.
        schema: The schema of the graph.
        target_edge_type: Who does what with which.
        base: The config for everything that is not tried, with the length of the lists.
    """

    part: ValidationPart
    schema: Schema
    target_edge_type: EdgeType
    base: TrainConfig

    def with_settings(self, settings: Settings) -> TrainConfig:
        """The base config with these values."""
        content = self.base.model_dump()
        for key, value in settings.items():
            table, name = key.split(".")
            content[table][name] = value
        return TrainConfig.model_validate(content)


def values_of(config: TrainConfig, keys: Collection[str]) -> dict[str, Value]:
    """The values of a config; no half-life is one that never ends."""
    content = config.model_dump()
    found = {key: content[table][name] for key in keys for table, name in [key.split(".")]}
    return {key: NEVER_DAYS if value is None else value for key, value in found.items()}


def climbed(start: Settings, axes: Axes, reached: Callable[[Settings], float]) -> dict[str, Value]:
    """Goes on to a better neighbor along one axis after the other, until there is none."""
    best, most, moved = dict(start), reached(start), True
    while moved:
        moved = False
        for key, values in axes.items():
            for step in (1, -1):
                while (value := _neighbor(values, best[key], step)) is not None:
                    tried = best | {key: value}
                    found = reached(tried)
                    if found <= most:
                        break
                    best, most, moved = tried, found, True
    return best


def _neighbor(values: Sequence[Value], value: Value, step: int) -> Value | None:
    """The next value up or down; None at the end.

    >>> _neighbor((1, 2, 4), 2, 1), _neighbor((1, 2, 4), 3, -1), _neighbor((1, 2, 4), 4, 1)
    (4, 2, None)
    """
    beyond = [one for one in values if (one - value) * step > 0]
    return beyond[0 if step > 0 else -1] if beyond else None


@dataclass(slots=True, eq=False)
class Factorisations:
    """Factorises for one config after the other, and keeps the ones used last.

    A factorisation is as exact as that of training. One that begins with the last needs fewer power
    iterations, but it misses what is new, such as products that few users connect, which a larger
    item exponent brings to the front: on sparse data, it chose what training then did not reach.

    Args:
        most_dim: Their dimensions, where a config does not ask for more.
    """

    question: Question
    most_dim: int
    _kept: dict[str, SvdFactors] = field(default_factory=dict, init=False)

    def of(self, config: SvdConfig) -> SvdFactors:
        """The factorisation for a config, whatever it says of reading it out."""
        wide = config.model_copy(update={"dim": max(config.dim, self.most_dim)})
        key = wide.model_dump_json(exclude=READ_OUT | GROUPS_READ_OUT)
        found = self._kept.pop(key, None)
        if found is None:
            encoder = SvdEncoder(self.question.schema, self.question.target_edge_type, wide)
            found = encoder.factors(self.question.part.train_graph)
        self._kept[key] = found  # the newest at the end
        if len(self._kept) > MOST_KEPT:
            del self._kept[next(iter(self._kept))]
        return found


@dataclass(slots=True, eq=False)
class SvdTrials:
    """Measures configs of the SVD.

    Args:
        truth: What is to be found.
        known: NDCG by config.
    """

    question: Question
    factorisations: Factorisations
    truth: Adjacency
    known: dict[str, float] = field(default_factory=dict, init=False)

    def ndcg(self, settings: Settings) -> float:
        config = self.question.with_settings(settings).svd
        key = config.model_dump_json()
        if key not in self.known:
            question = self.question
            scorer = VectorScorer(*self.factorisations.of(config).vectors(config))
            reached = metrics_at_k(scorer, question.part.taken, self.truth, question.base.top_k)
            self.known[key] = reached.ndcg
        return self.known[key]


@dataclass(slots=True, eq=False)
class BlockTrials:
    """Measures blocks together: each is computed once for each of its configs, whatever it weighs.

    The graph model takes too long for trials, and engagement changes no list of products: both are
    left out.

    Args:
        known: NDCG by config.
    """

    question: Question
    factorisations: Factorisations
    known: dict[str, float] = field(default_factory=dict, init=False)
    _blocks: dict[str, tuple[str, Vectors]] = field(default_factory=dict, init=False)

    def ndcg(self, settings: Settings, truth: Adjacency, taken: Tensor, target_type: str) -> float:
        """NDCG of new targets of a type.

        Args:
            truth: What is to be found.
            taken: What query nodes took of it before, CSR.
        """
        question = self.question
        config = question.with_settings({**settings, "graph.weight": 0, "engagement.weight": 0})
        key = f"{target_type} {config.model_dump_json()}"
        if key not in self.known:
            query_type = question.target_edge_type.source
            vectors = self._vectors(config, {query_type, target_type})
            scorer = VectorScorer.between(vectors, query_type, target_type)
            self.known[key] = metrics_at_k(scorer, taken, truth, question.base.top_k).ndcg
        return self.known[key]

    def _vectors(self, config: TrainConfig, kept: set[str]) -> Vectors:
        question = self.question
        blocks = make_blocks(question.schema, question.target_edge_type, config, Run())
        fitted: dict[str, Encoder] = {}
        for name, block in blocks.items():
            vectors = self._fitted(name, block, config, kept)
            if kept <= vectors.keys():  # others score nothing here
                fitted[name] = FittedVectors({one: vectors[one] for one in kept})
        joined = concatenated(fitted, question.target_edge_type, config)
        return joined.fit(question.part.train_graph)

    def _fitted(self, name: str, block: Encoder, config: TrainConfig, kept: set[str]) -> Vectors:
        """The vectors of a block; only those of both ends where these are all that is kept."""
        edge_type, graph = self.question.target_edge_type, self.question.part.train_graph
        of_ends = kept == {edge_type.source, edge_type.target}
        key = f"{of_ends} {getattr(config, name).model_dump_json(exclude={'weight'})}"
        known, vectors = self._blocks.get(name, ("", {}))
        if key != known:
            if isinstance(block, SvdEncoder):
                factors = self.factorisations.of(config.svd)
                vectors = block.ends(factors) if of_ends else block.vectors(graph, factors)
            elif isinstance(block, PopularityEncoder) and of_ends:
                vectors = block.fit_ends(graph)
            else:
                vectors = block.fit(graph)
            self._blocks[name] = key, vectors
        return vectors
