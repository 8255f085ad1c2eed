"""Trains the models of an evaluation, chooses the one to take, and says why."""

import re
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from graphdb.errors import EvaluationError
from graphdb.snapshot import Snapshot
from training.config import TrainConfig, default_config
from training.evaluation.backtest import train_backtest_model
from training.evaluation.baselines import MAKERS
from training.evaluation.bootstrap import sign_flip_p_values
from training.evaluation.measure import Ranked, Resampling, asked, rank_all
from training.evaluation.metrics import NDCG, RECALL, Hits, Values, at, per_query
from training.evaluation.rankers import Served
from training.evaluation.results import (
    FEWEST_QUERIES,
    Evaluation,
    Recommendation,
    SeedSpread,
    TaskResult,
    TrainedModel,
)
from training.evaluation.tasks import Task
from training.models import Run
from training.splitting.split import Holdout
from training.steps import Steps

PAST = "past"
SURE = 0.05
Configs = Mapping[str, TrainConfig]
_NAME = re.compile(r"[\w][\w.+-]*")


@dataclass(frozen=True, slots=True)
class Contender:
    """A trained model.

    Args:
        folder: Its backtest bundle, within the folder of the evaluation.
        seconds: The time of its training.
    """

    served: Served
    folder: str
    seconds: float

    def told(self) -> TrainedModel:
        """What is stored of it."""
        return TrainedModel(model=self.served.name, folder=self.folder, seconds=self.seconds)


def configs_by_name(config: TrainConfig | Configs | None) -> dict[str, TrainConfig]:
    """Returns the models to train, by their names in tables; a single one has its encoder's name.

    Raises:
        EvaluationError: There is none, a name cannot be that of a folder or is that of a baseline,
            or two models predict different edge types.
    """
    if config is None or isinstance(config, TrainConfig):
        config = config or default_config()
        return {config.encoder_name: config}
    if not config:
        raise EvaluationError("no model is given", expected="one config or more", value=config)
    for name in config:
        if name in MAKERS or not _NAME.fullmatch(name):
            raise EvaluationError(
                f"a model cannot be called '{name}'",
                expected="letters, digits, '-', '_', '.' and '+', and not the name of a baseline",
                value=name,
            )
    asked_for = {(one.target_edge_type, one.group) for one in config.values()}
    if len(asked_for) > 1:
        raise EvaluationError(
            "the models predict different edge types: "
            + ", ".join(f"{edge_type} and {group}" for edge_type, group in sorted(asked_for)),
            expected="one target_edge_type and one group",
            next_step="evaluate them one by one",
            value=sorted(asked_for),
        )
    return dict(config)


def train_contenders(
    folder: Path,
    snapshot: Snapshot,
    holdout: Holdout,
    configs: Configs,
    run: Run,
    steps: Steps,
) -> list[Contender]:
    """Trains every model on the past, one after the other, and writes their backtest bundles."""
    found = []
    for name, config in configs.items():
        alone = len(configs) == 1
        steps.next("learn from the past" if alone else f"learn from the past: {name}")
        place = PAST if alone else f"{PAST}-{name}"
        began = time.perf_counter()
        model = train_backtest_model(folder / place, snapshot, holdout, config, run.part(place))
        seconds = time.perf_counter() - began
        found.append(Contender(replace(model, name=name), place, seconds))
    return found


def with_seed(config: TrainConfig, seed: int) -> TrainConfig:
    """Returns the config with another random seed, for all its blocks."""
    blocks = {
        name: block.model_copy(update={"seed": seed})
        for name, block in config
        if hasattr(block, "seed")
    }
    return config.model_copy(update=blocks)


