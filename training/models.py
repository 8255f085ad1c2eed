"""From a config to an encoder: its blocks, and how they are concatenated."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from graphdb.checked_schema import Schema
from graphdb.schema_types import EdgeType
from graphrec.bundle import Habits
from training.config import TrainConfig
from training.data import HeteroData
from training.encoders import (
    ConcatEncoder,
    Encoder,
    EngagementEncoder,
    GraphEncoder,
    NextEncoder,
    PopularityEncoder,
    ProfileEncoder,
    SvdEncoder,
    Vectors,
)
from training.encoders.graph import OnEpoch
from training.gnn.distributed import ALONE, Processes
from training.gnn.training_log import check_tensorboard
from training.habits import learn_habits

_BEFORE = {"dim": 64, "power_iterations": 3, "oversampling": 32}  # of the SVD before the window


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
    return concatenated(
        make_blocks(schema, target_edge_type, config, run), target_edge_type, config
    )


def make_blocks(
    schema: Schema, target_edge_type: EdgeType, config: TrainConfig, run: Run
) -> dict[str, Encoder]:
    """The encoder of every block with a weight above 0, by the name of its table.

    Events count for profile and engagement what they count for the SVD.
    """
    weights = config.svd.event_weights
    blocks: dict[str, Encoder] = {}
    if config.svd.weight:
        blocks["svd"] = SvdEncoder(schema, target_edge_type, config.svd)
    if config.graph.weight:
        blocks["graph"] = make_graph_encoder(schema, config, run)
    if config.profile.weight:
        blocks["profile"] = ProfileEncoder(schema, target_edge_type, config.profile, weights)
    if config.next.weight:
        blocks["next"] = NextEncoder(schema, target_edge_type, config.next)
    if config.engagement.weight:
        blocks["engagement"] = EngagementEncoder(
            schema, target_edge_type, config.engagement, weights
        )
    if config.popularity.weight:
        blocks["popularity"] = PopularityEncoder(target_edge_type, config.popularity)
    return blocks


def make_graph_encoder(schema: Schema, config: TrainConfig, run: Run) -> GraphEncoder:
    """The graph model alone."""
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


def concatenated(
    blocks: Mapping[str, Encoder], target_edge_type: EdgeType, config: TrainConfig
) -> Encoder:
    """Blocks as one encoder: each one weighs in against what stands before it.

    The SVD and the graph model count by their two weights; without both, what comes next takes
    their place. Profile, next, engagement and popularity, in this order, count by theirs against
    all blocks before. Engagement leaves these as they are, so that it changes no list of products.
    """
    query_type = target_edge_type.source
    models = {"svd": config.svd.weight, "graph": config.graph.weight}
    if not any(models.values()):
        models = {"next": config.next.weight}
    parts = [blocks[name] for name in models if name in blocks]
    weights = [weight for name, weight in models.items() if name in blocks]
    found: Encoder = ConcatEncoder(parts, weights, query_type, "even")
    if profile := blocks.get("profile"):
        found = ConcatEncoder((found, profile), (1.0, config.profile.weight), query_type)
    if (following := blocks.get("next")) and "next" not in models:
        found = ConcatEncoder((found, following), (1.0, config.next.weight), query_type)
    if engagement := blocks.get("engagement"):
        weights, share = [1.0, config.engagement.weight], config.engagement.user_share
        found = ConcatEncoder((found, engagement), weights, query_type, share)
    if popularity := blocks.get("popularity"):
        weights = [1.0, config.popularity.weight]
        found = ConcatEncoder(
            (found, popularity), weights, query_type, "even", known_queries_only=True
        )
    return found


def make_habits(
    graph: HeteroData,
    schema: Schema,
    target_edge_type: EdgeType,
    config: TrainConfig,
    vectors: Vectors,
) -> Habits | None:
    """The habits that the config asks for; None where there are none.

    A small SVD of what came before the window stands for the dot products of all blocks there. Only
    the scale of habits rests on it, so it need not be exact.
    """
    cheap = {key: min(value, getattr(config.svd, key)) for key, value in _BEFORE.items()}
    svd = SvdEncoder(schema, target_edge_type, config.svd.model_copy(update=cheap))

    def before(past: HeteroData) -> Vectors:
        return svd.ends(svd.factors(past))

    return learn_habits(graph, target_edge_type, config.habits, vectors, before)
