"""Defines the types that queries share: vectors with their norms, rows of nodes and texts."""

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from pydantic import AfterValidator, BeforeValidator

from graphrec.bundle.files import is_text, norms_of

Rows = npt.NDArray[np.int64]

NO_ROWS: Rows = np.empty(0, dtype=np.int64)
NO_ROWS.flags.writeable = False  # everyone has the same one


COMMON_LEFT = 0.01  # of the mean direction; where all point one way, it is all that is left


@dataclass(frozen=True, slots=True, eq=False)
class EmbeddingMatrix:
    """Vectors and what ranking needs to know about their lengths.

    Args:
        vectors: float32 [num_nodes, dim].
        norms: float64 [num_nodes], the Euclidean length of each.
        cosine_scales: float64 [num_nodes], what a cosine multiplies a vector by: 1 / (norm + the
            median norm), and 0 for a zero vector. A plain cosine trusts the direction of a vector
            that rests on one purchase as much as that of a bestseller's; short vectors are such, so
            their similarity is shrunk, as item-based filtering shrinks it with few co-ratings.
        zero: bool [num_nodes], which have a zero vector: the model knows nothing about them.
        max_norm: The largest norm.
        max_cosine_scale: The largest of `cosine_scales`.
    """

    vectors: npt.NDArray[np.float32]
    norms: npt.NDArray[np.float64]
    cosine_scales: npt.NDArray[np.float64]
    zero: npt.NDArray[np.bool_]
    max_norm: float
    max_cosine_scale: float

    @classmethod
    def of(
        cls, vectors: npt.NDArray[np.float32], norms: npt.NDArray[np.float64] | None = None
    ) -> "EmbeddingMatrix":
        """Measures vectors.

        Args:
            norms: What `norms_of` gave for these vectors, where that is known already.
        """
        norms = norms_of(vectors) if norms is None else norms
        known = norms > 0
        typical = np.median(norms[known]) if known.any() else 0.0
        cosine_scales = np.divide(1.0, norms + typical, out=np.zeros_like(norms), where=known)
        return cls(
            vectors,
            norms,
            cosine_scales,
            ~known,
            float(norms.max(initial=0.0)),
            float(cosine_scales.max(initial=0.0)),
        )

    def __len__(self) -> int:
        return len(self.vectors)

    @property
    def dim(self) -> int:
        return int(self.vectors.shape[1])

    def apart(self) -> "EmbeddingMatrix":
        """How each direction differs from the mean direction, for similarity to each other.

        Brands, shops and categories all point where most is sold, so that by plain directions
        everything is like the longest one. A vector of half the typical length and less, which
        rests on little, is short here too: it is multiplied by norm / (norm + the median norm).
        A hundredth of the mean stays, so that who is known has a vector that is not zero.
        """
        known = ~self.zero
        found = np.zeros(self.vectors.shape)
        if not known.any():
            return EmbeddingMatrix.of(found.astype(np.float32))
        norms = self.norms[known]
        directions = self.vectors[known] / norms[:, None]
        away = directions - (1 - COMMON_LEFT) * directions.mean(axis=0)
        found[known] = away * (norms / (norms + np.median(norms)))[:, None]
        return EmbeddingMatrix.of(found.astype(np.float32))


def _as_tuple(value: Any) -> Any:
    """One text is as good as a list of one."""
    return (value,) if isinstance(value, str) else value


def _readable(text: str) -> str:
    if not is_text(text):
        raise ValueError("it is no UTF-8 text")
    return text


Text = Annotated[str, AfterValidator(_readable)]
"""An id or a name; what was read from bytes that are no UTF-8 cannot be one."""

Texts = Annotated[tuple[Text, ...], BeforeValidator(_as_tuple)]
"""Ids or names; a single one may stand by itself."""
