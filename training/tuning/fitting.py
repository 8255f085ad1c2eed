"""From settings to vectors, without learning twice what two trials have in common."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pydantic import BaseModel

from graphdb.schema_types import EdgeType, Schema
from training.config import TrainConfig
from training.encoders import Encoder, Vectors
from training.encoders.beside import beside
from training.encoders.two_halves import side_by_side
from training.models import (
    Run,
    beside_network,
    beside_popularity,
    make_encoder,
    make_engagement_encoder,
    make_profile_encoder,
)
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
        fitted = self._with_engagement(config)
        return beside_popularity(fitted, self.graph, self.direction, config)

    def _with_engagement(self, config: TrainConfig) -> Vectors:
        vectors, settings = self._with_profile(config), config.engagement
        if not config.engagement_balance:
            return vectors
        weights = config.spectral.relation_weights
        engagement = self._fitted(
            settings,
            lambda: make_engagement_encoder(self.schema, self.direction, config),
            weights,
        )
        seed_type, balance = self.direction.source, config.engagement_balance
        return beside(vectors, engagement, seed_type, balance, settings.user_share)

    def _with_profile(self, config: TrainConfig) -> Vectors:
        vectors = self._model(config)
        if not config.profile_balance:
            return vectors
        profile = self._fitted(
            config.profile,
            lambda: make_profile_encoder(self.schema, self.direction, config),
            config.spectral.relation_weights,
        )
        return side_by_side(vectors, profile, self.direction.source, config.profile_balance)

    def _model(self, config: TrainConfig) -> Vectors:
        if config.model != "both":
            return self._half(config.model, config)
        first, second = (self._half(name, config) for name in ("spectral", "graph"))
        return beside_network(first, second, self.direction, config.balance)

    def _half(self, model: str, config: TrainConfig) -> Vectors:
        alone = config.model_copy(
            update={
                "model": model,
                "profile_balance": 0.0,
                "engagement_balance": 0.0,
                "popularity": 0.0,
            }
        )
        return self._fitted(
            getattr(config, model),
            lambda: make_encoder(self.schema, self.direction, alone, self.run),
        )

    def _fitted(
        self,
        settings: BaseModel,
        make: Callable[[], Encoder],
        relation_weights: Mapping[str, float] | None = None,
    ) -> Vectors:
        """What an encoder with these settings gives; there is one kind of settings per encoder.

        Args:
            relation_weights: What it also takes from elsewhere in the config.
        """
        name, text = type(settings).__name__, f"{settings.model_dump_json()} {relation_weights}"
        if name not in self._last or self._last[name][0] != text:
            self._last[name] = (text, make().fit(self.graph))
        return self._last[name][1]
