"""From settings to an encoder."""

from dataclasses import dataclass, replace
from pathlib import Path

from graphdb.checked_schema import Schema
from graphdb.schema_types import EdgeType
from training.config import TrainConfig
from training.data import HeteroData
from training.encoders import (
    BesideEncoder,
    ConcatEncoder,
    Encoder,
    EngagementEncoder,
    GraphEncoder,
    PopularityEncoder,
    ProfileEncoder,
    SvdEncoder,
    Vectors,
)
from training.encoders.concat import concatenated
from training.encoders.graph import OnEpoch
from training.gnn.distributed import ALONE, Processes
from training.gnn.training_log import check_tensorboard


@dataclass(frozen=True, slots=True)
class Run:
    """Where the graph model trains, and what is kept of the run; see `GraphEncoder`.

    Raises:
        TrainingError: A log for TensorBoard was asked for but is not possible.
    """

    device: str | None = None
    folder: Path | None = None
    on_epoch: OnEpoch | None = None
    tensorboard: bool = False
    processes: Processes = ALONE

    def __post_init__(self) -> None:
        if self.tensorboard:
            check_tensorboard(self.folder)

    def part(self, name: str) -> "Run":
        """Returns the same run with a subfolder, for one of several trainings."""
        return replace(self, folder=None if self.folder is None else self.folder / name)


def make_encoder(
    schema: Schema, target_edge_type: EdgeType, config: TrainConfig, run: Run
) -> Encoder:
    """The encoder that the config asks for."""
    model = _model(schema, target_edge_type, config, run)
    if config.profile_balance:
        profile = make_profile_encoder(schema, target_edge_type, config)
        model = ConcatEncoder(model, profile, target_edge_type.source, config.profile_balance)
    if config.engagement_balance:
        engagement = make_engagement_encoder(schema, target_edge_type, config)
        share = config.engagement.user_share
        model = BesideEncoder(
            model, engagement, target_edge_type.source, config.engagement_balance, share
        )
    return BesidePopularity(model, target_edge_type, config) if config.popularity else model


@dataclass(frozen=True, slots=True)
class BesidePopularity:
    """An encoder and, as the last number of its vectors, what is popular; see the config."""

    encoder: Encoder
    target_edge_type: EdgeType
    config: TrainConfig

    def fit(self, graph: HeteroData) -> Vectors:
        """Fits the encoder and counts."""
        return beside_popularity(self.encoder.fit(graph), graph, self.target_edge_type, self.config)


def beside_network(
    closed_form: Vectors, network: Vectors, target_edge_type: EdgeType, balance: float
) -> Vectors:
    """What both gave, made into what `make_encoder` gives for both with this weight."""
    return concatenated(closed_form, network, target_edge_type.source, balance, even_lengths=True)


def beside_popularity(
    vectors: Vectors, graph: HeteroData, target_edge_type: EdgeType, config: TrainConfig
) -> Vectors:
    """What a model gave, made into what `make_encoder` gives with the config's popularity.

    Query nodes of which the model knows nothing stay unknown: what is popular is the same for all,
    and `on_unknown="popular"` gives it to them by its name.
    """
    if not config.popularity:
        return vectors
    popular = PopularityEncoder(target_edge_type, config.popularity_half_life_days).fit(graph)
    popular[target_edge_type.source] *= vectors[target_edge_type.source].any(axis=1, keepdims=True)
    return concatenated(
        vectors, popular, target_edge_type.source, config.popularity, even_lengths=True
    )


def _model(schema: Schema, target_edge_type: EdgeType, config: TrainConfig, run: Run) -> Encoder:
    svd = SvdEncoder(schema, target_edge_type, config.svd)
    if config.model == "svd":
        return svd
    graph = make_graph_encoder(schema, config, run)
    if config.model == "graph":
        return graph
    return ConcatEncoder(svd, graph, target_edge_type.source, config.balance, even_lengths=True)


def make_graph_encoder(schema: Schema, config: TrainConfig, run: Run) -> GraphEncoder:
    """The network alone."""
    return GraphEncoder(
        schema,
        config.graph,
        run.device,
        run.folder,
        run.on_epoch,
        run.tensorboard,
        run.processes,
        schema.parse_edge_type(config.target_edge_type),
    )


def make_profile_encoder(
    schema: Schema, target_edge_type: EdgeType, config: TrainConfig
) -> ProfileEncoder:
    """The profile, for which events count what they count in the SVD."""
    weights = config.svd.event_weights
    return ProfileEncoder(schema, target_edge_type, config.profile, weights)


def make_engagement_encoder(
    schema: Schema, target_edge_type: EdgeType, config: TrainConfig
) -> EngagementEncoder:
    """Engagement, for which events with products count what they count in the SVD."""
    weights = config.svd.event_weights
    return EngagementEncoder(schema, target_edge_type, config.engagement, weights)
