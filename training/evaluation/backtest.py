"""Trains a model on the past alone and opens its backtest bundle as in serving."""

from collections.abc import Mapping
from pathlib import Path

from graphdb.snapshot import Snapshot
from graphrec import Recommender
from graphrec.bundle import AudienceFigures, Bundle
from training.bundling import Learned, bundle_up, learn
from training.config import TrainConfig
from training.encoders import Vectors
from training.evaluation.rankers import Served
from training.models import Run
from training.selection import select_config
from training.splitting.split import Holdout


def write_backtest_bundle(
    folder: Path,
    snapshot: Snapshot,
    holdout: Holdout,
    vectors: Vectors,
    *,
    audiences: Mapping[str, AudienceFigures] | None = None,
) -> Bundle:
    """Writes a backtest bundle, which contains nothing of the holdout.

    Args:
        vectors: Trained on `holdout.train_graph`.
        audiences: The audience figures from days before the cut-off, by node type.

    Raises:
        BundleError: The folder exists already.
    """
    return bundle_up(
        folder,
        snapshot,
        holdout.train_graph,
        Learned(vectors),
        cutoff=holdout.cutoff,
        config={},
        metrics={},
        audiences=audiences,
    )


def train_backtest_model(
    folder: Path,
    snapshot: Snapshot,
    holdout: Holdout,
    config: TrainConfig,
    run: Run,
) -> Served:
    """Trains on the past, writes the backtest bundle, and opens it.

    Settings that the config leaves to the program are chosen on the past too.

    Raises:
        BundleError: The folder exists.
        InsufficientDataError: There is too little to train on.
    """
    graph, schema = holdout.train_graph, snapshot.schema
    if config.selection.enabled:
        config = select_config(graph, schema, holdout.edge_type, config).config
    return served_of(
        folder, snapshot, holdout, config, learn(graph, schema, holdout.edge_type, config, run)
    )


def served_of(
    folder: Path, snapshot: Snapshot, holdout: Holdout, config: TrainConfig, learned: Learned
) -> Served:
    """Writes the backtest bundle of what was learned on the past, and opens it.

    Raises:
        BundleError: The folder exists.
    """
    bundle = bundle_up(
        folder,
        snapshot,
        holdout.train_graph,
        learned,
        cutoff=holdout.cutoff,
        config={"encoder": config.encoder_name, **config.model_dump()},
        metrics={},
        quality=config.quality,
    )
    return Served(config.encoder_name, Recommender(bundle))
