"""An encoder as a baseline: it is asked by dot products, as it is served."""

from dataclasses import dataclass

from graphdb.errors import NotEnoughDataError
from graphdb.schema_types import EdgeType
from training.encoders import Encoder
from training.pyg import HeteroData
from training.scoring import VectorScorer


@dataclass(frozen=True, slots=True)
class EncoderBaseline:
    """Any encoder, asked along one direction."""

    encoder: Encoder
    direction: EdgeType

    def fit(self, graph: HeteroData) -> VectorScorer:
        """Learns.

        Raises:
            NotEnoughDataError: The encoder has too little to learn from, or gives no vectors for
                an end of the direction.
        """
        vectors = self.encoder.fit(graph)
        for end in (self.direction.source, self.direction.target):
            if end not in vectors:
                raise NotEnoughDataError(
                    f"the encoder gives no vectors for {end}, an end of {self.direction}",
                    expected="one of " + ", ".join(sorted(vectors)),
                    value=end,
                )
        return VectorScorer.along(vectors, self.direction)
