"""Baselines: simple models for comparison, each fitted on one target edge type."""

from training.baselines.base import Baseline, EncoderBaseline, InteractionConfig
from training.baselines.baskets import (
    TifuKnn,
    TifuKnnConfig,
    Transitions,
    TransitionsConfig,
    UpCf,
    UpCfConfig,
)
from training.baselines.conversion import (
    ViewedByConversion,
    ViewedByConversionConfig,
    ViewedByItemKnn,
    ViewedThenBought,
)
from training.baselines.creators import (
    BestSellers,
    CategoryBestSellers,
    CategorySales,
    MostFollowers,
)
from training.baselines.ease import (
    DecayedEase,
    DecayedEaseConfig,
    Ease,
    EaseConfig,
    LowRankEase,
    LowRankEaseConfig,
)
from training.baselines.gf_cf import GfCf, GfCfConfig
from training.baselines.ials import Ials, IalsConfig
from training.baselines.item_knn import ItemKnn, ItemKnnConfig
from training.baselines.lightgcn_bpr import LightGcnBpr, LightGcnBprConfig
from training.baselines.popularity import (
    PersonalFrequency,
    PersonalFrequencyConfig,
    Popularity,
    RecentPopularity,
    RecentPopularityConfig,
    ViewedNotBought,
    ViewedNotBoughtConfig,
)

__all__ = [
    "Baseline",
    "BestSellers",
    "CategoryBestSellers",
    "CategorySales",
    "DecayedEase",
    "DecayedEaseConfig",
    "Ease",
    "EaseConfig",
    "EncoderBaseline",
    "GfCf",
    "GfCfConfig",
    "Ials",
    "IalsConfig",
    "InteractionConfig",
    "ItemKnn",
    "ItemKnnConfig",
    "LightGcnBpr",
    "LightGcnBprConfig",
    "LowRankEase",
    "LowRankEaseConfig",
    "MostFollowers",
    "PersonalFrequency",
    "PersonalFrequencyConfig",
    "Popularity",
    "RecentPopularity",
    "RecentPopularityConfig",
    "TifuKnn",
    "TifuKnnConfig",
    "Transitions",
    "TransitionsConfig",
    "UpCf",
    "UpCfConfig",
    "ViewedByConversion",
    "ViewedByConversionConfig",
    "ViewedByItemKnn",
    "ViewedNotBought",
    "ViewedNotBoughtConfig",
    "ViewedThenBought",
]
