"""The models that bench_accuracy measures, each fitted on one split."""

from bench_models.baselines import BASELINES
from bench_models.fitting import ENCODERS, Fitted, Options, fitted
from bench_models.settings import settings_of

MODELS = (*BASELINES, *ENCODERS)

__all__ = ["MODELS", "Fitted", "Options", "fitted", "settings_of"]
