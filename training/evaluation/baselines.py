"""The baselines by name, with plain settings: what every model is measured beside."""

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
from training.evaluation.tasks import Direction
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
"""Those that only say which creators should carry something."""
USUAL = (POPULARITY, RECENT, WAITING, EASE)
"""Those that take seconds. ItemKNN takes minutes on long histories, iALS needs a package."""


def _events(direction: Direction) -> dict[str, float | None]:
    """Recent events count more, and repeats count, as for the model."""
    is_dated = direction.schema.relation(direction.edge_type.relation).is_event
    return {"half_life_days": HALF_LIFE_DAYS if is_dated else None, "repeat_exponent": 0.5}


def _recent(direction: Direction, seed: int) -> Baseline:  # noqa: ARG001 - nothing is random
    config = RecentPopularityConfig(half_life_days=HALF_LIFE_DAYS)
    return RecentPopularity(direction.edge_type, config)


def _popular(direction: Direction, seed: int) -> Baseline:  # noqa: ARG001 - nothing is random
    return Popularity(direction.edge_type)


def _waiting(direction: Direction, seed: int) -> Baseline:  # noqa: ARG001 - nothing is random
    return ViewedNotBought(direction.schema, direction.edge_type)


def _item_knn(direction: Direction, seed: int) -> Baseline:  # noqa: ARG001 - nothing is random
    config = ItemKnnConfig.model_validate({"num_neighbours": 200, **_events(direction)})
    return ItemKnn(direction.schema, direction.edge_type, config)


def _ials(direction: Direction, seed: int) -> Baseline:
    config = IalsConfig.model_validate(
        {
            "dim": 64,
            "confidence": 1.0,
            "seed": seed,
            "threads": torch.get_num_threads(),
            **_events(direction),
        }
    )
    return Ials(direction.schema, direction.edge_type, config)


def _ease(direction: Direction, seed: int) -> Baseline:
    config = LowRankEaseConfig.model_validate({"seed": seed, **_events(direction)})
    return LowRankEase(direction.schema, direction.edge_type, config)


def _gf_cf(direction: Direction, seed: int) -> Baseline:
    config = GfCfConfig.model_validate({"seed": seed, **_events(direction)})
    return GfCf(direction.schema, direction.edge_type, config)


def _followers(direction: Direction, seed: int) -> Baseline:  # noqa: ARG001 - nothing is random
    return MostFollowers(direction.edge_type)


def _category_sales(direction: Direction, seed: int) -> Baseline:  # noqa: ARG001 - the same
    return CategorySales(direction.edge_type)


MAKERS: Mapping[str, Callable[[Direction, int], Baseline]] = {
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
"""A further baseline is one more line here: it is found by this name on the command line."""


def check_baselines(names: Sequence[str]) -> None:
    """Checks names before any work is done.

    Raises:
        EvaluationError: No baseline has the name, or it stands twice.
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
            raise EvaluationError(f"the baseline '{name}' was named twice", value=name)
    if IALS in names:
        check_extra("implicit", "baselines", "iALS")


def baseline(name: str, seed: int) -> Scored:
    """The baseline of that name; see `check_baselines`."""
    make = MAKERS[name]
    return Scored(name, lambda direction: make(direction, seed), FITS.get(name, _always))


def usual_baselines(directions: Sequence[Direction]) -> tuple[str, ...]:
    """Those that are asked where none is named: the quick ones that the data can teach.

    Args:
        directions: Of all tasks, that of the first task first.
    """
    main = (name for name in USUAL if FITS.get(name, _always)(directions[0]))
    return (*main, *(name for name in OF_CREATORS if any(map(FITS[name], directions))))


def _always(direction: Direction) -> bool:  # noqa: ARG001 - whatever the direction
    return True


def _is_dated(direction: Direction) -> bool:
    at_s = direction.graph[direction.edge_type][AT_S]
    return bool((at_s != ALWAYS_S).any())


def _has_hints(direction: Direction) -> bool:
    return bool(hint_edge_types(direction.graph, direction.schema, direction.edge_type))


def _has_events(direction: Direction) -> bool:
    """Whether an edge of the direction counts as something that was done."""
    return direction.schema.relation(direction.edge_type.relation).behaviour_weight > 0


def _asks_for_creators(direction: Direction) -> bool:
    ends = (direction.edge_type.source, direction.edge_type.target)
    return ends in ((PRODUCT, CREATOR), (BRAND, CREATOR))


def _can_count_followers(direction: Direction) -> bool:
    return _asks_for_creators(direction) and has_followers(direction.graph)


def _can_count_sales(direction: Direction) -> bool:
    return _asks_for_creators(direction) and has_sales_in_categories(direction.graph)


FITS: Mapping[str, Callable[[Direction], bool]] = {
    RECENT: _is_dated,
    WAITING: _has_hints,
    **dict.fromkeys((ITEM_KNN, IALS, EASE, GF_CF), _has_events),
    FOLLOWERS: _can_count_followers,
    CATEGORY_SALES: _can_count_sales,
}
"""Which directions can teach a baseline; all, where it is not named here."""
