"""Fits models one after the other and says how long each took."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from bench_data import DataSet, EvalTask, Split
from rich.console import Console

from bench_models.baselines import BASELINES, baseline
from bench_models.served import served
from bench_models.settings import baseline_settings
from training.config import TrainConfig
from training.encoders import Encoder, GraphEncoder, SvdEncoder, Vectors
from training.evaluation.metrics import Scorer, VectorScorer
from training.gnn.trainer import Epoch
from training.models import beside_network, beside_popularity

ENCODERS = ("svd", "graph", "concat")


@dataclass(frozen=True, slots=True)
class Options:
    """What to fit.

    Args:
        models: Some of MODELS.
        balances: Weights of the network's half to try; none for that of the settings.
        baselines: Changes to the baselines' settings, such as {'ials': {'dim': 256}}.
    """

    models: Sequence[str]
    balances: Sequence[float] = ()
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
    split: Split, data: DataSet, config: TrainConfig, options: Options, console: Console
) -> Iterator[Fitted]:
    """Every model of the options, in a fixed order."""
    for name in BASELINES:
        if name in options.models:
            began = time.perf_counter()
            changes = baseline_settings(data.name, name, options.baselines)
            scorers = baseline(name, split, data, config, changes, options.device)
            yield Fitted(name, scorers, time.perf_counter() - began)
    for model, vectors, seconds in _vectors_of(split, data, config, options, console):
        began = time.perf_counter()
        joined = beside_popularity(vectors, split.graph, data.target_edge_type, config)
        seconds += time.perf_counter() - began
        name = f"{model}, popularity {config.popularity:g}" if config.popularity else model
        yield Fitted(name, [scorer_of(joined, asked) for asked in split.questions], seconds)


def scorer_of(vectors: Vectors, asked: EvalTask) -> VectorScorer:
    """From what an encoder gave; between two types either may be asked for the other."""
    queries, targets = (torch.from_numpy(vectors[end]) for end in (asked.source, asked.target))
    return served(queries, targets, asked)


def _vectors_of(
    split: Split, data: DataSet, config: TrainConfig, options: Options, console: Console
) -> Iterator[tuple[str, Vectors, float]]:
    """The vectors of every encoder, and the seconds that they took."""

    def tell(epoch: Epoch) -> None:
        console.print(f"epoch {epoch.number}: loss {epoch.loss:.3f}, {epoch.seconds:.1f} s")

    encoders: dict[str, Encoder] = {
        "svd": SvdEncoder(data.schema, data.target_edge_type, config.svd),
        "graph": GraphEncoder(data.schema, config.graph, options.device, on_epoch=tell),
    }
    kept: dict[str, tuple[Vectors, float]] = {}
    for model, encoder in encoders.items():
        if model in options.models or "concat" in options.models:
            began = time.perf_counter()
            vectors = encoder.fit(split.graph)
            kept[model] = vectors, time.perf_counter() - began
            yield model, *kept[model]
    if "concat" in options.models:
        (first, first_s), (second, second_s) = kept["svd"], kept["graph"]
        for balance in options.balances or [config.balance]:
            began = time.perf_counter()
            both = beside_network(first, second, data.target_edge_type, balance)
            seconds = first_s + second_s + time.perf_counter() - began
            yield f"both, {balance:g} to 1", both, seconds
