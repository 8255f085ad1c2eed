"""What is served at the beginning of the held-out weeks."""

from pathlib import Path

from benchmarks.data.weeks import Weeks
from graphrec import Recommender
from training.cold_start import ColdStartLearner
from training.encoders import SvdConfig, SvdEncoder
from training.evaluation.backtest import write_backtest_bundle


def recommender_of_the_past(weeks: Weeks, folder: Path, seed: int) -> Recommender:
    """The SVD without other blocks, learned from what lies before the cut."""
    holdout, schema = weeks.holdout, weeks.schema
    encoder = SvdEncoder(schema, holdout.edge_type, SvdConfig(seed=seed))
    vectors = encoder.fit(holdout.train_graph)
    learner = ColdStartLearner(holdout.train_graph, vectors, schema, holdout.edge_type)
    applied = learner.applied(learner.rules())
    return Recommender(write_backtest_bundle(folder / "past", weeks.snapshot, holdout, applied))
