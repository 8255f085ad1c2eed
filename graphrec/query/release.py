"""A bundle, with all that questions need of it and that is worked out when first asked for."""

from typing import TYPE_CHECKING

from graphdb.locking import ForkLock
from graphrec.bundle import Bundle
from graphrec.query.audience.served import Audiences
from graphrec.query.cold_start import ColdStart, Popularity
from graphrec.query.conditions import Columns
from graphrec.query.embeddings import EmbeddingMatrix
from graphrec.query.filters import FilterMasks
from graphrec.query.fold_in import FoldIn
from graphrec.query.index.build import Indexes
from graphrec.query.metapaths import Paths
from graphrec.query.reasons import Display, Reasons
from graphrec.query.value import Values, value_factors, values_of

if TYPE_CHECKING:
    from graphrec.explain import Explainer

_MOST_FACTORS = 8
_USER, _PRODUCT = "User", "Product"


class ServedBundle:
    """One bundle being served. Nothing in it ever changes; safe to use from several threads."""

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        self.paths = Paths(bundle)
        self.columns = Columns(bundle)
        self.filter_masks = FilterMasks(bundle, self.paths, self.columns)
        self.cold_start = ColdStart(bundle)
        self.fold_in = FoldIn(bundle, self.paths)
        self.popularity = Popularity(bundle, self.paths)
        self.display = Display(bundle, self.paths)
        self.reasons = Reasons(self.paths, self.display)
        self.indexes = Indexes(bundle, self.space)
        self.audiences = Audiences(bundle, self.paths, self.space)
        self._spaces: dict[str, EmbeddingMatrix] = {}
        self._apart: dict[str, EmbeddingMatrix] = {}
        edges = [one for one in bundle.schema.edge_types() if one.source == _PRODUCT]
        self._groups = {one.target for one in edges if one.target != _PRODUCT}
        self._factors: dict[tuple[str, float], Values] = {}
        self._explainer: Explainer | None = None
        self._lock = ForkLock()

    def space(self, node_type: str) -> EmbeddingMatrix:
        """The vectors of a type, measured when first asked for.

        Raises:
            QueryError: The bundle has none for it.
        """
        with self._lock:
            if node_type not in self._spaces:
                self._spaces[node_type] = EmbeddingMatrix.of(
                    self.bundle.vectors(node_type), self.bundle.norms(node_type)
                )
            return self._spaces[node_type]

    def similarity_space(self, node_type: str) -> EmbeddingMatrix:
        """Where nodes of a type are compared with each other, worked out when first asked for.

        Users by their scores for products (`Directions`), what products belong to, such as
        brands, by what tells them apart (`EmbeddingMatrix.apart`), all else by their vectors.

        Raises:
            QueryError: The bundle has no vectors for the type.
        """
        if node_type == _USER:
            return self.audiences.users()
        space = self.space(node_type)
        if node_type not in self._groups:
            return space
        with self._lock:
            if node_type not in self._apart:
                self._apart[node_type] = space.apart()
            return self._apart[node_type]

    def explainer(self) -> "Explainer":
        """What explains answers, made when first asked for."""
        from graphrec.explain import Explainer  # which walks by the parts of this package

        with self._lock:
            if self._explainer is None:
                self._explainer = Explainer(self.bundle, self.paths)
            return self._explainer

    def value_factors(self, node_type: str, value_weight: float) -> Values | None:
        """What scores of a type are to be stretched by; None where they are to stay as they are.

        Raises:
            QueryError: The bundle does not say how good these nodes are.
        """
        if not value_weight:
            return None
        with self._lock:
            kept = self._factors.get((node_type, value_weight))
        if kept is None:
            kept = value_factors(values_of(self.bundle, node_type), value_weight)
            with self._lock:
                if len(self._factors) >= _MOST_FACTORS:
                    del self._factors[next(iter(self._factors))]  # the oldest
                self._factors[node_type, value_weight] = kept
        return kept

    def warm_as(self, other: "ServedBundle") -> None:
        """Measures the vectors that another release had in use, so that no question waits."""
        for node_type in tuple(other._spaces):
            if self.bundle.has_vectors(node_type):
                self.space(node_type)
        self.audiences.warm_as(other.audiences)
