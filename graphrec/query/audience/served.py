"""What the vectors of one release say about audiences, worked out when first asked for."""

from collections.abc import Callable

import numpy as np

from graphdb.locking import ForkLock
from graphrec.bundle import Bundle
from graphrec.bundle.audiences import log_odds
from graphrec.query.audience.creators import CreatorAudiences, Niches, creator_audiences
from graphrec.query.audience.directions import (
    Directions,
    Followers,
    Vector,
    followers_of,
    shared_blocks,
)
from graphrec.query.embeddings import EmbeddingMatrix, Rows
from graphrec.query.metapaths import Paths

OTHERS_COUNT_AS = 0.1
"""Of how many products the weight of anything else that a user met is. Chosen on synthetic worlds;
see docs/history."""


class Audiences:
    """Never changes; safe to use from several threads."""

    def __init__(
        self, bundle: Bundle, paths: Paths, space: Callable[[str], EmbeddingMatrix]
    ) -> None:
        self._bundle, self._paths, self._space = bundle, paths, space
        self._directions: Directions | None = None
        self._creators: CreatorAudiences | None = None
        self._niches: Niches | None = None
        self._carriers: EmbeddingMatrix | None = None
        self._unknown_creators: Rows | None = None
        self._users: EmbeddingMatrix | None = None
        self._candidates: EmbeddingMatrix | None = None
        self._num_known: int | None = None
        self._lock = ForkLock()

    def directions(self) -> Directions:
        """Of the users, by their scores for products where these have vectors.

        Raises:
            QueryError: They have no vectors.
        """
        users = self._space("User")
        products = self._space("Product") if self._bundle.has_vectors("Product") else None
        with self._lock:
            if self._directions is None:
                self._directions = Directions.of(users, products)
            return self._directions

    def users(self) -> EmbeddingMatrix:
        """Users by how they tell themselves from all others, for similarity to each other.

        Raises:
            QueryError: They have no vectors.
        """
        users, directions = self._space("User"), self.directions()
        with self._lock:
            if self._users is None:
                self._users = directions.alike(users)
            return self._users

    def candidates(self) -> EmbeddingMatrix:
        """Users as they are ranked for an audience: the nearer the average, the less is known.

        Raises:
            QueryError: They have no vectors.
        """
        users, directions = self._space("User"), self.directions()
        with self._lock:
            if self._candidates is None:
                self._candidates = directions.shrunk(users, evidence_of_users(self._bundle))
            return self._candidates

    def creators(self) -> CreatorAudiences:
        """Creators by who follows them.

        Raises:
            QueryError: Users or creators have no vectors.
        """
        with self._lock:
            if self._creators is not None:
                return self._creators
        own, users = self._space("Creator"), self._space("User")
        spaces = {one: self._space(one) for one in self._types_with_vectors()}
        with self._lock:
            if self._creators is None:
                blocks = shared_blocks(spaces, "User", "Product" if "Product" in spaces else "User")
                self._creators = creator_audiences(own, users, blocks, self.followers_of())
            return self._creators

    def niches(self) -> Niches:
        """In which categories creators carry products."""
        with self._lock:
            if self._niches is None:
                self._niches = Niches.of(self._paths, self._bundle.num_nodes("Creator"))
            return self._niches

    def carriers(self) -> EmbeddingMatrix:
        """Creators as targets of products: their audiences, then their niches, then the doubt.

        Raises:
            QueryError: Users or creators have no vectors.
        """
        creators, niches = self.creators(), self.niches()
        with self._lock:
            if self._carriers is None:
                doubt = creators.doubt[:, None].astype(np.float32)
                parts = (creators.space.vectors, niches.shares, doubt)
                self._carriers = EmbeddingMatrix.of(np.concatenate(parts, axis=1))
            return self._carriers

    def unknown_creators(self) -> Rows:
        """Creators of whom neither followers nor the category of anything carried are known.

        Raises:
            QueryError: Users or creators have no vectors.
        """
        creators, niches = self.creators(), self.niches()
        with self._lock:
            if self._unknown_creators is None:
                is_unknown = creators.space.zero & ~niches.shares.any(axis=1)
                self._unknown_creators = np.flatnonzero(is_unknown)
            return self._unknown_creators

    def _types_with_vectors(self) -> list[str]:
        return [name for name in self._bundle.node_types if self._bundle.has_vectors(name)]

    def prior(self, num_members: int) -> float:
        """The log odds that a known user is one of the members of an audience.

        Raises:
            QueryError: Users have no vectors.
        """
        users = self._space("User")
        with self._lock:
            if self._num_known is None:
                self._num_known = len(users) - int(np.count_nonzero(users.zero))
            return log_odds(num_members, self._num_known)

    def followers_of(self) -> Callable[[int], Followers]:
        """Gives the audience of a creator, by row."""
        return followers_of(self._bundle, self._paths)

    def warm_as(self, other: "Audiences") -> None:
        """Works out what another release had worked out, so that no question waits."""
        if other._directions is not None and self._bundle.has_vectors("User"):
            self.directions()
        if other._users is not None and self._bundle.has_vectors("User"):
            self.users()
        if other._candidates is not None and self._bundle.has_vectors("User"):
            self.candidates()
        ends = ("Creator", "User")
        if other._creators is not None and all(map(self._bundle.has_vectors, ends)):
            self.creators()
        if other._carriers is not None and all(map(self._bundle.has_vectors, ends)):
            self.carriers()
            self.unknown_creators()


def evidence_of_users(bundle: Bundle) -> Vector:
    """How much is known of each user, float64 [num_users], counted in products.

    An edge to a product counts as one, so a product both viewed and bought as two; an edge to
    anything else, such as a creator followed, counts as `OTHERS_COUNT_AS`.
    """
    found = np.zeros(bundle.num_nodes("User"))
    for edge_type in bundle.edge_types:
        ends = edge_type.source, edge_type.target
        if "User" not in ends:
            continue
        edges = bundle.edges(edge_type)
        weight = 1.0 if "Product" in ends else OTHERS_COUNT_AS
        if edge_type.source == "User":
            found += weight * edges.degrees()
        if edge_type.target == "User":
            found += weight * np.bincount(edges.indices, minlength=len(found))
    return found
