"""Who the audience of a creator is, from what people did."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from graphrec.bundle import Bundle
from graphrec.query.paths import Paths
from graphrec.query.rows import NO_ROWS, Rows

Weights = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Tie:
    """One way in which a user can be of a creator's audience.

    Args:
        relation: What the user did.
        through: The step from the creator to what it was done to; None for the creator.
        chance: That such a user sees what the creator shows next. An assumption, not measured:
            it weighs followers above those who once watched.
    """

    relation: str
    through: str | None
    chance: float


TIES = (
    Tie("FOLLOWS", None, 0.5),
    Tie("LIKED", "PUBLISHED", 0.3),
    Tie("WATCHED", "PUBLISHED", 0.1),
)


@dataclass(frozen=True, slots=True, eq=False)
class Fans:
    """The audience of one creator.

    Args:
        users: int64 rows, ascending.
        weights: By the schema's behaviour weights, each kind of tie once.
        chances: That each of them sees what the creator shows next, 1 - prod(1 - chance).
    """

    users: Rows
    weights: Weights
    chances: Weights


def fans_of(bundle: Bundle, paths: Paths) -> Callable[[int], Fans]:
    """Gives a creator's audience by row; ties that the bundle lacks count as none."""
    kinds = [tie for tie in TIES if _can_tell(paths, tie)]
    weights = [bundle.schema.relation(tie.relation).behaviour_weight for tie in kinds]

    def fans(creator: int) -> Fans:
        found = [_users(paths, tie, creator) for tie in kinds]
        everyone, number = np.unique(np.concatenate([NO_ROWS, *found]), return_inverse=True)
        kind = np.repeat(np.arange(len(kinds)), [len(users) for users in found])
        weight = np.array([float(one) for one in weights])[kind]
        missed = np.log1p(-np.array([tie.chance for tie in kinds]))[kind]
        summed, missing = (
            np.bincount(number, values, minlength=len(everyone)).astype(np.float64)
            for values in (weight, missed)
        )
        return Fans(everyone, summed, -np.expm1(missing))

    return fans


def _can_tell(paths: Paths, tie: Tie) -> bool:
    back = f"~{tie.relation}"
    return paths.can_walk("Creator", (back,) if tie.through is None else (tie.through, back))


def _users(paths: Paths, tie: Tie, creator: int) -> Rows:
    steps = (f"~{tie.relation}",) if tie.through is None else (tie.through, f"~{tie.relation}")
    return paths.reach("Creator", steps, creator)
