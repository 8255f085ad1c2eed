"""Who an audience is, as seeds that can be ranked."""

from collections.abc import Mapping, Sequence

import numpy as np

from graphdb.errors import QueryError
from graphrec.query.audience.lookalike import Audience
from graphrec.query.paths import Steps
from graphrec.query.release import Release
from graphrec.query.rows import NO_ROWS, Rows
from graphrec.query.seeds import Seeds
from graphrec.query.space import Space

BUYERS: Mapping[str, Steps] = {
    "Brand": ("~MADE_BY", "~PURCHASED"),
    "Product": ("~PURCHASED",),
}
"""Per type that has buyers the way to them."""


def buyers(release: Release, seed_type: str, row: int) -> Rows:
    """The users who bought it, ascending; none where the bundle does not tell.

    Raises:
        QueryError: Nobody buys nodes of this type.
    """
    if seed_type not in BUYERS:
        raise QueryError(
            f"a {seed_type} has no buyers",
            expected="one of " + ", ".join(BUYERS),
            next_step="ask for users who are like a list of users",
            value=seed_type,
        )
    if not release.paths.can_walk(seed_type, BUYERS[seed_type]):
        return NO_ROWS
    return release.paths.reach(seed_type, BUYERS[seed_type], row)


def audience_of(
    release: Release, seed_type: str, seed_id: str, members: Rows | None = None
) -> Audience:
    """The audience of a brand or product.

    Args:
        members: Its buyers by default.

    Raises:
        UnknownIdError: There is no such node.
        QueryError: Nothing is known about it or its buyers.
    """
    row = release.bundle.row_of(seed_type, seed_id)
    return _known(audience_of_row(release, seed_type, row, members), f"{seed_type} '{seed_id}'")


def audience_of_row(
    release: Release, seed_type: str, row: int, members: Rows | None = None
) -> Audience:
    """The same, which may be one that nothing is known about."""
    members = buyers(release, seed_type, row) if members is None else members
    own = None
    if release.bundle.has_vectors(seed_type):
        own = release.space(seed_type).vectors[row].astype(np.float64)
    return Audience.of(release.audiences.directions(), release.space("User"), members, own)


def audience_of_users(release: Release, rows: Rows) -> Audience:
    """The audience that consists of some users.

    Raises:
        QueryError: Nothing tells them from everyone.
    """
    directions, users = release.audiences.directions(), release.space("User")
    return _known(Audience.of(directions, users, rows, None), f"{len(rows)} users")


def seeds_of(
    release: Release, seed_type: str | None, nodes: Rows, audiences: Sequence[Audience], had: Rows
) -> Seeds:
    """Audiences as seeds, for which users are ranked by `Audiences.candidates`.

    Users whose vectors are zero are like nobody and never come out.

    Args:
        seed_type: None for an audience that belongs to no node.
        nodes: int64 [num_seeds], the rows of the nodes.
        had: Further users who must not come out.
    """
    dim = release.space("User").dim
    vectors = np.array([one.vector for one in audiences], dtype=np.float32).reshape(-1, dim)
    unknown = np.flatnonzero(release.space("User").zero)
    return Seeds(
        seed_type,
        Space.of(vectors),
        np.arange(len(audiences)),
        had=np.union1d(unknown, had),
        targets=release.audiences.candidates(),
        nodes=None if seed_type is None else nodes,
    )


def _known(audience: Audience, name: str) -> Audience:
    if not audience.is_known:
        raise QueryError(
            f"nothing tells the audience of {name} from all users",
            expected="buyers, or a vector of its own, that are not those of everyone",
            value=name,
        )
    return audience
