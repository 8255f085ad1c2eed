"""Tuning: searches for the config that best predicts a validation part of the past."""

from training.splitting.holdout import Split
from training.tuning.journal import Trial, TuneReport
from training.tuning.search import TuneOptions, tune
from training.tuning.space import Dimension, Space, default_space, load_space

__all__ = [
    "Dimension",
    "Space",
    "Split",
    "Trial",
    "TuneOptions",
    "TuneReport",
    "default_space",
    "load_space",
    "tune",
]
