"""Measures what users have in common, how they differ, and who a creator's audience is.

Blocks of columns that two node types share are scaled, so that users' vectors can be compared block
by block. The audience of a creator is derived from what users did.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from graphdb.schema_types import EdgeType, MetaPath
from graphrec.bundle import Bundle
from graphrec.query.embeddings import NO_ROWS, EmbeddingMatrix, Rows
from graphrec.query.metapaths import Paths

Vector = npt.NDArray[np.float64]
Matrix = npt.NDArray[np.float64]

RIDGE = 3.0
"""What is added to every variance, times their mean. Chosen on Complete Journey's validation weeks;
see docs/history."""

SHRINKAGE = 2
"""To how many products that a user met as many like everyone's are added. Chosen on synthetic
worlds; see docs/history."""

_MOST_ROWS = 20_000  # so many users are enough for a mean and a covariance
_MOST_TARGETS = 20_000  # the longest ones, which make most of the scores
_ROUNDING = 1e-9  # of a vector's length


@dataclass(frozen=True, slots=True, eq=False)
class Directions:
    """The mean of all known users, and how they differ in their scores.

    Only scores say what the numbers of a vector mean: half of a user's vector may be a hundred
    times longer than the other half and count the same, where the targets' is as much shorter. So
    two users differ by how their scores for all targets do, |X (u - v)|, X the targets' vectors.
    In that measure, group means are told apart as in linear discriminant analysis with a ridge:
    what varies much among all users tells less of a group.

    Args:
        mean: float64 [dim].
        covariance: float64 [dim, dim], of the known users.
        telling: float64 [dim, dim], symmetric. From a way between two means to the vector whose
            dot products tell the two apart.
    """

    mean: Vector
    covariance: Matrix
    telling: Matrix

    @classmethod
    def of(cls, users: EmbeddingMatrix, targets: EmbeddingMatrix | None = None) -> "Directions":
        """Measures users.

        Args:
            targets: What they are asked for. Without, the vectors' own numbers count.
        """
        vectors = some_known(users).astype(np.float64)
        if not len(vectors):
            nothing = np.zeros((users.dim, users.dim))
            return cls(np.zeros(users.dim), nothing, nothing)
        mean = vectors.mean(axis=0)
        vectors -= mean
        covariance = vectors.T @ vectors / len(vectors)
        measure = _root(_moments(targets)) if targets is not None else np.eye(users.dim)
        variances, axes = np.linalg.eigh(measure.T @ covariance @ measure)
        variances = np.maximum(variances, 0)
        ridge = RIDGE * variances.mean()
        if not ridge:
            return cls(mean, covariance, np.zeros_like(covariance))
        steps = measure @ axes
        return cls(mean, covariance, (steps / (variances + ridge)) @ steps.T)

    def towards(self, end: Vector) -> Vector:
        """What tells users around `end` from all, at a deviation of 1 among all users; or zero."""
        way = end - self.mean
        # Rounding must not pass for a direction where both ends are one point.
        if way @ way <= _ROUNDING**2 * max(end @ end, self.mean @ self.mean):
            return np.zeros_like(way)
        return self.levelled(self.telling @ way)

    def levelled(self, vector: Vector) -> Vector:
        """A vector by whose dot products all users deviate by 1; zero where they do not."""
        deviation = self.deviation(vector)
        return vector / deviation if deviation else np.zeros_like(vector)

    def alike(self, users: EmbeddingMatrix) -> EmbeddingMatrix:
        """The users as vectors whose dot products say how alike two are, in the same measure.

        float32 [num_users, dim], in blocks; zero for users of whom nothing is known.
        """
        root = _root(self.telling)
        return self._placed(users, lambda _, away: away @ root)

    def shrunk(self, users: EmbeddingMatrix, evidence: Vector) -> EmbeddingMatrix:
        """The users, each moved towards the mean by how little is known.

        With the evidence n, v becomes mean + c n / (n + SHRINKAGE) (v - mean). The vector of a user
        who met a single product points nowhere else, and would be the most alike of all. c is such
        that all users together differ as much as before.

        Args:
            evidence: float64 [num_users], in products. Less than 1 counts as 1: a vector that is
                not zero rests on something.

        Returns:
            float32 [num_users, dim], in blocks; zero for users of whom nothing is known.
        """
        known = spread(np.flatnonzero(~users.zero), _MOST_ROWS)
        evidence = np.maximum(evidence, 1)
        shares = evidence / (evidence + SHRINKAGE)
        squares = ((users.vectors[known] - self.mean) ** 2).sum(axis=1)
        left = float((shares[known] ** 2 * squares).sum())
        factors = shares * np.sqrt(squares.sum() / left) if left else shares
        return self._placed(users, lambda rows, away: self.mean + factors[rows, None] * away)

    def _placed(
        self, users: EmbeddingMatrix, place: Callable[[slice, Matrix], Matrix]
    ) -> EmbeddingMatrix:
        """The users in new places, block by block; zero for users of whom nothing is known.

        Args:
            place: Given which rows, and their vectors less the mean.
        """
        placed = np.zeros_like(users.vectors)
        for start in range(0, len(placed), _MOST_ROWS):
            rows = slice(start, start + _MOST_ROWS)
            placed[rows] = place(rows, users.vectors[rows] - self.mean)
        placed[users.zero] = 0
        return EmbeddingMatrix.of(placed)

    def deviation(self, vector: Vector) -> float:
        """The standard deviation of all users' dot products with a vector."""
        variance = float(vector @ self.covariance @ vector)
        most = float(vector @ vector) * float(np.trace(self.covariance))
        return float(np.sqrt(variance)) if variance > _ROUNDING**2 * most else 0.0


