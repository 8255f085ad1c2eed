"""Lists the baselines by name, with their default configs."""

from collections.abc import Callable, Mapping, Sequence

import torch

from graphdb.errors import EvaluationError, nearest
from training.baselines import (
    Baseline,
    BestSellers,
    CategoryBestSellers,
    CategorySales,
    DecayedEase,
    GfCf,
    GfCfConfig,
    Ials,
    IalsConfig,
    ItemKnn,
    ItemKnnConfig,
    LowRankEase,
    LowRankEaseConfig,
    MostFollowers,
    PersonalFrequency,
    PersonalFrequencyConfig,
    Popularity,
    RecentPopularity,
    RecentPopularityConfig,
    TifuKnn,
    Transitions,
    UpCf,
    ViewedByConversion,
    ViewedByItemKnn,
    ViewedNotBought,
    ViewedThenBought,
)
from training.baselines.creators import has_followers, has_sales, has_sales_in_categories
from training.baselines.popularity import hint_edge_types
from training.data import ALWAYS_S, AT_S
from training.evaluation.rankers import Scored
from training.evaluation.tasks import EvalTarget
from training.extras import check_extra
from training.quality.counts import BRAND, CATEGORY, CREATOR, PRODUCT

HALF_LIFE_DAYS, PERSONAL_HALF_LIFE_DAYS = 30.0, 90.0
TIFU_KNN, UP_CF, TRANSITIONS = "tifu-knn", "up-cf", "transitions"
DECAYED_EASE = "decayed-ease"
VIEWED_CONVERSION, VIEWED_ITEM_KNN = "viewed-by-conversion", "viewed-by-item-knn"
VIEWED_THEN_BOUGHT = "viewed-then-bought"
POPULARITY, RECENT, PERSONAL, WAITING, ITEM_KNN, IALS, EASE, GF_CF = (
    "popularity",
    "recent-popularity",
    "personal-frequency",
    "viewed-not-bought",
    "item-knn",
    "ials",
    "ease",
    "gf-cf",
)
FOLLOWERS, CATEGORY_SALES = "most-followers", "category-sales"
OF_CREATORS = (FOLLOWERS, CATEGORY_SALES)
"""Baselines for creators of a product or brand only."""
SELLERS, CATEGORY_SELLERS = "best-sellers", "category-best-sellers"
TO_CREATORS = (SELLERS, CATEGORY_SELLERS)
"""Baselines for what a creator could carry only."""
USUAL = (POPULARITY, RECENT, PERSONAL, WAITING, EASE)
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


def _personal(target: EvalTarget, seed: int) -> Baseline:  # noqa: ARG001 - nothing is random
    days = PERSONAL_HALF_LIFE_DAYS if _is_dated(target) else None
    return PersonalFrequency(target.edge_type, PersonalFrequencyConfig(half_life_days=days))


def _tifu_knn(target: EvalTarget, seed: int) -> Baseline:  # noqa: ARG001 - nothing is random
    return TifuKnn(target.edge_type)


def _up_cf(target: EvalTarget, seed: int) -> Baseline:  # noqa: ARG001 - nothing is random
    return UpCf(target.edge_type)


def _transitions(target: EvalTarget, seed: int) -> Baseline:  # noqa: ARG001 - nothing is random
    return Transitions(target.edge_type)


def _decayed_ease(target: EvalTarget, seed: int) -> Baseline:  # noqa: ARG001 - the same
    return DecayedEase(target.schema, target.edge_type)


def _waiting(target: EvalTarget, seed: int) -> Baseline:  # noqa: ARG001 - nothing is random
    return ViewedNotBought(target.schema, target.edge_type)


def _viewed_conversion(target: EvalTarget, seed: int) -> Baseline:  # noqa: ARG001 - the same
    return ViewedByConversion(target.schema, target.edge_type)


def _viewed_item_knn(target: EvalTarget, seed: int) -> Baseline:  # noqa: ARG001 - the same
    config = ItemKnnConfig.model_validate({"num_neighbors": 200, **_events(target)})
    return ViewedByItemKnn(target.schema, target.edge_type, config)