def spread_over_seeds(
    folder: Path,
    snapshot: Snapshot,
    holdout: Holdout,
    configs: Configs,
    run: Run,
    steps: Steps,
    *,
    tasks: Sequence[Task],
    lists: Mapping[str, Mapping[str, Ranked]],
    seeds: Sequence[int],
    k: int,
) -> tuple[SeedSpread, ...]:
    """Trains every model again with each further seed, and returns its recall and NDCG by seed.

    Args:
        folder: A folder for bundles, which are removed again.
        lists: By model and task, the lists of the first seed.
        seeds: The further seeds; without any, nothing is returned.
    """
    if not seeds:
        return ()
    means: dict[tuple[str, str, str], list[float]] = {}

    def add(model: str, found: Mapping[str, Ranked]) -> None:
        for task in (task for task in tasks if task.name in found):
            if len(asked(task)) >= FEWEST_QUERIES:
                for metric, values in _per_query(task, found[task.name], k).items():
                    means.setdefault((task.name, model, metric), []).append(float(values.mean()))

    for name, config in configs.items():
        add(name, lists[name])
        for seed in seeds:
            steps.next(f"learn with seed {seed}: {name}")
            with tempfile.TemporaryDirectory(dir=folder) as scratch:
                place = Path(scratch) / PAST
                other = with_seed(config, seed)
                again = run.part(f"{PAST}-{name}-seed-{seed}")
                model = train_backtest_model(place, snapshot, holdout, other, again)
                add(name, rank_all(model, tasks, k))
    return tuple(
        SeedSpread(task=task, model=model, metric=metric, means=tuple(found))
        for (task, model, metric), found in means.items()
    )


def _per_query(task: Task, found: Ranked, k: int) -> dict[str, Values]:
    return per_query(Hits.of(found.rows, asked(task), task.truth), (k,), (RECALL, NDCG))


def choose(
    task: Task, lists: Mapping[str, Ranked], seconds: Mapping[str, float], how: Resampling
) -> Recommendation | None:
    """Chooses among several models by the recall of the longest lists in a task.

    The best one is compared with every other one by a paired test, with the correction of Holm
    (1979) for their number. Of those that are not worse by more than chance, the one that trains
    fastest is taken.

    Args:
        lists: Of two or more models; with fewer there is nothing to choose.
        seconds: The time of training of each.
    """
    if len(lists) < 2 or len(asked(task)) < how.fewest:
        return None
    metric = at(RECALL, how.longest)
    values = {name: _per_query(task, found, how.longest)[metric] for name, found in lists.items()}
    best, *others = sorted(values, key=lambda name: -values[name].mean())
    differences = np.stack([values[best] - values[name] for name in others], axis=1)
    found = sign_flip_p_values(differences, flips=how.resamples, seed=how.seed).tolist()
    p_values = dict(zip(others, found, strict=True))
    tied = (best, *(name for name in others if name not in _worse(p_values)))
    return Recommendation(
        model=min(tied, key=lambda name: seconds[name]),
        best=best,
        task=task.name,
        metric=metric,
        tied=tied,
        p_values=p_values,
    )


def _worse(p_values: Mapping[str, float]) -> set[str]:
    """Returns the models whose difference is no chance, by the method of Holm."""
    found: set[str] = set()
    for place, name in enumerate(sorted(p_values, key=lambda name: p_values[name])):
        if p_values[name] >= SURE / (len(p_values) - place):
            break
        found.add(name)
    return found


def in_order(
    contenders: Sequence[Contender], task: Task, lists: Mapping[str, Ranked], how: Resampling
) -> tuple[list[Contender], Recommendation | None]:
    """Returns the models with the recommended one first, then by their mean, and what to take."""
    known = {one.served.name: one for one in contenders if one.served.name in lists}
    seconds = {name: one.seconds for name, one in known.items()}
    chosen = choose(task, {name: lists[name] for name in known}, seconds, how)
    if chosen is None:
        return list(contenders), None
    means = {
        name: _per_query(task, lists[name], how.longest)[chosen.metric].mean() for name in known
    }
    names = sorted(known, key=lambda name: (name != chosen.model, -means[name]))
    rest = [one for one in contenders if one.served.name not in known]
    return [*(known[name] for name in names), *rest], chosen


def value_of(task: TaskResult, model: str, metric: str) -> float | None:
    """Returns a model's mean in a task; None where it was not measured."""
    for one in task.models:
        if one.model == model and metric in one.metrics:
            return one.metrics[metric].mean
    return None


