"""Defines a model release for publishing into a store, and the result of a publish."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

RECOMMENDED = "RECOMMENDED"
"""The relationship from a query node to a recommended node: {rank, score, release}."""

RECOMMENDED_COLUMNS = pa.schema(
    [
        ("query_id", pa.string()),
        ("target_id", pa.string()),
        ("rank", pa.int64()),
        ("score", pa.float64()),
    ]
)

OnProgress = Callable[[str, int, int], None]
"""Called with a step, how much of it is done, and the total."""


@dataclass(frozen=True, slots=True, eq=False)
class Embedding:
    """The vectors of one node type.

    Args:
        ids: Strings [num_nodes].
        vectors: float32 [num_nodes, dim]; a zero vector means that the model knows nothing.
    """

    ids: pa.Array
    vectors: NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Recommended:
    """The recommendations to queries of one type, as rows of RECOMMENDED_COLUMNS."""

    query_type: str
    target_type: str
    rows: pa.Table


@dataclass(frozen=True, slots=True, eq=False)
class PublishedRelease:
    """One model release for a store.

    Args:
        release_id: Hexadecimal digits that identify its content; they become part of names.
        snapshot_id: The snapshot of the training.
        trained_at: With time zone.
        dim: Length of every vector.
        embeddings: By node type.
        recommended: The top results of some queries, to show as relationships.
    """

    release_id: str
    snapshot_id: str
    trained_at: datetime
    dim: int
    embeddings: Mapping[str, Embedding]
    recommended: Sequence[Recommended] = ()


class DrawnQuery(NamedTuple):
    """A query node with RECOMMENDED relationships to nodes of one type.

    Args:
        number: How many there are.
    """

    query_type: str
    query_id: str
    target_type: str
    number: int


@dataclass(frozen=True, slots=True)
class PublishedType:
    """The counts of vectors of one node type.

    Args:
        written: Nodes that got their vector now.
        kept: Nodes that had it already, from an earlier try with the same release.
        zero: Nodes of the store that the model knows nothing about; they have no vector.
        unknown: Nodes of the release that are not in the store.
        uncovered: Nodes of the store that are not in the release.
    """

    written: int
    kept: int
    zero: int
    unknown: int
    uncovered: int


@dataclass(frozen=True, slots=True)
class PublishReport:
    """The result of a publish.

    Args:
        release_id: The release that is served now.
        replaced: The release that was served before, if it was another one.
        types: By node type.
        recommended: Relationships created.
        recommended_unknown: Recommendations with an end that is not in the store.
        recommended_removed: Removed relationships of earlier releases.
        redrawn: Query nodes of the earlier release that this one recommends to as well.
    """

    release_id: str
    replaced: str | None
    types: Mapping[str, PublishedType]
    recommended: int
    recommended_unknown: int
    recommended_removed: int
    redrawn: int = 0

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@runtime_checkable
class PublishingStore(Protocol):
    """A graph store that can also hold model releases and search their vectors."""

    def drawn_queries(self) -> tuple[str | None, list[DrawnQuery]]:
        """Returns the id of the served release, and the query nodes that it has recommendations of.

        None and no queries if no release is served.
        """
        ...

    def publish(
        self, release: PublishedRelease, on_progress: OnProgress | None = None
    ) -> PublishReport:
        """Serves a release, and removes all others.

        Queries during the publish see either the old release or the new one, never a mixture. After
        an interruption the old one is still served; publishing again completes the work.

        Raises:
            SchemaError: The store's schema lacks a node type, or uses a reserved name.
            StoreError: The store cannot hold such vectors, lacks all of the nodes, or another
                publish took over.
            StoreUnavailableError: Its server cannot be reached.
        """
        ...
