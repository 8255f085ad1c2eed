"""What an encoder is."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from training.data import HeteroData

Vectors = dict[str, npt.NDArray[np.float32]]
"""Per node type float32 [num_nodes, dim], one dim for all. A zero vector: nothing is known.

Beside these, `sources_of` a node type can be there: what its nodes add to the vector of a user who
meets them, in the space and on the scale of users.
"""

_SOURCES = " as source"


def sources_of(node_type: str) -> str:
    """Returns the name of the source vectors of a node type; no node type has a space in it.

    >>> sources_of("Product"), is_source(sources_of("Product")), is_source("Product")
    ('Product as source', True, False)
    """
    return node_type + _SOURCES


def is_source(name: str) -> bool:
    """Returns whether a name is that of source vectors."""
    return name.endswith(_SOURCES)


class Encoder(Protocol):
    """Turns a graph into vectors whose dot products are scores; higher is better.

    Node types that it has no vectors for are missing from the result.
    """

    def fit(self, graph: HeteroData) -> Vectors:
        """Trains on the graph and returns vectors for its nodes.

        Raises:
            InsufficientDataError: The graph has too little of what the encoder trains on.
        """
        ...


@dataclass(frozen=True, slots=True)
class FittedVectors:
    """An encoder that returns vectors that were fitted before."""

    vectors: Vectors

    def fit(self, graph: HeteroData) -> Vectors:  # noqa: ARG002 - as the protocol has it
        """Returns the vectors, whatever the graph."""
        return self.vectors
