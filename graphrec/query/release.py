"""A bundle, with all that questions need of it and that is worked out when first asked for."""

from threading import Lock

from graphrec.bundle import Bundle
from graphrec.query.audience.served import Audiences
from graphrec.query.conditions import Columns
from graphrec.query.display import Display
from graphrec.query.masks import FilterMasks
from graphrec.query.newcomers import Newcomers
from graphrec.query.paths import Paths
from graphrec.query.reasons import Reasons
from graphrec.query.space import Space


class Release:
    """One bundle being served. Nothing in it ever changes; safe to use from several threads."""

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        self.paths = Paths(bundle)
        self.columns = Columns(bundle)
        self.filter_masks = FilterMasks(bundle, self.paths, self.columns)
        self.newcomers = Newcomers(bundle)
        self.display = Display(bundle, self.paths)
        self.reasons = Reasons(self.paths, self.display)
        self.audiences = Audiences(bundle, self.paths, self.space)
        self._spaces: dict[str, Space] = {}
        self._lock = Lock()

    def space(self, node_type: str) -> Space:
        """The vectors of a type, measured when first asked for.

        Raises:
            QueryError: The bundle has none for it.
        """
        with self._lock:
            if node_type not in self._spaces:
                self._spaces[node_type] = Space.of(self.bundle.vectors(node_type))
            return self._spaces[node_type]

    def warm_as(self, other: "Release") -> None:
        """Measures the vectors that another release had in use, so that no question waits."""
        for node_type in tuple(other._spaces):
            if self.bundle.has_vectors(node_type):
                self.space(node_type)
        self.audiences.warm_as(other.audiences)
