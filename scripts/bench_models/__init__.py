"""The models that bench_accuracy measures, each fitted on one split."""

from bench_models.baselines import BASELINES
from bench_models.edges import settings_without, without_edges
from bench_models.fitting import ENCODERS, Fitted, Options, fitted
from bench_models.lists import by_lists
from bench_models.settings import baseline_change, settings_of

MODELS = (*BASELINES, *ENCODERS)

__all__ = [
    "MODELS",
    "Fitted",
    "Options",
    "baseline_change",
    "by_lists",
    "fitted",
    "settings_of",
    "settings_without",
    "without_edges",
]
