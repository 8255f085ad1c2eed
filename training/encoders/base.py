"""What an encoder is."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from training.data import HeteroData

Vectors = dict[str, npt.NDArray[np.float32]]
"""Per node type float32 [num_nodes, dim], one dim for all. A zero vector: nothing is known."""


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
