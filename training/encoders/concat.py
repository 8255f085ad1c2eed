"""Joins the vectors of two encoders into one vector per node.

`TwoHalvesEncoder` sets two halves side by side: the SVD sees the whole graph, the graph model sees
near nodes. `BesideEncoder` adds numbers for some node types to vectors that stay as they are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from training.data import HeteroData
from training.encoders.base import Encoder, Vectors

Array = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class ConcatEncoder:
    """Concatenates the vectors of two encoders, so that a dot product is the sum of two scores.

    The scores of the two encoders have different spreads. The second block is scaled so that, from
    the query node type to every other type, its scores spread `balance` times as widely as those of
    the first.

    Args:
        first: The first encoder, such as the SVD.
        second: The second encoder, such as the graph model.
        query_type: The type of query nodes from which spreads are measured, such as users.
        balance: The weight of the second block.
        even_lengths: See `concatenated`.
    """

    first: Encoder
    second: Encoder
    query_type: str
    balance: float = 2.0
    even_lengths: bool = False

    def fit(self, graph: HeteroData) -> Vectors:
        """Fits both and joins them; types that only one knows get zeros for the other."""
        return concatenated(
            self.first.fit(graph),
            self.second.fit(graph),
            self.query_type,
            self.balance,
            even_lengths=self.even_lengths,
        )


def concatenated(
    first: Vectors, second: Vectors, query_type: str, balance: float, *, even_lengths: bool = False
) -> Vectors:
    """Joins vectors by node type; see `ConcatEncoder`. An empty second half adds nothing.

    Args:
        even_lengths: Query nodes get vectors as long, in each half, as the targets that they spread
            over most. Scores do not depend on it, but directions do, of which the vectors of
            new items are made: a half that is short in queries and long in targets hardly counts in
            the scores of new items.
    """
    if not second:
        return first
    halves = (first, 1.0), (second, balance)
    return joined([_evened(half, query_type, spread, even_lengths) for half, spread in halves])


def joined(parts: Sequence[Vectors]) -> Vectors:
    """Vectors one behind the other, by node type; zeros where a part does not know a type."""
    sizes = {name: len(vectors) for part in parts for name, vectors in part.items()}
    return {
        name: np.concatenate([_or_zeros(part, name, number) for part in parts], axis=1)
        for name, number in sorted(sizes.items())
    }


def _evened(vectors: Vectors, query_type: str, spread: float, even_lengths: bool) -> Vectors:
    """The vectors, scaled per type so that the queries' scores for each type spread by `spread`.

    Query nodes and the type that they spread over most share the factor evenly, so that neither
    side's cosines are left to one half, or such that both are as long.
    """
    queries = vectors[query_type]
    spreads = {name: score_spread(queries, others) for name, others in vectors.items()}
    most = max((name for name in spreads if name != query_type), key=lambda name: spreads[name])
    widest = spreads[most]
    if widest == 0:
        return vectors
    ratio = _length(vectors[most]) / _length(queries) if even_lengths else 1.0
    query_factor = (spread / widest * ratio) ** 0.5
    evened = {}
    for name, others in vectors.items():
        own = spread / (spreads[name] * query_factor) if spreads[name] else 1.0
        evened[name] = others * np.float32(query_factor if name == query_type else own)
    return evened


def score_spread(queries: Array, targets: Array) -> float:
    """The standard deviation of a query node's scores over the targets, averaged over the queries.

    The variance of u . x over x is u^T Cov(x) u, so no score has to be computed.
    """
    covariance = np.atleast_2d(np.cov(targets, rowvar=False, bias=True)).astype(np.float32)
    variances = np.einsum("nd,nd->n", queries @ covariance, queries)
    return float(np.sqrt(np.maximum(variances, 0)).mean())


def _length(vectors: Array) -> float:
    """The root mean square of the lengths, where there are any."""
    squares = np.einsum("nd,nd->n", vectors, vectors)
    return float(np.sqrt(squares[squares > 0].mean()))


def _or_zeros(part: Mapping[str, Array], name: str, number: int) -> Array:
    if name in part:
        return part[name]
    return np.zeros((number, next(iter(part.values())).shape[1]), dtype=np.float32)


@dataclass(frozen=True, slots=True)
class BesideEncoder:
    """Adds numbers to the vectors of an encoder; see `beside`.

    Args:
        first: What scores everything.
        second: What scores some types.
        query_type: From whose view spreads are measured, such as the users.
        balance: How widely the second's scores spread beside the first's.
        query_share: How long a query node's added numbers are beside its others.
    """

    first: Encoder
    second: Encoder
    query_type: str
    balance: float
    query_share: float

    def fit(self, graph: HeteroData) -> Vectors:
        """Fits both and joins them."""
        return beside(
            self.first.fit(graph),
            self.second.fit(graph),
            self.query_type,
            self.balance,
            self.query_share,
        )


def beside(
    first: Vectors, second: Vectors, query_type: str, balance: float, query_share: float
) -> Vectors:
    """The first vectors with the second's numbers behind them.

    Query nodes' scores for a type of the second spread `balance` times as widely as the first's.
    Types that the second does not know get zeros, so that queries score them exactly as before:
    unlike `concatenated`, the first's vectors are not scaled. An empty second adds nothing.

    Args:
        query_share: The root mean square length of what query nodes get, as a share of what they
            have. The less, the more their cosines stay as they were; the other types get the rest.
    """
    if not second:
        return first
    queries = first[query_type]
    longer = query_share * _typical_length(queries) / _typical_length(second[query_type])
    added = {query_type: second[query_type] * np.float32(longer)}
    for name in second.keys() - {query_type}:
        spread = score_spread(added[query_type], second[name])
        wanted = balance * score_spread(queries, first[name]) if name in first else 0.0
        added[name] = second[name] * np.float32(wanted / spread if wanted and spread else 1.0)
    return joined([first, added])


def _typical_length(vectors: Array) -> float:
    return float(np.sqrt(np.square(vectors).sum(axis=1).mean()))
