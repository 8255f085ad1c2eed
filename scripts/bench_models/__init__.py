"""The models that bench_accuracy measures, each fitted on one split."""

from bench_models.baselines import BASELINES
from bench_models.fitting import ENCODERS, Fitted, Options, fitted
from bench_models.lists import by_lists
from bench_models.settings import settings_of

MODELS = (*BASELINES, *ENCODERS)

__all__ = ["MODELS", "Fitted", "Options", "by_lists", "fitted", "settings_of"]
