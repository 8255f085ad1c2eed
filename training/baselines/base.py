"""What a baseline is."""

from typing import Protocol

from training.pyg import HeteroData
from training.scoring import Scorer


class Baseline(Protocol):
    """Learns one direction of a graph; its scorer is on the CPU, wherever it was learned."""

    def fit(self, graph: HeteroData) -> Scorer:
        """Learns from the graph.

        Raises:
            NotEnoughDataError: The graph has nothing of what the baseline learns from.
        """
        ...
