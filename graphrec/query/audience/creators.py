"""Describes creators by the vectors of their audiences and the categories of their products.

The vector of an audience says how it differs from all users, and is shorter where less is known.
A creator's products are those that the creator carries.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from graphdb.schema_types import MetaPath
from graphrec.query.audience.directions import (
    BlockScale,
    Columns,
    Followers,
    Matrix,
    lengths_of,
    some_known,
    spread,
)
from graphrec.query.embeddings import NO_ROWS, EmbeddingMatrix, Rows
from graphrec.query.metapaths import CARRIES, GROUPS, Paths

"""The ways from a creator to what the creator carries."""

_PRODUCTS_OF_NO_CATEGORY = 5  # beside those that a creator carries
_MOST_CATEGORIES = 512  # those that most is carried of

Shares = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Niches:
    """What share of what each creator carries stands in each category.

    Args:
        shares: float32 [num_creators, num_columns]. Five products that stand nowhere are added
            to each, so that few products make no niche.
        columns: int64 [num_categories], the column of a category, -1 where it has none.
    """

    shares: Shares
    columns: Rows
    _paths: Paths

    @classmethod
    def of(cls, paths: Paths, num_creators: int) -> "Niches":
        """Counts; without columns where the bundle does not tell."""
        carries = [path for path in CARRIES if paths.holds(path)]
        num_categories = paths.bundle.num_nodes("Category")
        if not carries or not paths.holds(GROUPS["Category"]):
            return cls(np.zeros((num_creators, 0), np.float32), np.full(num_categories, -1), paths)
        carried = [_carried(paths, carries, row) for row in range(num_creators)]
        everything = np.concatenate([NO_ROWS, *carried])
        weights = _weights(paths, everything, num_categories)
        most = np.argsort(-weights, kind="stable")[:_MOST_CATEGORIES]
        kept = np.sort(most[weights[most] > 0])
        columns = np.full(num_categories, -1)
        columns[kept] = np.arange(len(kept))
        shares = np.zeros((num_creators, len(kept)), dtype=np.float32)
        for row, products in enumerate(carried):
            found = _weights(paths, products, num_categories)[kept]
            shares[row] = found / (len(products) + _PRODUCTS_OF_NO_CATEGORY)
        return cls(shares, columns, paths)

    def of_products(self, products: Rows) -> npt.NDArray[np.float64]:
        """The share of some products in each category that has a column, float64 [num_columns]."""
        found = np.zeros(self.shares.shape[1])
        if len(products) and len(found):
            weights = _weights(self._paths, products, len(self.columns))
            found[self.columns[self.columns >= 0]] = weights[self.columns >= 0] / len(products)
        return found


def _carried(paths: Paths, carries: Sequence[MetaPath], creator: int) -> Rows:
    found: Rows = np.unique(np.concatenate([paths.reach(path, creator) for path in carries]))
    return found


def _weights(paths: Paths, products: Rows, num_categories: int) -> npt.NDArray[np.float64]:
    """How many of some products stand in each category; one in several counts in parts."""
    edges = paths.adjacency(GROUPS["Category"].steps[0])
    number = edges.degrees(products)
    weights = np.repeat(1 / np.maximum(number, 1), number)
    return np.bincount(edges.gather(products), weights, num_categories).astype(np.float64)


OWN_COUNTS_AS = 3
"""Of how many followers the weight of a creator's own vector is. Chosen on synthetic worlds; see
docs/history."""

SHRINKAGE = 20
"""How many followers like everyone are added to those that a creator has. Chosen likewise."""

_MOST_FOLLOWERS = 4_096  # a mean of so many is as good as that of all
_ENOUGH_FOLLOWERS = 30  # for a mean that is no longer mostly chance
_ROUNDING = 1e-9  # of a vector's length


@dataclass(frozen=True, slots=True, eq=False)
class CreatorAudiences:
    """How the audience of each creator differs from all users, as far as it is sure.

    Args:
        space: float32 vectors, in the creators' order; zero where nothing is known.
        doubt: float64 [num_creators], how much of a vector stands for what is not known: from 1,
            nothing is known, down to 0.
    """

    space: EmbeddingMatrix
    doubt: npt.NDArray[np.float64]


def creator_audiences(
    own: EmbeddingMatrix,
    users: EmbeddingMatrix,
    blocks: Sequence[Columns],
    followers_of: Callable[[int], Followers],
) -> CreatorAudiences:
    """The audiences of creators.

    With n followers known, the vector is

        (n A + m O) / (n + m + SHRINKAGE)

    and the doubt SHRINKAGE / (n + m + SHRINKAGE). A is the weighted mean of the followers less that
    of all users, see `BlockScale`: what everyone likes tells nothing. O is the same of the audience
    that the creator's own vector predicts: the mean of users, each as much as the creator's score
    for that user exceeds the average user's, less the mean over creators, no longer than typical
    audiences are. m is `OWN_COUNTS_AS`, or 0 where the own vector tells nothing. So a creator
    without followers gets a short vector, however well the few products that are carried fit.

    Args:
        blocks: The columns that count, see `shared_blocks`.
    """
    some = some_known(users)
    if not len(some):
        return CreatorAudiences(EmbeddingMatrix.of(np.zeros_like(own.vectors)), np.ones(len(own)))
    scale = BlockScale.of(some, blocks)
    placed = scale.placed(some)
    crowd = placed.mean(axis=0)
    audiences = np.zeros(own.vectors.shape)
    number = np.zeros(len(own))
    for row in range(len(own)):
        audiences[row], number[row] = _audience(users, scale, followers_of(row), crowd)
    enough = number >= _ENOUGH_FOLLOWERS
    predicted = _predicted(own, some.astype(np.float64), placed - crowd)
    typical = _typical_length(audiences[enough] if enough.any() else audiences)
    predicted *= (typical / np.maximum(lengths_of(predicted), _typical_length(predicted)))[:, None]
    counts = np.where(predicted.any(axis=1), OWN_COUNTS_AS, 0)
    doubt = SHRINKAGE / (number + counts + SHRINKAGE)
    summed = number[:, None] * audiences + counts[:, None] * predicted
    vectors = (summed * (doubt / SHRINKAGE)[:, None]).astype(np.float32)
    return CreatorAudiences(EmbeddingMatrix.of(np.ascontiguousarray(vectors)), doubt)


def _audience(
    users: EmbeddingMatrix, scale: BlockScale, followers: Followers, crowd: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], int]:
    """The mean of a creator's followers less that of all users, and how many are known."""
    telling = np.flatnonzero(~users.zero[followers.users] & (followers.weights > 0))
    if not len(telling):
        return np.zeros(users.dim), 0
    some = spread(telling, _MOST_FOLLOWERS)
    weights = followers.weights[some] / followers.weights[some].sum()
    return weights @ scale.placed(users.vectors[followers.users[some]]) - crowd, len(telling)


def _predicted(own: EmbeddingMatrix, users: Matrix, placed: Matrix) -> Matrix:
    """What the creators' own vectors tell of their audiences, float64 [num_creators, dim].

    Args:
        users: float64 [num_users, dim], whose dot products with creators are scores.
        placed: The same users, as audiences are made of them, less their mean.
    """
    users = users - users.mean(axis=0)
    covariance = users.T @ users / len(users)
    vectors = own.vectors.astype(np.float64)
    variances = np.einsum("nd,nd->n", vectors @ covariance, vectors)
    most = np.einsum("nd,nd->n", vectors, vectors) * np.trace(covariance)
    known = variances > _ROUNDING**2 * most  # what all users score alike tells nothing
    found = np.zeros_like(vectors)
    if known.any():
        told = vectors[known] @ (users.T @ placed / len(users))
        found[known] = told / np.sqrt(variances[known])[:, None]
        found[known] -= found[known].mean(axis=0)
    return found


def _typical_length(vectors: Matrix) -> float:
    """The median length of those that are not zero; 1 without any."""
    lengths = lengths_of(vectors)
    some = lengths[lengths > 0]
    return float(np.median(some)) if len(some) else 1.0
