"""Lists the baselines by name, with their default configs."""

from collections.abc import Callable, Mapping, Sequence

import torch

from graphdb.errors import EvaluationError, nearest
from training.baselines import (
    Baseline,
    CategorySales,
    GfCf,
    GfCfConfig,
    Ials,
    IalsConfig,
    ItemKnn,
    ItemKnnConfig,
    LowRankEase,
    LowRankEaseConfig,
    MostFollowers,
    Popularity,
    RecentPopularity,
    RecentPopularityConfig,
    ViewedNotBought,
)
from training.baselines.popularity import has_followers, has_sales_in_categories, hint_edge_types
from training.data import ALWAYS_S, AT_S
from training.evaluation.rankers import Scored
from training.evaluation.tasks import EvalTarget
from training.extras import check_extra
from training.quality.counts import BRAND, CREATOR, PRODUCT

HALF_LIFE_DAYS = 30.0
POPULARITY, RECENT, WAITING, ITEM_KNN, IALS, EASE, GF_CF = (
    "popularity",
    "recent-popularity",
    "viewed-not-bought",
    "item-knn",
    "ials",
    "ease",
    "gf-cf",
)
FOLLOWERS, CATEGORY_SALES = "most-followers", "category-sales"
OF_CREATORS = (FOLLOWERS, CATEGORY_SALES)
"""Baselines for creators of a product or brand only."""
USUAL = (POPULARITY, RECENT, WAITING, EASE)
"""Baselines that take seconds. ItemKNN takes minutes on long histories, iALS needs a package."""


def _events(target: EvalTarget) -> dict[str, float | None]:
    """Recent events count more, and repeats count, as for the model."""
    is_dated = target.schema.relation(target.edge_type.relation).is_event
    return {"half_life_days": HALF_LIFE_DAYS if is_dated else None, "repeat_exponent": 0.5}


def _recent(target: EvalTarget, seed: int) -> Baseline:  # noqa: ARG001 - nothing is random
    config = RecentPopularityConfig(half_life_days=HALF_LIFE_DAYS)
    return RecentPopularity(target.edge_type, config)


def _popular(target: EvalTarget, seed: int) -> Baseline:  # noqa: ARG001 - nothing is random
    return Popularity(target.edge_type)


def _waiting(target: EvalTarget, seed: int) -> Baseline:  # noqa: ARG001 - nothing is random
    return ViewedNotBought(target.schema, target.edge_type)


def _item_knn(target: EvalTarget, seed: int) -> Baseline:  # noqa: ARG001 - nothing is random
    config = ItemKnnConfig.model_validate({"num_neighbors": 200, **_events(target)})
    return ItemKnn(target.schema, target.edge_type, config)


def _ials(target: EvalTarget, seed: int) -> Baseline:
    config = IalsConfig.model_validate(
        {
            "dim": 64,
            "confidence": 1.0,
            "seed": seed,
            "threads": torch.get_num_threads(),
            **_events(target),
        }
    )
    return Ials(target.schema, target.edge_type, config)


def _ease(target: EvalTarget, seed: int) -> Baseline:
    config = LowRankEaseConfig.model_validate({"seed": seed, **_events(target)})
    return LowRankEase(target.schema, target.edge_type, config)


def _gf_cf(target: EvalTarget, seed: int) -> Baseline:
    config = GfCfConfig.model_validate({"seed": seed, **_events(target)})
    return GfCf(target.schema, target.edge_type, config)


def _followers(target: EvalTarget, seed: int) -> Baseline:  # noqa: ARG001 - nothing is random
    return MostFollowers(target.edge_type)


def _category_sales(target: EvalTarget, seed: int) -> Baseline:  # noqa: ARG001 - the same
    return CategorySales(target.edge_type)


MAKERS: Mapping[str, Callable[[EvalTarget, int], Baseline]] = {
    POPULARITY: _popular,
    RECENT: _recent,
    WAITING: _waiting,
    ITEM_KNN: _item_knn,
    IALS: _ials,
    EASE: _ease,
    GF_CF: _gf_cf,
    FOLLOWERS: _followers,
    CATEGORY_SALES: _category_sales,
}
"""One line per baseline; the name is that of the command line."""


def check_baselines(names: Sequence[str]) -> None:
    """Checks names before any work.

    Raises:
        EvaluationError: A name is unknown or duplicated.
        TrainingError: The baseline needs a package that is not installed.
    """
    for place, name in enumerate(names):
        if name not in MAKERS:
            raise EvaluationError(
                f"there is no baseline '{name}'",
                expected="one of " + ", ".join(MAKERS),
                next_step=nearest(name, list(MAKERS)),
                value=name,
            )
        if name in names[:place]:
            raise EvaluationError(f"the baseline '{name}' is duplicated", value=name)
    if IALS in names:
        check_extra("implicit", "baselines", "iALS")


def baseline(name: str, seed: int) -> Scored:
    """Returns the baseline of a name; see `check_baselines`."""
    make = MAKERS[name]
    return Scored(name, lambda target: make(target, seed), FITS.get(name, _always))


def usual_baselines(targets: Sequence[EvalTarget]) -> tuple[str, ...]:
    """Returns the default baselines: the quick ones for which the graph has data.

    Args:
        targets: Of all tasks, that of the first task first.
    """
    main = (name for name in USUAL if FITS.get(name, _always)(targets[0]))
    return (*main, *(name for name in OF_CREATORS if any(map(FITS[name], targets))))


def _always(target: EvalTarget) -> bool:  # noqa: ARG001 - whatever the target edge type
    return True


def _is_dated(target: EvalTarget) -> bool:
    at_s = target.graph[target.edge_type][AT_S]
    return bool((at_s != ALWAYS_S).any())


def _has_hints(target: EvalTarget) -> bool:
    return bool(hint_edge_types(target.graph, target.schema, target.edge_type))


def _has_events(target: EvalTarget) -> bool:
    """Returns whether edges of the target edge type count as interactions."""
    return target.schema.relation(target.edge_type.relation).event_weight > 0


def _asks_for_creators(target: EvalTarget) -> bool:
    ends = (target.edge_type.source, target.edge_type.target)
    return ends in ((PRODUCT, CREATOR), (BRAND, CREATOR))


def _can_count_followers(target: EvalTarget) -> bool:
    return _asks_for_creators(target) and has_followers(target.graph)


def _can_count_sales(target: EvalTarget) -> bool:
    return _asks_for_creators(target) and has_sales_in_categories(target.graph)


FITS: Mapping[str, Callable[[EvalTarget], bool]] = {
    RECENT: _is_dated,
    WAITING: _has_hints,
    **dict.fromkeys((ITEM_KNN, IALS, EASE, GF_CF), _has_events),
    FOLLOWERS: _can_count_followers,
    CATEGORY_SALES: _can_count_sales,
}
"""Which target edge types fit a baseline; all for names that are missing here."""
