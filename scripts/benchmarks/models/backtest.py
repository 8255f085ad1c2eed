"""What is served at the beginning of the held-out weeks."""

import argparse
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks.data.weeks import Weeks, held_out_weeks
from benchmarks.harness import Kind, Timer
from graphdb import Snapshot
from graphrec import Recommender
from training.cold_start import ColdStartLearner
from training.config import TrainConfig
from training.encoders import SvdConfig, SvdEncoder
from training.evaluation.backtest import train_backtest_model, write_backtest_bundle
from training.evaluation.baselines import baseline
from training.evaluation.rankers import Ranker, Served
from training.models import Run
from training.splitting.split import Holdout


def trained_backtests(
    configs: Mapping[str, TrainConfig], snapshot: Snapshot, holdout: Holdout, folder: Path
) -> Iterator[tuple[str, Served, float]]:
    """By name of the config the model that is served, and the seconds that training took."""
    for number, (name, config) in enumerate(configs.items()):
        timer = Timer()
        with timer:
            served = train_backtest_model(
                folder / f"bundle-{number}", snapshot, holdout, config, Run()
            )
        yield name, served, timer.clock.last


def rankers(
    baselines: Sequence[str],
    seed: int,
    configs: Mapping[str, TrainConfig],
    snapshot: Snapshot,
    holdout: Holdout,
    folder: Path,
) -> Iterator[tuple[Kind, str, Ranker, float]]:
    """Kind, name, model, and the seconds that training took; baselines learn when they are asked.

    Args:
        baselines: Their names; they come first.
        configs: What is trained and served, by name.
    """
    for name in baselines:
        yield Kind.BASELINE, name, baseline(name, seed), 0.0
    for name, served, seconds in trained_backtests(configs, snapshot, holdout, folder):
        yield Kind.OURS, name, served, seconds


@contextmanager
def backtest_recommender(options: argparse.Namespace) -> Iterator[tuple[Recommender, Weeks]]:
    """The SVD without other blocks, learned from what lies before the held-out weeks, and these."""
    weeks = held_out_weeks(options.snapshot, validate=options.validate)
    holdout, schema = weeks.holdout, weeks.schema
    encoder = SvdEncoder(schema, holdout.edge_type, SvdConfig(seed=options.seed))
    vectors = encoder.fit(holdout.train_graph)
    learner = ColdStartLearner(holdout.train_graph, vectors, schema, holdout.edge_type)
    applied = learner.applied(learner.rules())
    with tempfile.TemporaryDirectory() as folder:
        bundle = write_backtest_bundle(Path(folder) / "past", weeks.snapshot, holdout, applied)
        yield Recommender(bundle), weeks
