"""Trials of settings: how good are the vectors that a config gives, on a validation part?

Trials are cheap because they share work. One factorisation answers for every dimension, singular
value exponent and item popularity exponent. Other blocks are computed once, and weighed against
each other.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import torch

from graphdb.checked_schema import Schema
from graphdb.schema_types import EdgeType
from graphrec.bundle import Adjacency
from training.config import TrainConfig
from training.encoders import Encoder, FittedVectors, PopularityEncoder, SvdConfig, Vectors
from training.encoders.svd import SvdEncoder, SvdFactors
from training.evaluation.metrics import MetricsAtK, VectorScorer, metrics_at_k
from training.models import Run, concatenated, make_blocks
from training.pairs import sampled, with_columns
from training.sparse_ops import csr_of
from training.splitting.holdout import ValidationPart

Tensor = torch.Tensor
Value = float | int
Settings = Mapping[str, Value]
"""Values by key, such as 'svd.dim' or 'svd.edge_type_weights.Product-MADE_BY-Brand'."""
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
            table, name, *entry = key.split(".", 2)
            if entry:
                others = {one: old for one, old in content[table][name].items() if one != entry[0]}
                entries = others | ({entry[0]: value} if value else {})
                content[table][name] = dict(sorted(entries.items()))
            else:
                content[table][name] = value
        return TrainConfig.model_validate(content)


@dataclass(frozen=True, slots=True, eq=False)
class KnownAnswers:
    """What vectors should find: of some query nodes, the targets that they took later.

    Only targets that somebody ever took are ranked. What nobody did takes few places in a list, and
    a catalogue can hold ten times as much of it.

    Args:
        name: Such as 'new products'.
        rows: The targets that are ranked, int64 [num_rows]; None for all.
        taken: What each query node took before, CSR [num_queries, num_rows]; never an answer.
        truth: What it took later, and is new to it, over the same columns.
    """

    name: str
    query_type: str
    target_type: str
    rows: npt.NDArray[np.int64] | None
    taken: Tensor
    truth: Adjacency

    @classmethod
    def of(
        cls, name: str, ends: tuple[str, str], taken: Adjacency, truth: Adjacency
    ) -> "KnownAnswers":
        """The answers among all that was taken, before or later."""
        ever = np.zeros(truth.num_targets, dtype=np.bool_)
        ever[taken.indices] = ever[truth.indices] = True
        if ever.all():
            return cls(name, *ends, None, csr_of(taken), truth)
        rows = np.flatnonzero(ever)
        return cls(name, *ends, rows, csr_of(with_columns(taken, rows)), with_columns(truth, rows))

    def sampled(self, num_pairs: int, fewest: int, most: int) -> "KnownAnswers":
        """Those of some query nodes; see `training.pairs.sampled`."""
        return replace(self, truth=sampled(self.truth, num_pairs, fewest, most))

    @property
    def num_queries(self) -> int:
        return int(np.count_nonzero(self.truth.degrees()))

    def found_by(self, queries: Tensor, targets: Tensor, k: int) -> MetricsAtK:
        """How much of it the k best targets of all hold; float [num_nodes, dim] both."""
        some = targets if self.rows is None else targets[torch.from_numpy(self.rows)]
        return metrics_at_k(VectorScorer(queries, some), self.taken, self.truth, k)

    def found_in(self, vectors: Vectors, k: int) -> MetricsAtK:
        """The same by the vectors of both types."""
        queries, targets = vectors[self.query_type], vectors[self.target_type]
        return self.found_by(torch.from_numpy(queries), torch.from_numpy(targets), k)


def values_of(config: TrainConfig, keys: Collection[str]) -> dict[str, Value]:
    """The values of a config; no half-life is one that never ends, no entry is 0."""
    content = config.model_dump()
    found = {}
    for key in keys:
        table, name, *entry = key.split(".", 2)
        value = content[table][name]
        if entry:
            found[key] = value.get(entry[0], 0)
        else:
            found[key] = NEVER_DAYS if value is None else value
    return found


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
        answers: What is to be found.
        known: NDCG by config.
    """

    question: Question
    factorisations: Factorisations
    answers: KnownAnswers
    known: dict[str, float] = field(default_factory=dict, init=False)

    def ndcg(self, settings: Settings) -> float:
        config = self.question.with_settings(settings).svd
        key = config.model_dump_json()
        if key not in self.known:
            vectors = self.factorisations.of(config).vectors(config)
            self.known[key] = self.answers.found_by(*vectors, self.question.base.top_k).ndcg
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

    def ndcg(self, settings: Settings, answers: KnownAnswers) -> float:
        """NDCG of what is new to query nodes."""
        question = self.question
        config = question.with_settings({**settings, "graph.weight": 0, "engagement.weight": 0})
        key = f"{answers.name} {config.model_dump_json()}"
        if key not in self.known:
            vectors = self.vectors(config, {answers.query_type, answers.target_type})
            self.known[key] = answers.found_in(vectors, question.base.top_k).ndcg
        return self.known[key]

    def vectors(self, config: TrainConfig, kept: set[str] | None = None) -> Vectors:
        """The vectors that training would give for these node types, or for all."""
        question = self.question
        blocks = make_blocks(question.schema, question.target_edge_type, config, Run())
        fitted: dict[str, Encoder] = {}
        for name, block in blocks.items():
            vectors = self._fitted(name, block, config, kept)
            if kept is None:
                fitted[name] = FittedVectors(vectors)
            elif kept <= vectors.keys():  # others score nothing here
                fitted[name] = FittedVectors({one: vectors[one] for one in kept})
        joined = concatenated(fitted, question.target_edge_type, config)
        return joined.fit(question.part.train_graph)

    def _fitted(
        self, name: str, block: Encoder, config: TrainConfig, kept: set[str] | None
    ) -> Vectors:
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
