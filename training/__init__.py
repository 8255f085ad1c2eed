"""Trains, evaluates and tunes models: from a snapshot to a bundle.

Its public names are imported when they are first used, so that `import training` and
`graphrec --help` load no torch.

>>> import training
>>> training.TrainConfig().encoder_name
'svd'
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from training.baselines import (
        Baseline,
        CategorySales,
        Ease,
        EaseConfig,
        EncoderBaseline,
        GfCf,
        GfCfConfig,
        Ials,
        IalsConfig,
        ItemKnn,
        ItemKnnConfig,
        LightGcnBpr,
        LightGcnBprConfig,
        LowRankEase,
        LowRankEaseConfig,
        MostFollowers,
        Popularity,
        RecentPopularity,
        RecentPopularityConfig,
        ViewedByConversion,
        ViewedByConversionConfig,
        ViewedByItemKnn,
        ViewedNotBought,
        ViewedNotBoughtConfig,
        ViewedThenBought,
    )
    from training.cold_start import ColdStartConfig
    from training.config import TrainConfig, load_config, preset_path, presets, write_config
    from training.data import load_graph
    from training.encoders import (
        ConcatEncoder,
        Encoder,
        EngagementConfig,
        FittedVectors,
        GraphEncoder,
        PopularityConfig,
        ProfileConfig,
        SvdConfig,
        SvdEncoder,
        Vectors,
    )
    from training.evaluation.results import Evaluation, read_evaluation
    from training.evaluation.run import EvaluateOptions, evaluate
    from training.evaluation.two_models import compare_models
    from training.gnn import GnnConfig
    from training.gnn.trainer import Epoch
    from training.models import Run
    from training.quality import QualityConfig
    from training.report import WrittenReport, write_report
    from training.splitting.split import Holdout, hold_out_last
    from training.training_run import TrainReport, train
    from training.tuning import (
        Dimension,
        Space,
        Split,
        Trial,
        TuneOptions,
        TuneReport,
        default_space,
        load_space,
        tune,
    )

_NAMES_OF = {
    "training.baselines": (
        "Baseline", "CategorySales", "Ease", "EaseConfig", "EncoderBaseline", "GfCf", "GfCfConfig",
        "Ials", "IalsConfig", "ItemKnn", "ItemKnnConfig", "LightGcnBpr", "LightGcnBprConfig",
        "LowRankEase", "LowRankEaseConfig", "MostFollowers", "Popularity", "RecentPopularity",
        "RecentPopularityConfig", "ViewedByConversion", "ViewedByConversionConfig",
        "ViewedByItemKnn", "ViewedNotBought", "ViewedNotBoughtConfig",
        "ViewedThenBought",
    ),
    "training.cold_start": ("ColdStartConfig",),
    "training.config": ("TrainConfig", "load_config", "preset_path", "presets", "write_config"),
    "training.data": ("load_graph",),
    "training.encoders": (
        "ConcatEncoder", "Encoder", "EngagementConfig", "FittedVectors", "GraphEncoder",
        "PopularityConfig", "ProfileConfig", "SvdConfig", "SvdEncoder", "Vectors",
    ),
    "training.evaluation.results": ("Evaluation", "read_evaluation"),
    "training.evaluation.run": ("EvaluateOptions", "evaluate"),
    "training.evaluation.two_models": ("compare_models",),
    "training.gnn": ("GnnConfig",),
    "training.gnn.trainer": ("Epoch",),
    "training.models": ("Run",),
    "training.quality": ("QualityConfig",),
    "training.report": ("WrittenReport", "write_report"),
    "training.splitting.split": ("Holdout", "hold_out_last"),
    "training.training_run": ("TrainReport", "train"),
    "training.tuning": (
        "Dimension", "Space", "Split", "Trial", "TuneOptions", "TuneReport", "default_space",
        "load_space", "tune",
    ),
}  # fmt: skip
_HOMES = {name: module for module, names in _NAMES_OF.items() for name in names}

__all__ = [
    "Baseline",
    "CategorySales",
    "ColdStartConfig",
    "ConcatEncoder",
    "Dimension",
    "Ease",
    "EaseConfig",
    "Encoder",
    "EncoderBaseline",
    "EngagementConfig",
    "Epoch",
    "EvaluateOptions",
    "Evaluation",
    "FittedVectors",
    "GfCf",
    "GfCfConfig",
    "GnnConfig",
    "GraphEncoder",
    "Holdout",
    "Ials",
    "IalsConfig",
    "ItemKnn",
    "ItemKnnConfig",
    "LightGcnBpr",
    "LightGcnBprConfig",
    "LowRankEase",
    "LowRankEaseConfig",
    "MostFollowers",
    "Popularity",
    "PopularityConfig",
    "ProfileConfig",
    "QualityConfig",
    "RecentPopularity",
    "RecentPopularityConfig",
    "Run",
    "Space",
    "Split",
    "SvdConfig",
    "SvdEncoder",
    "TrainConfig",
    "TrainReport",
    "Trial",
    "TuneOptions",
    "TuneReport",
    "Vectors",
    "ViewedByConversion",
    "ViewedByConversionConfig",
    "ViewedByItemKnn",
    "ViewedNotBought",
    "ViewedNotBoughtConfig",
    "ViewedThenBought",
    "WrittenReport",
    "compare_models",
    "default_space",
    "evaluate",
    "hold_out_last",
    "load_config",
    "load_graph",
    "load_space",
    "preset_path",
    "presets",
    "read_evaluation",
    "train",
    "tune",
    "write_config",
    "write_report",
]

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """Imports a public name from its module."""
        if name not in _HOMES:
            raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
        value = globals()[name] = getattr(import_module(_HOMES[name]), name)
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
