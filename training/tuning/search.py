"""Searches for the config that predicts the validation part best, and ranks the trials.

`Fitter` reuses the parts that two trials have in common.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from graphdb import Graph
from graphdb.checked_schema import Schema
from graphdb.errors import DivergedError, TrainingError
from graphdb.file_access import file_access
from graphdb.graph import snapshot_of
from graphdb.schema_types import EdgeType
from graphdb.snapshot import Snapshot
from training.baselines import Popularity
from training.config import TrainConfig
from training.data import HeteroData, load_graph
from training.encoders import Encoder, FittedVectors, Vectors
from training.encoders.graph import OnEpoch
from training.evaluation.metrics import MetricsAtK, Scorer, VectorScorer, metrics_at_k
from training.extras import check_extra
from training.models import Run, concatenated, make_blocks
from training.resume import sole_writer
from training.splitting.holdout import Split, ValidationPart, cut
from training.tuning.journal import Trial, TuneReport, ranked
from training.tuning.space import Space, default_space

if TYPE_CHECKING:
    from training.tuning.journal import Study


@dataclass
class Fitter:
    """Fits models on one graph; a block whose config did not change is taken from the last fit."""

    graph: HeteroData
    schema: Schema
    target_edge_type: EdgeType
    run: Run
    _last: dict[str, tuple[str, FittedVectors]] = field(default_factory=dict, init=False)

    def vectors(self, config: TrainConfig) -> Vectors:
        """The vectors of the config's model, the same as those of its encoder.

        Raises:
            InsufficientDataError: There is too little to train on.
            DivergedError: The loss of the graph model became NaN or infinite.
        """
        blocks = make_blocks(self.schema, self.target_edge_type, config, self.run)
        fitted = {name: self._fitted(name, block, config) for name, block in blocks.items()}
        return concatenated(fitted, self.target_edge_type, config).fit(self.graph)

    def _fitted(self, name: str, block: Encoder, config: TrainConfig) -> FittedVectors:
        own = getattr(config, name).model_dump_json(exclude={"weight"})
        shared = config.svd.event_weights if name in ("profile", "engagement") else None
        text = f"{own} {shared}"
        if name not in self._last or self._last[name][0] != text:
            self._last[name] = (text, FittedVectors(block.fit(self.graph)))
        return self._last[name][1]


Metric = Literal["ndcg", "recall"]


@dataclass(frozen=True, slots=True)
class TuneOptions:
    """The options of tuning.

    Args:
        trials: The number of trials in all, including those of a resumed study.
        minutes: Start no trial after this many minutes; None for no limit.
        metric: The metric to tune for.
        split: The split to compare trials on.
        seed: The seed of the search, and of a sampled validation part. Models have their own seeds
            in the config.
        keep: A folder for the journal of the study, to resume it; None keeps nothing.
    """

    trials: int = 30
    minutes: float | None = None
    metric: Metric = "ndcg"
    split: Split = field(default_factory=Split)
    seed: int = 0
    keep: Path | None = None


@file_access("read or write")
def tune(
    data: Graph | Snapshot | str | Path,
    base: TrainConfig | None = None,
    space: Space | None = None,
    options: TuneOptions | None = None,
    *,
    device: str | None = None,
    on_epoch: OnEpoch | None = None,
    on_trial: Callable[[Trial], None] | None = None,
) -> TuneReport:
    """Searches for the config that predicts the validation part best, with Optuna's TPE sampler.

    Akiba et al., "Optuna" (KDD 2019); the sampler is that of Bergstra et al. (NeurIPS 2011). The
    first trial has the values of `base`, as far as the space includes them. A trial whose training
    diverges counts.

    Args:
        data: A graph, a snapshot, or the folder of a snapshot.
        base: The config for everything that is not tuned, with the length of the lists (`top_k`)
            and the edge type to predict.
        space: The config keys to tune; by default those of `default_space`.
        device: Where graph models train; by default a GPU if there is one.
        on_epoch: Called after every epoch of a graph model.
        on_trial: Called after every trial; first with those of a kept study.

    Raises:
        TrainingError: Optuna is not installed, or no trial could be trained.
        SnapshotError: The snapshot cannot be used.
        InsufficientDataError: Too little data is left to train or validate on.
        SchemaError: The config names a relation that the snapshot's schema does not have.
        CheckpointError: The folder holds another study, or another process uses it.
    """
    base, options = base or TrainConfig(), options or TuneOptions()
    space = space or default_space(base)
    check_extra("optuna", "tune", "tuning")
    from training.tuning.journal import Study

    began = time.monotonic()
    snapshot = snapshot_of(data)
    target_edge_type = snapshot.schema.parse_edge_type(base.target_edge_type)
    part = cut(load_graph(snapshot), snapshot.schema, target_edge_type, options.split, options.seed)
    bench = _Bench(
        part,
        base,
        space,
        options.metric,
        Fitter(part.train_graph, snapshot.schema, target_edge_type, Run(device, on_epoch=on_epoch)),
    )
    question = _question(snapshot.snapshot_id, base, space, options)
    with sole_writer(options.keep, "trials"):
        study = Study(options.keep, space, question, options.seed)
        trials = study.trials
        _tell(on_trial, trials)
        while len(trials) < options.trials:
            bench.run_one(study)
            trials = study.trials
            _tell(on_trial, trials[-1:])
            if options.minutes is not None and time.monotonic() - began >= 60 * options.minutes:
                break
    return _report(trials, bench, options)


@dataclass(frozen=True, slots=True)
class _Bench:
    """Evaluates one config after the other."""

    part: ValidationPart
    base: TrainConfig
    space: Space
    metric: Metric
    fitter: Fitter

    def run_one(self, study: "Study") -> None:
        """Runs the next trial and stores its result."""
        asked = study.ask(first=self.space.values(self.base))
        began = time.perf_counter()
        config = self.space.config(self.base, asked.params)
        try:
            vectors = self.fitter.vectors(config)
        except DivergedError as error:
            study.tell_failure(asked, str(error), time.perf_counter() - began)
            return
        reached = self.reached(VectorScorer.along(vectors, self.fitter.target_edge_type))
        study.tell(asked, reached, time.perf_counter() - began, self.metric)

    def reached(self, scorer: Scorer) -> MetricsAtK:
        return metrics_at_k(scorer, self.part.taken, self.part.truth, self.base.top_k)


def _question(
    snapshot_id: str, base: TrainConfig, space: Space, options: TuneOptions
) -> dict[str, Any]:
    """Returns everything that determines a trial's result, except the code."""
    return {
        "snapshot_id": snapshot_id,
        "config": base.model_dump(mode="json"),
        "space": {dimension.name: asdict(dimension) for dimension in space.dimensions},
        "metric": options.metric,
        "split": asdict(options.split),
        "seed": options.seed,
    }


def _tell(on_trial: Callable[[Trial], None] | None, trials: Sequence[Trial]) -> None:
    for trial in trials:
        if on_trial:
            on_trial(trial)


def _report(trials: Sequence[Trial], bench: _Bench, options: TuneOptions) -> TuneReport:
    best = next(iter(ranked(trials, options.metric)), None)
    if best is None:
        raise TrainingError(
            f"none of {len(trials)} trials could be trained; the first: {trials[0].failure}",
            next_step="try other ranges",
        )
    popularity = Popularity(bench.fitter.target_edge_type).fit(bench.part.train_graph)
    return TuneReport(
        part=options.split.title,
        metric=options.metric,
        k=bench.base.top_k,
        trials=tuple(trials),
        popularity=bench.reached(popularity),
        config=bench.space.config(bench.base, best.settings),
    )
