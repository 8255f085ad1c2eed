"""Fits models one after the other and says how long each took."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from benchmarks.data import DataSet, EvalTask, Split
from benchmarks.harness import Timer
from benchmarks.models.baselines import BASELINES, baseline
from benchmarks.models.learning import learned_by
from benchmarks.models.served import served
from benchmarks.models.settings import baseline_settings
from training.config import TrainConfig
from training.encoders import ConcatEncoder, FittedVectors, PopularityEncoder, Vectors
from training.evaluation.metrics import Scorer, VectorScorer


@dataclass(frozen=True, slots=True)
class Options:
    """What to fit.

    Args:
        models: Some of MODELS.
        block_weights: Of the network in the concatenated encoders; none for that of the settings.
        baselines: Changes to the baselines' settings, such as {'ials': {'dim': 256}}.
    """

    models: Sequence[str]
    block_weights: Sequence[float] = ()
    device: str | None = None
    baselines: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True, slots=True)
class Fitted:
    """A model's scorers, one for each question, None where it cannot answer.

    Args:
        seconds: That fitting took.
    """

    model: str
    scorers: Sequence[Scorer | None]
    seconds: float


def fitted(
    split: Split, data: DataSet, config: TrainConfig, options: Options, say: Callable[[str], None]
) -> Iterator[Fitted]:
    """Every model of the options, in a fixed order."""
    timer = Timer()
    for name in BASELINES:
        if name in options.models:
            with timer:
                changes = baseline_settings(data.name, name, options.baselines)
                scorers = baseline(name, split, data, config, changes, options.device)
            yield Fitted(name, scorers, timer.clock.last)
    for learned in learned_by(
        options.models,
        split.graph,
        data.schema,
        data.target_edge_type,
        config,
        say,
        block_weights=options.block_weights,
        device=options.device,
    ):
        vectors, added = learned.vectors, ""
        with timer:
            if weight := config.popularity.weight:
                vectors = _with_popularity(vectors, split, data, config)
                added = f", popularity {weight:g}"
        yield Fitted(
            learned.label + added,
            [scorer_of(vectors, asked) for asked in split.questions],
            learned.seconds + timer.clock.last,
        )


def _with_popularity(vectors: Vectors, split: Split, data: DataSet, config: TrainConfig) -> Vectors:
    """The vectors with the popularity block that the config asks for."""
    popularity = PopularityEncoder(data.target_edge_type, config.popularity)
    return ConcatEncoder(
        (FittedVectors(vectors), popularity),
        (1.0, config.popularity.weight),
        data.target_edge_type.source,
        "even",
        known_queries_only=True,
    ).fit(split.graph)


def scorer_of(vectors: Vectors, asked: EvalTask) -> VectorScorer:
    """From what an encoder gave; between two types either may be asked for the other."""
    queries, targets = (torch.from_numpy(vectors[end]) for end in (asked.source, asked.target))
    return served(queries, targets, asked)
