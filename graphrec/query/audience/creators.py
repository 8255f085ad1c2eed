"""Creators by their audiences, in one vector each that is the shorter, the less is known."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from graphrec.query.audience.blocks import BlockScale, Columns, lengths_of
from graphrec.query.audience.directions import Matrix, some_known, spread
from graphrec.query.audience.fans import Fans
from graphrec.query.space import Space

OWN_COUNTS_AS = 3
"""Of how many followers the weight of a creator's own vector is. Chosen on synthetic worlds; see
docs/benchmarks.md."""

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

    space: Space
    doubt: npt.NDArray[np.float64]


def creator_audiences(
    own: Space, users: Space, blocks: Sequence[Columns], fans_of: Callable[[int], Fans]
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
        return CreatorAudiences(Space.of(np.zeros_like(own.vectors)), np.ones(len(own)))
    scale = BlockScale.of(some, blocks)
    placed = scale.placed(some)
    crowd = placed.mean(axis=0)
    audiences = np.zeros(own.vectors.shape)
    number = np.zeros(len(own))
    for row in range(len(own)):
        audiences[row], number[row] = _audience(users, scale, fans_of(row), crowd)
    enough = number >= _ENOUGH_FOLLOWERS
    predicted = _predicted(own, some.astype(np.float64), placed - crowd)
    typical = _typical_length(audiences[enough] if enough.any() else audiences)
    predicted *= (typical / np.maximum(lengths_of(predicted), _typical_length(predicted)))[:, None]
    counts = np.where(predicted.any(axis=1), OWN_COUNTS_AS, 0)
    doubt = SHRINKAGE / (number + counts + SHRINKAGE)
    summed = number[:, None] * audiences + counts[:, None] * predicted
    vectors = (summed * (doubt / SHRINKAGE)[:, None]).astype(np.float32)
    return CreatorAudiences(Space.of(np.ascontiguousarray(vectors)), doubt)


def _audience(
    users: Space, scale: BlockScale, fans: Fans, crowd: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], int]:
    """The mean of a creator's followers less that of all users, and how many are known."""
    telling = np.flatnonzero(~users.zero[fans.users] & (fans.weights > 0))
    if not len(telling):
        return np.zeros(users.dim), 0
    some = spread(telling, _MOST_FOLLOWERS)
    weights = fans.weights[some] / fans.weights[some].sum()
    return weights @ scale.placed(users.vectors[fans.users[some]]) - crowd, len(telling)


def _predicted(own: Space, users: Matrix, placed: Matrix) -> Matrix:
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
