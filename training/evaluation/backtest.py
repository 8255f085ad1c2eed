"""Learns a model from the past alone and opens its bundle as it would have been served."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from graphdb.snapshot import Snapshot
from graphrec import Recommender
from graphrec.bundle import AudienceFigures, Bundle, ColdStartRule
from training.bundling import bundle_up
from training.cold_start import ColdStartLearner
from training.config import TrainConfig
from training.encoders import Vectors
from training.evaluation.rankers import Served
from training.models import Run, make_encoder
from training.quality import QualityConfig
from training.splitting.split import Holdout


def bundle_of_the_past(
    folder: Path,
    snapshot: Snapshot,
    holdout: Holdout,
    vectors: Vectors,
    *,
    config: dict[str, Any] | None = None,
    cold_start: Mapping[str, ColdStartRule] | None = None,
    quality: QualityConfig | None = None,
    audiences: Mapping[str, AudienceFigures] | None = None,
) -> Bundle:
    """Writes a bundle that knows nothing of what is held out: to measure, not to serve.

    Args:
        vectors: Learned from `holdout.train_graph`.
        config: How the model was trained.
        cold_start: Per node type, how a new node gets a vector.
        quality: How much each part counts in the quality of nodes.
        audiences: What days before the cut-off told of audiences, by node type.

    Raises:
        BundleError: The folder exists already.
    """
    return bundle_up(
        folder,
        snapshot,
        holdout.train_graph,
        vectors,
        cutoff=holdout.cutoff,
        config=config or {},
        metrics={},
        cold_start=cold_start,
        quality=quality,
        audiences=audiences,
    )


def model_of_the_past(
    folder: Path, snapshot: Snapshot, holdout: Holdout, config: TrainConfig, run: Run
) -> Served:
    """Learns from what came before the cut-off, writes a bundle of it, and opens that.

    Raises:
        BundleError: The folder exists.
        InsufficientDataError: There is too little to train on.
    """
    graph, schema = holdout.train_graph, snapshot.schema
    fitted = make_encoder(schema, holdout.edge_type, config, run).fit(graph)
    learner = ColdStartLearner(graph, fitted, schema, holdout.edge_type, config.cold_start)
    rules = learner.rules()
    bundle = bundle_of_the_past(
        folder,
        snapshot,
        holdout,
        learner.applied(rules),
        config={"encoder": config.encoder_name, **config.model_dump()},
        cold_start=rules,
        quality=config.quality,
    )
    return Served(config.encoder_name, Recommender(bundle))
