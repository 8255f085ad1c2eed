"""Concatenates the vectors of several encoders into one vector per node."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from graphdb.errors import TrainingError
from training.data import HeteroData
from training.encoders.base import Encoder, Vectors, is_source

Array = npt.NDArray[np.float32]
Lengths = Literal["shared", "even"] | float


@dataclass(frozen=True, slots=True)
class ConcatEncoder:
    """Concatenates the vectors of several encoders, so that a dot product is a sum of scores.

    Encoders score on scales of their own, so each part is scaled before the vectors are joined:

    - Scores: from the query nodes to every other node type, the scores of part b spread
      `weights[b] / weights[0]` times as widely as those of the first part. A spread is the standard
      deviation of a query node's scores over the targets, averaged over the query nodes.
    - Lengths: scores fix only the product of the factors of query nodes and targets. `lengths` says
      how it is divided. Scores do not depend on it, but cosines do, and so do the vectors of new
      items, which are made of directions.

    Types that a part does not know get zeros for it. Source vectors (see `sources_of`) are scaled
    like query nodes, whose vectors are sums of them. A part without any vectors adds nothing, and a
    single part is left as it is.

    Raises:
        TrainingError: A weight is missing or not above 0.

    Args:
        parts: The encoders, one or more; all know the query type, or have no vectors at all.
        weights: How widely the scores of each part spread, above 0.
        query_type: The type of query nodes, such as users.
        lengths: 'shared' gives query nodes the same factor as the type that they spread over most.
            'even' makes query nodes as long, in each part, as the targets of that type: a part
            that is short in queries and long in targets hardly counts in the scores of new items.
            A number leaves the first part as it is, and the vectors that query nodes get from each
            other part are this share of their vectors of the first in length; types that the first
            does not know keep the scale of the other part.
        known_queries_only: Whether query nodes of which the first part knows nothing stay zero, for
            parts such as popularity that say the same of every query node.
    """

    parts: Sequence[Encoder]
    weights: Sequence[float]
    query_type: str
    lengths: Lengths = "shared"
    known_queries_only: bool = False

    def __post_init__(self) -> None:
        if not self.parts or len(self.parts) != len(self.weights) or min(self.weights) <= 0:
            raise TrainingError(
                f"{len(self.parts)} encoders have the weights {list(self.weights)}",
                expected="one or more encoders, and one weight above 0 for each",
                value=list(self.weights),
            )

    def fit(self, graph: HeteroData) -> Vectors:
        """Fits all parts, scales and joins them."""
        fitted = [part.fit(graph) for part in self.parts]
        if self.known_queries_only and fitted[0]:
            known = np.asarray(fitted[0][self.query_type].any(axis=1))
            fitted[1:] = [self._of_known(vectors, known) for vectors in fitted[1:]]
        pairs = zip(fitted, self.weights, strict=True)
        weighted = [(vectors, weight) for vectors, weight in pairs if vectors]
        if len(weighted) < 2:
            return weighted[0][0] if weighted else {}
        return joined(self._scaled(weighted))

    def _of_known(self, vectors: Vectors, known: npt.NDArray[np.bool_]) -> Vectors:
        if not vectors:
            return {}
        return vectors | {self.query_type: vectors[self.query_type] * known[:, None]}

    def _scaled(self, weighted: Sequence[tuple[Vectors, float]]) -> list[Vectors]:
        if isinstance(self.lengths, str):
            even = self.lengths == "even"
            return [_evened(part, self.query_type, spread, even) for part, spread in weighted]
        first, weight = weighted[0]
        others = [
            _beside(first, part, self.query_type, spread / weight, self.lengths)
            for part, spread in weighted[1:]
        ]
        return [first, *others]


def joined(parts: Sequence[Vectors]) -> Vectors:
    """Vectors one behind the other, by node type; zeros where a part does not know a type."""
    sizes = {name: len(vectors) for part in parts for name, vectors in part.items()}
    return {
        name: np.concatenate([_or_zeros(part, name, number) for part in parts], axis=1)
        for name, number in sorted(sizes.items())
    }


def score_spread(queries: Array, targets: Array) -> float:
    """The standard deviation of a query node's scores over the targets, averaged over the queries.

    The variance of u . x over x is u^T Cov(x) u, so no score has to be computed.
    """
    # Not by np.cov: it would compute in float64, which takes twice as long and twice the memory.
    centred = targets - targets.mean(axis=0, dtype=np.float64).astype(np.float32)
    covariance = centred.T @ centred / np.float32(len(targets))  # [dim, dim]
    variances = np.einsum("nd,nd->n", queries @ covariance, queries)
    return float(np.sqrt(np.maximum(variances, 0)).mean())


def _evened(vectors: Vectors, query_type: str, spread: float, even: bool) -> Vectors:
    """The vectors, scaled per type so that the queries' scores for each type spread by `spread`.

    Query nodes and the type that they spread over most share the factor evenly, so that neither
    side's cosines are left to one part, or such that both are as long.
    """
    queries = vectors[query_type]
    spreads = {
        name: score_spread(queries, others)
        for name, others in vectors.items()
        if not is_source(name)
    }
    most = max((name for name in spreads if name != query_type), key=lambda name: spreads[name])
    widest = spreads[most]
    if widest == 0:
        return vectors
    ratio = _length(vectors[most]) / _length(queries) if even else 1.0
    query_factor = (spread / widest * ratio) ** 0.5
    evened = {}
    for name, others in vectors.items():
        if name == query_type or is_source(name):
            factor = query_factor
        else:
            factor = spread / (spreads[name] * query_factor) if spreads[name] else 1.0
        evened[name] = others * np.float32(factor)
    return evened


def _beside(
    first: Vectors, second: Vectors, query_type: str, weight: float, query_share: float
) -> Vectors:
    """The second vectors, scaled to stand beside the first, which stay as they are.

    Types that the first does not know keep the scale that the second gave them.
    """
    queries = first[query_type]
    longer = query_share * _typical_length(queries) / _typical_length(second[query_type])
    like_queries = {name for name in second if name == query_type or is_source(name)}
    scaled = {name: second[name] * np.float32(longer) for name in like_queries}
    for name in second.keys() - like_queries:
        spread = score_spread(scaled[query_type], second[name])
        wanted = weight * score_spread(queries, first[name]) if name in first else 0.0
        scaled[name] = second[name] * np.float32(wanted / spread if wanted and spread else 1.0)
    return scaled


def _length(vectors: Array) -> float:
    """The root mean square of the lengths, where there are any."""
    squares = np.einsum("nd,nd->n", vectors, vectors)
    return float(np.sqrt(squares[squares > 0].mean()))


def _typical_length(vectors: Array) -> float:
    """The root mean square of all lengths, zeros among them."""
    return float(np.sqrt(np.square(vectors).sum(axis=1).mean()))


def _or_zeros(part: Mapping[str, Array], name: str, number: int) -> Array:
    if name in part:
        return part[name]
    return np.zeros((number, next(iter(part.values())).shape[1]), dtype=np.float32)
