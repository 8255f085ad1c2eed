"""Trains a model on the past alone and opens its backtest bundle as in serving."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from graphdb.snapshot import Snapshot
from graphrec import Recommender
from graphrec.bundle import AudienceFigures, Bundle, ColdStartRule, Habits, NextRule
from training.bundling import bundle_up
from training.cold_start import ColdStartLearner
from training.config import TrainConfig
from training.encoders import Vectors, next_rule
from training.evaluation.rankers import Served
from training.models import Run, make_encoder, make_habits
from training.quality import QualityConfig
from training.selection import select_config
from training.splitting.split import Holdout


def write_backtest_bundle(
    folder: Path,
    snapshot: Snapshot,
    holdout: Holdout,
    vectors: Vectors,
    *,
    config: dict[str, Any] | None = None,
    cold_start: Mapping[str, ColdStartRule] | None = None,
    quality: QualityConfig | None = None,
    audiences: Mapping[str, AudienceFigures] | None = None,
    following: tuple[NextRule, npt.NDArray[np.float32]] | None = None,
    habits: Habits | None = None,
) -> Bundle:
    """Writes a backtest bundle, which contains nothing of the holdout.

    Args:
        vectors: Trained on `holdout.train_graph`.
        config: The training config.
        cold_start: Per node type, the rule for vectors of new nodes.
        quality: The weights of the parts of quality.
        habits: Learned from `holdout.train_graph`.
        audiences: The audience figures from days before the cut-off, by node type.
        following: The block for what comes next, from `next_rule`.

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
        following=following,
        habits=habits,
    )


def train_backtest_model(
    folder: Path, snapshot: Snapshot, holdout: Holdout, config: TrainConfig, run: Run
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
    fitted = make_encoder(schema, holdout.edge_type, config, run).fit(graph)
    learner = ColdStartLearner(graph, fitted, schema, holdout.edge_type, config.cold_start)
    rules = learner.rules()
    vectors = learner.applied(rules)
    bundle = write_backtest_bundle(
        folder,
        snapshot,
        holdout,
        vectors,
        config={"encoder": config.encoder_name, **config.model_dump()},
        cold_start=rules,
        quality=config.quality,
        following=next_rule(schema, holdout.edge_type, config.next, fitted),
        habits=make_habits(graph, schema, holdout.edge_type, config, vectors),
    )
    return Served(config.encoder_name, Recommender(bundle))
