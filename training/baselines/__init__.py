"""Baselines: what every model has to be measured beside, each fitted along one direction."""

from training.baselines.base import Baseline
from training.baselines.creators import CategorySales, MostFollowers
from training.baselines.ease import Ease, EaseConfig
from training.baselines.encoder import EncoderBaseline
from training.baselines.gf_cf import GfCf, GfCfConfig
from training.baselines.ials import Ials, IalsConfig
from training.baselines.interactions import InteractionConfig
from training.baselines.item_knn import ItemKnn, ItemKnnConfig
from training.baselines.lightgcn_bpr import LightGcnBpr, LightGcnBprConfig
from training.baselines.low_rank_ease import LowRankEase, LowRankEaseConfig
from training.baselines.popularity import Popularity
from training.baselines.recent_popularity import RecentPopularity, RecentPopularityConfig
from training.baselines.viewed_not_bought import ViewedNotBought, ViewedNotBoughtConfig

__all__ = [
    "Baseline",
    "CategorySales",
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
    "Popularity",
    "RecentPopularity",
    "RecentPopularityConfig",
    "ViewedNotBought",
    "ViewedNotBoughtConfig",
]
