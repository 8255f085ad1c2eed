"""From settings to vectors, without learning twice what two trials have in common."""

from dataclasses import dataclass, field

from graphdb.schema_types import EdgeType, Schema
from training.config import TrainConfig
from training.encoders import Vectors
from training.encoders.two_halves import side_by_side
from training.models import Run, beside_popularity, make_encoder
from training.pyg import HeteroData


@dataclass
class Fitter:
    """Fits models on one graph; a half whose settings did not change is taken from the last fit."""

    graph: HeteroData
    schema: Schema
    direction: EdgeType
    run: Run
    _last: dict[str, tuple[str, Vectors]] = field(default_factory=dict, init=False)

    def vectors(self, config: TrainConfig) -> Vectors:
        """The vectors of the config's model, the same as those of its encoder.

        Raises:
            NotEnoughDataError: There is too little to learn from.
            DivergedError: The network's loss became infinite or no number.
        """
        fitted = self._without_popularity(config)
        return beside_popularity(fitted, self.graph, self.direction, config.popularity)

    def _without_popularity(self, config: TrainConfig) -> Vectors:
        if config.model != "both":
            return self._half(config.model, config)
        first, second = (self._half(name, config) for name in ("spectral", "graph"))
        return side_by_side(first, second, self.direction.source, config.balance)

    def _half(self, model: str, config: TrainConfig) -> Vectors:
        settings = getattr(config, model).model_dump_json()
        if model not in self._last or self._last[model][0] != settings:
            alone = config.model_copy(update={"model": model, "popularity": 0.0})
            encoder = make_encoder(self.schema, self.direction, alone, self.run)
            self._last[model] = (settings, encoder.fit(self.graph))
        return self._last[model][1]