def leader(task: TaskResult, metric: str, models: Sequence[str]) -> tuple[str, float] | None:
    """Returns the best of some models by a metric of a task, with its mean; None without any."""
    found = {name: value for name in models if (value := value_of(task, name, metric)) is not None}
    return max(found.items(), key=lambda pair: pair[1], default=None)


def reasons_to_take(found: Evaluation) -> Iterator[str]:
    """Yields why a model is recommended, sentence by sentence: the lead, and where another leads.

    Nothing, if a single model was trained.
    """
    chosen = found.recommendation
    if chosen is None:
        if len(found.contenders) > 1:
            yield (
                f"No model is recommended: '{found.tasks[0].name}' has "
                f"{found.tasks[0].num_queries:,} queries, fewer than {FEWEST_QUERIES}."
            )
        return
    task, metric = found.task(chosen.task), chosen.metric
    means = {name: value_of(task, name, metric) or 0.0 for name in found.contenders}
    others = [name for name in found.contenders if name != chosen.model]
    if len(chosen.tied) == 1:
        against = ", ".join(
            f"{means[name]:.4f} of {name} ({_chance(chosen.p_values[name])})"
            for name in others
            if name in chosen.p_values
        )
        yield (
            f"Take {chosen.model}: it is the best of {len(found.contenders)} models in "
            f"'{task.name}', {metric} {means[chosen.model]:.4f} against {against}."
        )
    else:
        seconds = {one.model: one.seconds for one in found.trained}
        alike = ", ".join(
            f"{name} {means[name]:.4f} in {_duration(seconds[name])}" for name in chosen.tied
        )
        yield (
            f"Take {chosen.model}: of the models that differ by no more than chance in "
            f"'{task.name}', it trains fastest ({metric} and time of training: {alike})."
        )
    yield from _exceptions(found, metric)
    yield from _seeds_in_words(found, chosen)


def _exceptions(found: Evaluation, metric: str) -> Iterator[str]:
    """Yields the tasks in which another trained model is ahead by more than chance."""
    first = found.contenders[0]
    for task in found.tasks[1:]:
        best = leader(task, metric, found.contenders)
        ours = value_of(task, first, metric)
        if best is None or ours is None or best[0] == first:
            continue
        for one in task.comparisons:
            pair = (one.model, one.against, one.metric)
            if pair == (first, best[0], metric) and one.p_value < SURE:
                yield (
                    f"For '{task.name}', {best[0]} is better: {best[1]:.4f} against {ours:.4f} "
                    f"({_chance(one.p_value)})."
                )


def _seeds_in_words(found: Evaluation, chosen: Recommendation) -> Iterator[str]:
    """Yields whether another seed could have changed the order of the best two."""
    spread = {
        one.model: one.means
        for one in found.seeds
        if (one.task, one.metric) == (chosen.task, chosen.metric)
    }
    if chosen.model not in spread:
        return
    ranges = ", ".join(
        f"{name} {min(means):.4f} to {max(means):.4f}" for name, means in spread.items()
    )
    yield f"Over {len(spread[chosen.model])} random seeds: {ranges}."


def simple_rule_ahead(found: Evaluation, task: TaskResult, metric: str) -> str | None:
    """Returns a sentence if the best baseline is ahead of every trained model; else None."""
    rule = leader(task, metric, found.baselines)
    model = leader(task, metric, found.contenders)
    if rule is None or model is None or rule[1] <= model[1]:
        return None
    tested = next(
        (
            f"paired test, {_chance(one.p_value)}"
            for one in task.comparisons
            if (one.model, one.against, one.metric) == (model[0], rule[0], metric)
        ),
        "not tested",
    )
    which = "the trained model" if len(found.contenders) == 1 else "every trained model"
    return (
        f"A simple rule is ahead of {which} in '{task.name}': {rule[0]} reaches "
        f"{metric} {rule[1]:.4f}, {model[0]} {model[1]:.4f} ({tested})."
    )


def _chance(p_value: float) -> str:
    return "p < 0.001" if p_value < 0.001 else f"p = {p_value:.3f}"


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
