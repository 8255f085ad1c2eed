"""From settings to an encoder."""

from dataclasses import dataclass, replace
from pathlib import Path

from graphdb.schema_types import EdgeType, Schema
from training.config import TrainConfig
from training.encoders import (
    Encoder,
    GraphEncoder,
    ProfileEncoder,
    SpectralEncoder,
    TwoHalvesEncoder,
)
from training.encoders.graph import OnEpoch
from training.gnn.tensorboard_log import check_tensorboard


@dataclass(frozen=True, slots=True)
class Run:
    """Where the network is trained, and what is kept of it on the way; see `GraphEncoder`.

    Raises:
        TrainingError: A log for TensorBoard is asked for, but not possible.
    """

    device: str | None = None
    folder: Path | None = None
    on_epoch: OnEpoch | None = None
    tensorboard: bool = False

    def __post_init__(self) -> None:
        if self.tensorboard:
            check_tensorboard(self.folder)

    def part(self, name: str) -> "Run":
        """The same for one of several trainings, with a folder of its own."""
        return replace(self, folder=None if self.folder is None else self.folder / name)


def make_encoder(schema: Schema, direction: EdgeType, config: TrainConfig, run: Run) -> Encoder:
    """The encoder that the config asks for."""
    model = _model(schema, direction, config, run)
    if not config.profile_balance:
        return model
    profile = ProfileEncoder(schema, direction, config.profile)
    return TwoHalvesEncoder(model, profile, direction.source, config.profile_balance)


def _model(schema: Schema, direction: EdgeType, config: TrainConfig, run: Run) -> Encoder:
    spectral = SpectralEncoder(schema, direction, config.spectral)
    if config.model == "spectral":
        return spectral
    graph = GraphEncoder(
        schema, config.graph, run.device, run.folder, run.on_epoch, run.tensorboard
    )
    if config.model == "graph":
        return graph
    return TwoHalvesEncoder(spectral, graph, direction.source, config.balance)
