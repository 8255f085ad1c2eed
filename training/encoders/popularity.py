"""The baseline that every model has to beat: what most users bought."""

import numpy as np
import numpy.typing as npt

from graphdb.errors import NotEnoughDataError
from graphdb.schema_types import EdgeType
from training.encoders.base import Vectors
from training.pairs import adjacency, compose
from training.pyg import HeteroData
from training.ties import side_edge_types


class PopularityEncoder:
    """Vectors of length 1: users are 1, a product is the number of distinct users who bought it.

    The same for every type tied to products: a brand is the number of users who bought of it.
    """

    def __init__(self, direction: EdgeType) -> None:
        self.direction = direction

    def fit(self, graph: HeteroData) -> Vectors:
        """Counts.

        Raises:
            NotEnoughDataError: There is not one edge to count.
        """
        if not graph[self.direction].edge_index.numel():
            raise NotEnoughDataError(f"there are no {self.direction} edges to count")
        bought = adjacency(graph, self.direction)
        vectors = {
            self.direction.source: np.ones((bought.num_sources, 1), dtype=np.float32),
            self.direction.target: _column(bought.reverse().degrees()),
        }
        for edge_type in side_edge_types(graph, self.direction):
            node_type = edge_type.other_end(self.direction.target)
            if node_type not in vectors:
                ties = adjacency(graph, edge_type)
                onward = ties if edge_type.target == node_type else ties.reverse()
                vectors[node_type] = _column(compose(bought, onward).reverse().degrees())
        return vectors


def _column(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
    return counts.astype(np.float32)[:, None]