def _viewed_then_bought(target: EvalTarget, seed: int) -> Baseline:  # noqa: ARG001 - the same
    return ViewedThenBought(target.schema, target.edge_type)


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


def _sellers(target: EvalTarget, seed: int) -> Baseline:  # noqa: ARG001 - nothing is random
    return BestSellers(target.edge_type)


def _category_sellers(target: EvalTarget, seed: int) -> Baseline:  # noqa: ARG001 - the same
    return CategoryBestSellers(target.edge_type)


MAKERS: Mapping[str, Callable[[EvalTarget, int], Baseline]] = {
    POPULARITY: _popular,
    RECENT: _recent,
    PERSONAL: _personal,
    TIFU_KNN: _tifu_knn,
    UP_CF: _up_cf,
    TRANSITIONS: _transitions,
    DECAYED_EASE: _decayed_ease,
    WAITING: _waiting,
    VIEWED_CONVERSION: _viewed_conversion,
    VIEWED_ITEM_KNN: _viewed_item_knn,
    VIEWED_THEN_BOUGHT: _viewed_then_bought,
    ITEM_KNN: _item_knn,
    IALS: _ials,
    EASE: _ease,
    GF_CF: _gf_cf,
    FOLLOWERS: _followers,
    CATEGORY_SALES: _category_sales,
    SELLERS: _sellers,
    CATEGORY_SELLERS: _category_sellers,
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
    fits = FITS.get(name, _always)
    return Scored(name, lambda target: make(target, seed), fits, ranks_seen=name == PERSONAL)


def usual_baselines(targets: Sequence[EvalTarget]) -> tuple[str, ...]:
    """Returns the default baselines: the quick ones for which the graph has data.

    Args:
        targets: Of all tasks, that of the first task first.
    """
    main = (name for name in USUAL if FITS.get(name, _always)(targets[0]))
    of_creators = (*OF_CREATORS, *TO_CREATORS)
    return (*main, *(name for name in of_creators if any(map(FITS[name], targets))))


def _always(target: EvalTarget) -> bool:  # noqa: ARG001 - whatever the target edge type
    return True


def _is_dated(target: EvalTarget) -> bool:
    at_s = target.graph[target.edge_type][AT_S]
    return bool((at_s != ALWAYS_S).any())


def _has_hints(target: EvalTarget) -> bool:
    return bool(hint_edge_types(target.graph, target.schema, target.edge_type))


def _has_baskets(target: EvalTarget) -> bool:
    return _has_events(target) and _is_dated(target)


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


def _can_rank_sellers(target: EvalTarget) -> bool:
    offered = target.edge_type.target in (PRODUCT, BRAND, CATEGORY)
    return target.edge_type.source == CREATOR and offered and has_sales(target.graph)


def _can_rank_category_sellers(target: EvalTarget) -> bool:
    offered = target.edge_type.target in (PRODUCT, BRAND)
    asks = target.edge_type.source == CREATOR and offered
    return asks and has_sales_in_categories(target.graph)


OF_VIEWED = (WAITING, VIEWED_CONVERSION, VIEWED_ITEM_KNN, VIEWED_THEN_BOUGHT)
FITS: Mapping[str, Callable[[EvalTarget], bool]] = {
    RECENT: _is_dated,
    **dict.fromkeys((TIFU_KNN, UP_CF, TRANSITIONS, DECAYED_EASE), _has_baskets),
    **dict.fromkeys(OF_VIEWED, _has_hints),
    **dict.fromkeys((PERSONAL, ITEM_KNN, IALS, EASE, GF_CF), _has_events),
    FOLLOWERS: _can_count_followers,
    CATEGORY_SALES: _can_count_sales,
    SELLERS: _can_rank_sellers,
    CATEGORY_SELLERS: _can_rank_category_sellers,
}
"""Which target edge types fit a baseline; all for names that are missing here."""
