"""Made-up results of an evaluation, as large and as odd as real ones."""

from datetime import UTC, datetime

import numpy as np

from training.evaluation.results import (
    Comparison,
    Estimate,
    Evaluation,
    ExposurePoint,
    GroupResult,
    LeakFinding,
    LiftPoint,
    ModelResult,
    Protocol,
    Spending,
    TaskResult,
)

HOSTILE = "<script>document.title = 'taken over'</script>"
QUOTES = '"></title></svg><img src=x onerror="document.title=\'taken over\'"> & $x^2$ \x00'

MODELS = ("svd", "popularity", "recent popularity", "ItemKNN", "iALS", "viewed, not bought")
LEVELS = (0.1095, 0.0487, 0.0579, 0.0603, 0.0811, 0.031)
KS = (5, 10, 20)
AUDIENCES = {
    "random": 0.0,
    "most active": 0.05,
    "most active recently": 0.06,
    "users_for_brand": 0.1,
}
METRICS = ("recall", "ndcg", "mrr", "hit_rate", "map", "precision", "value_ndcg")
GROUPS = {
    "user activity": (
        "0 events",
        "1 to 4 events",
        "5 to 19 events",
        "20 to 99 events",
        "100 or more events",
    ),
    "price band": ("under 1", "1 to 2", "2 to 5", "5 to 10", "10 to 20", "20 and more"),
    "category": (
        "FRZN MEAT/MEAT DINNERS AND OTHER READY MEALS OF THE COLD AISLE",
        "SOFT DRINKS",
        "<b>CHEESE</b> & $cream$",
        "BAG SNACKS",
    ),
    "training events": (
        "0 events",
        "1 event",
        "2 to 4 events",
        "5 to 9 events",
        "10 to 49 events",
        "50 to 199 events",
        "1,000 events or more",
    ),
    "brand age": ("below 7 days", "7 to 27 days", "365 days or more", "not seen before"),
}


def estimate(mean: float, spread: float = 0.06) -> Estimate:
    return Estimate(mean=mean, low=mean * (1 - spread), high=mean * (1 + spread))


def metrics_at(level: float) -> dict[str, Estimate]:
    factors = dict(zip(METRICS, (1, 2.3, 3.1, 5.2, 1.4, 1.9, 2.1), strict=True))
    return {
        f"{name}@{k}": estimate(level * factors[name] * (0.6 + 0.2 * place))
        for name in METRICS
        for place, k in enumerate(KS)
    }


def results_of(levels: tuple[float, ...]) -> tuple[ModelResult, ...]:
    return tuple(
        ModelResult(
            model=model,
            metrics=metrics_at(level),
            lists={
                "coverage@20": level * 3,
                "gini@20": 1 - level,
                "novelty@20": 9 + 10 * level,
                "diversity@20": 0.7,
                "new items@20": level / 10,
            },
            seconds=12.3 * level,
        )
        for model, level in zip(MODELS, levels, strict=True)
    )


def comparisons_of(levels: tuple[float, ...], p_value: float = 0.0002) -> tuple[Comparison, ...]:
    return tuple(
        Comparison(
            model=MODELS[0],
            against=model,
            metric=metric,
            difference=estimate(levels[0] - level),
            p_value=p_value,
            method="paired sign-flip randomisation, two-sided",
        )
        for model, level in zip(MODELS[1:], levels[1:], strict=True)
        for metric in ("recall@20", "ndcg@20")
    )


def groups_of(levels: tuple[float, ...]) -> tuple[GroupResult, ...]:
    return tuple(
        GroupResult(
            dimension=dimension,
            group=group,
            of="queries" if dimension == "user activity" else "targets",
            num_queries=1234 // (place + 1),
            num_pairs=23456 // (place + 1),
            models={
                model: {
                    "recall@20": estimate(level * (0.4 + 0.3 * place), 0.2),
                    "ndcg@20": estimate(level * (0.5 + 0.3 * place), 0.2),
                }
                for model, level in zip(MODELS, levels, strict=True)
                # Not every model can be measured in every group.
                if (model, place) != ("viewed, not bought", 0)
            },
        )
        for dimension, names in GROUPS.items()
        for place, group in enumerate(names)
    )


def make_evaluation(levels: tuple[float, ...] = LEVELS, p_value: float = 0.0002) -> Evaluation:
    """A whole evaluation.

    Args:
        levels: About the recall of each of MODELS in the first task.
        p_value: Of all comparisons.
    """
    tasks = tuple(
        TaskResult(
            name=name,
            query_type="User",
            target_type="Brand" if name == "new brands" else "Product",
            num_queries=2014 - place,
            num_pairs=123_456 // (place + 1),
            models=results_of(tuple(level / (1 + place / 2) for level in levels)),
            groups=groups_of(levels) if place == 0 else (),
            comparisons=comparisons_of(levels, p_value) if place == 0 else (),
        )
        for place, name in enumerate(
            ("all products", "bought before", "new products", "new brands", "peak days")
        )
    )
    popularity = np.concatenate([[0.0], np.geomspace(1, 600, 9)])
    places = np.arange(1, 11)[:, None] ** np.array([1.5, 4, 3.5, 2, 2.5, 1, 1.3])
    places /= places.sum(axis=0)
    return Evaluation(
        created_at=datetime(2026, 11, 26, 12, 30, tzinfo=UTC),
        snapshot_id="3f" * 32,
        target_edge_type="User-PURCHASED-Product",
        protocol=Protocol(
            split="time",
            cutoff=datetime(2017, 12, 4, tzinfo=UTC),
            holdout_days=28,
            ks=KS,
            seed=0,
            resamples=1000,
        ),
        models=MODELS,
        tasks=tasks,
        leaks=(
            LeakFinding(
                check="training after the cut-off",
                level="ok",
                message="no edge of training is younger than the cut-off",
                figures={"edges": 2_187_051},
                details=("2,187,051 edges of training were checked.",),
            ),
            LeakFinding(
                check="viewed before",
                level="warning",
                message="8.1 % of the held-out pairs have a view before the cut-off",
                figures={"pairs": 9_987, "share": 0.081},
            ),
        ),
        not_measured={"creators for a user": "follows of creators before and after the cut-off"},
        lifts=tuple(
            LiftPoint(
                num_queries=57, model=model, share=share, lift=1 + level * 30 * (1 - share) ** 3
            )
            for model, level in AUDIENCES.items()
            for share in (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
        ),
        exposure=tuple(
            ExposurePoint(
                popularity=float(popularity[place]),
                num_targets=9200,
                shown={
                    model: float(share) for model, share in zip(MODELS, places[place], strict=False)
                },
                bought=float(places[place, -1]),
            )
            for place in range(10)
        ),
        settings={"encoder": "svd", "svd": {"dim": 512, "seed": 0}, "graph": {"weight": 0.0}},
        versions={"python": "3.11.2", "graphrec": "0.1.0", "numpy": "2.4.6"},
        spending=Spending(
            seconds={"read the snapshot": 4.1, "learn from the past": 31.5, "rank": 18.0},
            peak_memory_mb=2345.6,
            threads=2,
            machine="x86_64",
        ),
    )