def _moments(targets: EmbeddingMatrix) -> Matrix:
    """The mean of x x^T over the longest targets, float64 [dim, dim]."""
    longest = np.sort(np.argsort(-targets.norms, kind="stable")[:_MOST_TARGETS])
    vectors = targets.vectors[longest].astype(np.float64)
    found: Matrix = vectors.T @ vectors / max(len(vectors), 1)
    return found


def _root(moments: Matrix) -> Matrix:
    """M with M M^T the matrix given, float64 [dim, dim]."""
    values, axes = np.linalg.eigh(moments)
    found: Matrix = axes * np.sqrt(np.maximum(values, 0))
    return found


def some_known(space: EmbeddingMatrix) -> npt.NDArray[np.float32]:
    """Vectors of which something is known, evenly spaced and enough to tell what all are like."""
    return space.vectors[spread(np.flatnonzero(~space.zero), _MOST_ROWS)]


def spread(rows: Rows, most: int) -> Rows:
    """All rows, or as many as `most` of them, evenly spaced.

    >>> spread(np.arange(10), 5).tolist()
    [0, 2, 4, 6, 8]
    """
    if len(rows) <= most:
        return rows
    return rows[np.arange(most) * len(rows) // most]


Columns = npt.NDArray[np.int64]


def shared_blocks(spaces: Mapping[str, EmbeddingMatrix], one: str, other: str) -> list[Columns]:
    """The columns that two node types both have, block by block.

    Encoders stand one behind the other in a vector, and each knows some node types only, the
    others having zeros there. So columns that the same node types have are of one block. A block
    that one of the two types lacks says nothing of how the two fit, and is left out.

    Args:
        spaces: The vectors of every node type, by name.

    >>> users = EmbeddingMatrix.of(np.array([[1, 2, 3, 4]], np.float32))
    >>> brands = EmbeddingMatrix.of(np.array([[5, 6, 0, 0]], np.float32))
    >>> contents = EmbeddingMatrix.of(np.array([[0, 7, 0, 8]], np.float32))
    >>> spaces = {"User": users, "Brand": brands, "Content": contents}
    >>> [columns.tolist() for columns in shared_blocks(spaces, "User", "Brand")]
    [[0], [1]]
    """
    has = {name: _columns_in_use(space) for name, space in spaces.items()}
    blocks: dict[tuple[bool, ...], list[int]] = {}
    for column, has_it in enumerate(zip(*has.values(), strict=True)):
        if has[one][column] and has[other][column]:
            blocks.setdefault(has_it, []).append(column)
    return [np.array(columns) for columns in blocks.values()]


@dataclass(frozen=True, slots=True, eq=False)
class BlockScale:
    """Users' vectors with each block at the square root of its length.

    At full length, heavy buyers would speak for all followers of a creator; at length 1, a user
    of whom one purchase is known would speak as loudly as they do. Then every block is stretched
    to the root mean square length that it had, so that blocks keep their weights in scores.

    Args:
        blocks: The columns that count; all others become zero.
        factors: What each block is stretched by.
    """

    blocks: Sequence[Columns]
    factors: Sequence[float]

    @classmethod
    def of(cls, users: npt.NDArray[np.float32], blocks: Sequence[Columns]) -> "BlockScale":
        """Measures users, float32 [num_users, dim]."""
        factors = []
        for columns in blocks:
            lengths = lengths_of(users[:, columns].astype(np.float64))
            total = lengths.sum()
            factors.append(float(np.sqrt((lengths * lengths).sum() / total)) if total else 0.0)
        return cls(blocks, factors)

    def placed(self, users: npt.NDArray[np.float32]) -> Matrix:
        """Some users, float64 [num_users, dim]."""
        found = np.zeros(users.shape)
        for columns, factor in zip(self.blocks, self.factors, strict=True):
            part = users[:, columns].astype(np.float64)
            lengths = lengths_of(part)
            some = lengths > 0
            scales = np.divide(factor, np.sqrt(lengths), out=np.zeros_like(lengths), where=some)
            found[:, columns] = part * scales[:, None]
        return found


def _columns_in_use(space: EmbeddingMatrix) -> npt.NDArray[np.bool_]:
    return np.asarray(some_known(space).any(axis=0))


def lengths_of(vectors: Matrix) -> Vector:
    """The length of each vector, float64 [num_vectors]."""
    found: Vector = np.sqrt((vectors * vectors).sum(axis=1))
    return found


Weights = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Engagement:
    """A metapath from a creator to the users of its audience.

    Args:
        path: It ends with what the user did, such as to follow.
        chance: That such a user sees what the creator shows next. An assumption, not measured:
            it weighs followers above those who once watched.
    """

    path: MetaPath
    chance: float


ENGAGEMENTS = (
    Engagement(MetaPath.parse("Creator-~FOLLOWS-User"), 0.5),
    Engagement(MetaPath.parse("Creator-PUBLISHED-Content-~LIKED-User"), 0.3),
    Engagement(MetaPath.parse("Creator-PUBLISHED-Content-~WATCHED-User"), 0.1),
)


@dataclass(frozen=True, slots=True, eq=False)
class Followers:
    """The audience of one creator.

    Args:
        users: int64 rows, ascending.
        weights: By the schema's event weights, each edge type once.
        chances: That each of them sees what the creator shows next, 1 - prod(1 - chance).
    """

    users: Rows
    weights: Weights
    chances: Weights


def followers_of(bundle: Bundle, paths: Paths) -> Callable[[int], Followers]:
    """Gives a creator's audience by row; edges that the bundle lacks count as none."""
    kinds = [one for one in ENGAGEMENTS if paths.holds(one.path)]
    weights = [bundle.schema.relation(_last(one).relation).event_weight for one in kinds]

    def followers(creator: int) -> Followers:
        found = [paths.reach(one.path, creator) for one in kinds]
        everyone, number = np.unique(np.concatenate([NO_ROWS, *found]), return_inverse=True)
        kind = np.repeat(np.arange(len(kinds)), [len(users) for users in found])
        weight = np.array([float(one) for one in weights])[kind]
        missed = np.log1p(-np.array([one.chance for one in kinds]))[kind]
        summed, missing = (
            np.bincount(number, values, minlength=len(everyone)).astype(np.float64)
            for values in (weight, missed)
        )
        return Followers(everyone, summed, -np.expm1(missing))

    return followers


def _last(engagement: Engagement) -> EdgeType:
    return engagement.path.edge_types[-1]
