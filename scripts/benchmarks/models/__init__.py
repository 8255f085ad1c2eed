"""The models that the accuracy benchmark measures, each fitted on one split."""

from benchmarks.models.baselines import BASELINES
from benchmarks.models.edges import settings_without, without_edges
from benchmarks.models.fitting import Fitted, Options, fitted
from benchmarks.models.learning import ENCODERS, learned_by
from benchmarks.models.lists import by_lists
from benchmarks.models.settings import baseline_change, settings_of

MODELS = (*BASELINES, *ENCODERS)

__all__ = [
    "BASELINES",
    "ENCODERS",
    "MODELS",
    "Fitted",
    "Options",
    "baseline_change",
    "by_lists",
    "fitted",
    "learned_by",
    "settings_of",
    "settings_without",
    "without_edges",
]
