"""A model release on its way into a store where people look at it, and what came of it there."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Protocol, runtime_checkable

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

RECOMMENDED = "RECOMMENDED"
"""The relationship from a query node to what was recommended to it: {rank, score, release}."""

RECOMMENDED_COLUMNS = pa.schema(
    [
        ("query_id", pa.string()),
        ("target_id", pa.string()),
        ("rank", pa.int64()),
        ("score", pa.float64()),
    ]
)

OnProgress = Callable[[str, int, int], None]
"""Given a step, how much of it is done, and how much there is."""


@dataclass(frozen=True, slots=True, eq=False)
class Embedding:
    """The vectors of one node type.

    Args:
        ids: Strings [num_nodes].
        vectors: float32 [num_nodes, dim]; a zero vector says that the model knows nothing.
    """

    ids: pa.Array
    vectors: NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Recommended:
    """What queries of one type were recommended, as rows of RECOMMENDED_COLUMNS."""

    query_type: str
    target_type: str
    rows: pa.Table


@dataclass(frozen=True, slots=True, eq=False)
class PublishedRelease:
    """One model release, as a store takes it.

    Args:
        release_id: Hexadecimal digits that name its content; they become part of names.
        snapshot_id: Which snapshot the model learned from.
        trained_at: With time zone.
        dim: Length of every vector.
        embeddings: By node type.
        recommended: The top of some queries, to be drawn as relationships.
    """

    release_id: str
    snapshot_id: str
    trained_at: datetime
    dim: int
    embeddings: Mapping[str, Embedding]
    recommended: Sequence[Recommended] = ()


@dataclass(frozen=True, slots=True)
class PublishedType:
    """What became of the vectors of one node type.

    Args:
        written: Nodes that got their vector now.
        kept: Nodes that had it already, from an earlier try with the same release.
        zero: Nodes of the store that the model knows nothing about; they carry no vector.
        unknown: Nodes of the release that the store does not have.
        uncovered: Nodes of the store that the release does not have.
    """

    written: int
    kept: int
    zero: int
    unknown: int
    uncovered: int


@dataclass(frozen=True, slots=True)
class PublishReport:
    """What a publish did.

    Args:
        release_id: The release that is served now.
        replaced: The release that was served before, if it was another one.
        types: By node type.
        recommended: Relationships drawn.
        recommended_unknown: Recommendations with an end that the store does not have.
        recommended_removed: Relationships of earlier releases that went with them.
    """

    release_id: str
    replaced: str | None
    types: Mapping[str, PublishedType]
    recommended: int
    recommended_unknown: int
    recommended_removed: int

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@runtime_checkable
class PublishingStore(Protocol):
    """A graph store that also takes model releases and searches in their vectors."""

    def publish(
        self, release: PublishedRelease, on_progress: OnProgress | None = None
    ) -> PublishReport:
        """Makes a release the one that is served, and removes all others.

        Whoever asks meanwhile gets the old release or the new one, never a part of each. After
        an interruption the old one is still served; publishing again completes the work.

        Raises:
            SchemaError: The store's schema has no such node type, or needs a name of ours.
            StoreError: The store cannot hold such vectors, has none of the nodes, or another
                publish took over.
            StoreUnavailableError: Its server is gone.
        """
        ...
