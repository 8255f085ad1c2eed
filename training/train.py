"""From a snapshot to a bundle: measure on the last weeks, then learn from everything."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from graphdb.errors import BundleError
from graphdb.snapshot import Snapshot, open_snapshot
from graphrec import Recommender
from graphrec.bundle import Bundle
from training.bundling import bundle_up
from training.config import TrainConfig
from training.data import load_graph
from training.encoders import Encoder, PopularityEncoder
from training.evaluate import Report, evaluate, tasks_of
from training.evaluation.past import bundle_of_the_past
from training.models import Run, make_encoder, make_graph_encoder
from training.newcomers import NewcomerLearner
from training.split import Holdout, hold_out_last

Progress = Callable[[str, int, int], None]
"""Called when a step begins, with its name, its number from 1, and how many there are."""

BASELINE = "popularity"


@dataclass(frozen=True, slots=True)
class TrainReport:
    """What a training run made.

    Args:
        bundle: The release, learned from the whole snapshot.
        evaluation: What the same model reached on the held-out part, learned from what came
            before; None when nothing was held out.
    """

    bundle: Bundle
    evaluation: Report | None


def train(
    snapshot_dir: str | Path,
    out_dir: str | Path,
    *,
    config: TrainConfig | None = None,
    holdout_days: int | None = 28,
    run: Run | None = None,
    on_progress: Progress | None = None,
) -> TrainReport:
    """Trains a model and writes it as a bundle.

    Args:
        out_dir: The folder to write; it must not exist.
        holdout_days: The model is first fit without the last days and measured on them, beside
            popularity; then fit again on everything. None leaves the measuring out.
        run: Where to train, and what to keep of it on the way. Of several processes, the first
            calls this, and the others `follow`.

    Raises:
        BundleError: `out_dir` exists.
        SnapshotError: There is no usable snapshot.
        NotEnoughDataError: There is too little to train on, or to hold out.
        SchemaError: The config names a relation that the snapshot's schema does not have.
        DoesNotFitError: The network would take more memory than there is.
        DivergedError: The network's loss became infinite or no number.
        CheckpointError: What `run` has kept is of another run.
        ProcessLostError: Another one of the processes is gone.
    """
    config, run = config or TrainConfig(), run or Run()
    out_dir = _unused(Path(out_dir))
    steps = _Steps(on_progress, total=3 if holdout_days is None else 6)

    steps.next("read the snapshot")
    snapshot = open_snapshot(snapshot_dir)
    graph = load_graph(snapshot)
    direction = snapshot.schema.parse_edge_type(config.direction)

    evaluation = None
    if holdout_days is not None:
        steps.next(f"hold out the last {holdout_days} days")
        holdout = hold_out_last(graph, direction, holdout_days)
        models: dict[str, Encoder] = {
            BASELINE: PopularityEncoder(direction),
            config.model: make_encoder(snapshot.schema, direction, config, run.part("past")),
        }
        evaluation = _measure(snapshot, holdout, models, config, out_dir.parent, steps)

    steps.next("learn from everything")
    encoder = make_encoder(snapshot.schema, direction, config, run.part("everything"))
    fitted = encoder.fit(graph)
    learner = NewcomerLearner(graph, fitted, snapshot.schema, direction, config.newcomers)
    rules = learner.rules()

    steps.next("write the bundle")
    bundle = bundle_up(
        out_dir,
        snapshot,
        graph,
        learner.applied(rules),
        cutoff=None,
        config={"encoder": config.model, "holdout_days": holdout_days, **config.model_dump()},
        metrics=evaluation.to_dict() if evaluation else {},
        newcomers=rules,
        quality=config.quality,
    )
    return TrainReport(bundle, evaluation)


def follow(
    snapshot_dir: str | Path, *, config: TrainConfig, holdout_days: int | None, run: Run
) -> None:
    """Trains the network beside a process that calls `train` with the same; writes nothing.

    What else `train` does, the closed form too, is left to that one.

    Raises:
        GraphRecError: As `train`.
    """
    snapshot = open_snapshot(snapshot_dir)
    graph = load_graph(snapshot)
    encoder = make_graph_encoder(snapshot.schema, config, run)
    if holdout_days is not None:
        direction = snapshot.schema.parse_edge_type(config.direction)
        encoder.fit(hold_out_last(graph, direction, holdout_days).train_graph)
    encoder.fit(graph)


def _measure(
    snapshot: Snapshot,
    holdout: Holdout,
    models: dict[str, Encoder],
    config: TrainConfig,
    scratch_parent: Path,
    steps: "_Steps",
) -> Report:
    """Fits every model on the past and asks it about the future, through bundles of the past."""
    steps.next("learn from the past")
    graph = holdout.train_graph
    vectors = {name: encoder.fit(graph) for name, encoder in models.items()}
    learner = NewcomerLearner(
        graph, vectors[config.model], snapshot.schema, holdout.edge_type, config.newcomers
    )
    vectors[config.model] = learner.applied(learner.rules())

    steps.next("measure on what came after")
    tasks = tasks_of(holdout, snapshot.schema.parse_edge_type(config.group))
    # Beside the release, because there is room for bundles where a bundle is to be written.
    scratch_parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".measure-", dir=scratch_parent) as scratch:
        recommenders = {
            name: Recommender(
                bundle_of_the_past(
                    Path(scratch) / name, snapshot, holdout, found, quality=config.quality
                )
            )
            for name, found in vectors.items()
        }
        return evaluate(recommenders, tasks, k=config.top_k, cutoff_s=holdout.cutoff_s)


def _unused(folder: Path) -> Path:
    """The folder; BundleError where it exists, before an hour of training is spent on it."""
    if folder.exists():
        raise BundleError(
            f"'{folder}' exists already; bundles are never changed",
            next_step="choose another name or remove it first",
            value=str(folder),
        )
    return folder


class _Steps:
    """Counts the steps of a run and tells whoever wants to know."""

    def __init__(self, on_progress: Progress | None, total: int) -> None:
        self._on_progress = on_progress
        self._total = total
        self._begun = 0

    def next(self, name: str) -> None:
        self._begun += 1
        if self._on_progress:
            self._on_progress(name, self._begun, self._total)
