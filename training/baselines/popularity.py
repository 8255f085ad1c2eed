"""What most seeds took."""

from dataclasses import dataclass

from graphdb.schema_types import EdgeType
from training.baselines.encoder import EncoderBaseline
from training.encoders import PopularityEncoder
from training.pyg import HeteroData
from training.scoring import VectorScorer


@dataclass(frozen=True, slots=True)
class Popularity:
    """Scores a target by the number of distinct seeds that took it, the same for every seed."""

    direction: EdgeType

    def fit(self, graph: HeteroData) -> VectorScorer:
        """Counts.

        Raises:
            NotEnoughDataError: There is not one edge to count.
        """
        return EncoderBaseline(PopularityEncoder(self.direction), self.direction).fit(graph)
