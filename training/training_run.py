"""Trains a bundle from a snapshot: evaluates on the last weeks, then trains on everything."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa

from graphdb import Graph
from graphdb.atomic import refuse_existing
from graphdb.errors import BundleError
from graphdb.file_access import file_access, remove_with, scratch_folder
from graphdb.graph import snapshot_of
from graphdb.snapshot import Snapshot, open_snapshot
from graphdb.tabular import Tabular, html_table
from graphrec.bundle import Bundle
from graphrec.registry.places import copy_in
from training.bundling import Learned, bundle_up, learn
from training.config import TrainConfig, default_config
from training.data import load_graph
from training.evaluation.backtest import served_of
from training.evaluation.baselines import POPULARITY, baseline
from training.evaluation.rankers import Ranker, Served
from training.evaluation.run import audiences_of
from training.evaluation.tables import Report, summarise
from training.evaluation.tasks import first_tasks
from training.models import Run, make_graph_encoder
from training.selection import Selection, select_config
from training.splitting.split import Holdout, hold_out_last
from training.steps import Progress, Steps


@dataclass(frozen=True, slots=True)
class TrainReport(Tabular):
    """The result of a training run; `Recommender.from_training` answers from it.

    Args:
        bundle: The release, trained on the whole snapshot.
        evaluation: The metrics of the same model on the held-out days, trained without them; None
            without a holdout.
        selection: The settings that the program chose; None where it was not asked to.
    """

    bundle: Bundle
    evaluation: Report | None
    selection: Selection | None = None

    def save(self, folder: str | Path) -> Path:
        """Copies the bundle to a new folder, to keep it or to serve it elsewhere.

        Returns:
            The folder.

        Raises:
            BundleError: The folder exists.
        """
        copy_in(self.bundle, Path(folder), verify=True, error=BundleError, what="bundles")
        return Path(folder)

    def to_arrow(self) -> pa.Table:
        """Returns the scores on the holdout, one row per task and model; none without a holdout."""
        return _scores_table(self.evaluation)

    def __repr__(self) -> str:
        return f"<{self._summary()}>"

    def _repr_html_(self) -> str:
        if self.evaluation is None:
            return html_table("trained without a holdout", [], note=self._summary())
        headings, rows = self.evaluation.table()
        scores = [dict(zip(headings, row, strict=True)) for row in rows]
        return html_table(self.evaluation.title, scores, note=self._summary())

    def _summary(self) -> str:
        manifest = self.bundle.manifest
        nodes, edges = sum(manifest.num_nodes.values()), sum(manifest.num_edges.values())
        return f"bundle of {nodes:,} nodes, {edges:,} edges, vectors of length {manifest.dim}"


def _scores_table(evaluation: Report | None) -> pa.Table:
    """The scores as a table."""
    k = evaluation.k if evaluation else TrainConfig().top_k
    scores = evaluation.scores if evaluation else ()
    columns: list[tuple[str, str, pa.DataType]] = [
        ("task", "task", pa.string()),
        ("model", "model", pa.string()),
        (f"recall@{k}", "recall", pa.float64()),
        (f"ndcg@{k}", "ndcg", pa.float64()),
        ("queries", "num_queries", pa.int64()),
    ]
    return pa.table(
        {
            name: pa.array([getattr(score, of) for score in scores], kind)
            for name, of, kind in columns
        }
    )


@file_access("read or write")
def train(
    data: Graph | Snapshot | str | Path,
    out_dir: str | Path | None = None,
    *,
    config: TrainConfig | None = None,
    holdout_days: int | None = 28,
    run: Run | None = None,
    on_progress: Progress | None = None,
) -> TrainReport:
    """Trains a model and writes it as a bundle.

    Args:
        data: A graph, a snapshot, or the folder of a snapshot.
        out_dir: The folder to write; it must not exist. By default a temporary one, which is
            removed when the bundle is no longer used; `TrainReport.save` keeps it.
        holdout_days: The model first trains without this many last days and is evaluated on them,
            next to popularity. Then it trains again on everything. None skips the evaluation.
        run: The device, and the files of the run. If several processes train together, the
            first calls this and the others call `follow`.

    Raises:
        BundleError: `out_dir` exists.
        SnapshotError: The snapshot cannot be used.
        InsufficientDataError: There is too little data to train on or to hold out.
        SchemaError: The config names a relation that the snapshot's schema does not have.
        InsufficientMemoryError: The graph model needs more memory than there is.
        DivergedError: The loss of the graph model became NaN or infinite.
        CheckpointError: The state in the folder of `run` is of another run.
        WorkerLostError: Another process has ended.
    """
    config, run = config or default_config(), run or Run()
    if out_dir is None:
        with scratch_folder("graphrec-bundle-") as scratch:
            report = train(
                data,
                scratch / "bundle",
                config=config,
                holdout_days=holdout_days,
                run=run,
                on_progress=on_progress,
            )
        remove_with(report.bundle, scratch)
        return report
    out_dir = _unused(Path(out_dir))
    steps = Steps(on_progress, total=(3 if holdout_days is None else 6) + config.selection.enabled)

    steps.next("read the snapshot")
    snapshot = snapshot_of(data)
    graph = load_graph(snapshot)
    target_edge_type = snapshot.schema.parse_edge_type(config.target_edge_type)

    evaluation, audiences, selection, past = None, {}, None, graph
    if holdout_days is not None:
        steps.next(f"hold out the last {holdout_days} days")
        holdout = hold_out_last(graph, target_edge_type, holdout_days)
        past = holdout.train_graph
    if config.selection.enabled:
        steps.next("choose settings")
        selection = select_config(past, snapshot.schema, target_edge_type, config)
        config = selection.config
    if holdout_days is not None:
        steps.next("learn from the past")
        earlier = learn(past, snapshot.schema, target_edge_type, config, run.part("past"))
        with _past(snapshot, holdout, config, earlier, out_dir.parent) as model:
            steps.next("measure on what came after")
            evaluation = _measured(snapshot, holdout, config, model)
            group = snapshot.schema.parse_edge_type(config.group)
            audiences = audiences_of(model, holdout, group, holdout_days, config.svd.seed)

    steps.next("learn from everything")
    learned = learn(graph, snapshot.schema, target_edge_type, config, run.part("everything"))
    steps.next("write the bundle")
    bundle = bundle_up(
        out_dir,
        snapshot,
        graph,
        learned,
        cutoff=None,
        config={
            "encoder": config.encoder_name,
            "holdout_days": holdout_days,
            **config.model_dump(),
            **({} if selection is None else {"chosen": selection.to_dict()}),
        },
        metrics=evaluation.to_dict() if evaluation else {},
        quality=config.quality,
        audiences=audiences,
    )
    return TrainReport(bundle, evaluation, selection)


def follow(
    snapshot_dir: str | Path, *, config: TrainConfig, holdout_days: int | None, run: Run
) -> None:
    """Trains the graph model together with a process that calls `train` with the same arguments.

    Only that process does everything else, such as the SVD and writing files.

    Raises:
        GraphRecError: As `train`.
    """
    snapshot = open_snapshot(snapshot_dir)
    graph = load_graph(snapshot)
    encoder = make_graph_encoder(snapshot.schema, config, run)
    if holdout_days is not None:
        target_edge_type = snapshot.schema.parse_edge_type(config.target_edge_type)
        encoder.fit(hold_out_last(graph, target_edge_type, holdout_days).train_graph)
    encoder.fit(graph)


@contextmanager
def _past(
    snapshot: Snapshot,
    holdout: Holdout,
    config: TrainConfig,
    learned: Learned,
    scratch_parent: Path,
) -> Iterator[Served]:
    """Opens the model of the past, for the evaluation on the holdout."""
    # Next to the release: that disk has room for bundles.
    scratch_parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".measure-", dir=scratch_parent) as scratch:
        yield served_of(Path(scratch) / "past", snapshot, holdout, config, learned)


def _measured(snapshot: Snapshot, holdout: Holdout, config: TrainConfig, model: Served) -> Report:
    """Returns the metrics of the backtest bundle, next to popularity."""
    group = snapshot.schema.parse_edge_type(config.group)
    tasks = first_tasks(holdout, snapshot.schema, group)
    models: list[Ranker] = [baseline(POPULARITY, config.svd.seed), model]
    return summarise(models, tasks, k=config.top_k, cutoff=holdout.cutoff)


def _unused(folder: Path) -> Path:
    """Returns the folder, or raises BundleError before the training if it exists."""
    refuse_existing(folder, BundleError, "bundles")
    return folder
