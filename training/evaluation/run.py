"""Runs an evaluation on a snapshot: trains on the past, ranks, and measures on the holdout."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from graphdb import Graph
from graphdb.atomic import atomic_folder
from graphdb.errors import EvaluationError, InsufficientDataError
from graphdb.file_access import file_access, temporary_folder
from graphdb.graph import snapshot_of
from graphdb.schema import SCHEMA
from graphdb.schema_types import EdgeType
from graphdb.snapshot import Snapshot
from graphrec.bundle import AudienceFigures
from training.config import TrainConfig
from training.data import load_graph
from training.evaluation.audiences import audience_figures
from training.evaluation.backtest import train_backtest_model
from training.evaluation.baselines import baseline, check_baselines, usual_baselines
from training.evaluation.creators import creator_tasks
from training.evaluation.groups import (
    Past,
    ages_of,
    categories_of_products,
    num_events,
    query_groupings,
    spending,
    target_groupings,
    versions,
)
from training.evaluation.leaks import check_leaks
from training.evaluation.lookalikes import has_new_buyers, lift_points
from training.evaluation.measure import (
    PER_QUERY_NAME,
    EvalContext,
    Measured,
    Ranked,
    Resampling,
    measure,
    rank_all,
    write_per_query,
)
from training.evaluation.rankers import Catalogue, Served, exposure
from training.evaluation.results import (
    Evaluation,
    ExposurePoint,
    LeakFinding,
    LiftPoint,
    Protocol,
)
from training.evaluation.tasks import EvalTarget, Task, all_tasks, check_enough
from training.models import Run
from training.quality.counts import PRODUCT
from training.splitting.holdout import SplitName, check_pairs, held_out
from training.splitting.split import Holdout
from training.steps import Progress, Steps

PAST = "past"
USUAL_KS = (5, 10, 20)
BUYING = (SCHEMA.edge_type("PURCHASED"), SCHEMA.edge_type("MADE_BY"))
"""The edge types of purchases and brands, for audiences; see `graphrec.query`."""
LIFT_SHARES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
EXPOSURE_BINS = 10


@dataclass(frozen=True, slots=True)
class EvaluateOptions:
    """The options of an evaluation.

    Args:
        split: 'time', 'leave-last-out' or 'given'.
        holdout_days: The last days to hold out, with the split by time.
        held_pairs: A table of the pairs to hold out, with the given split.
        baselines: Names of baselines, see `baselines.MAKERS`; None for the default ones.
        ks: The lengths of lists, each 1 or more; groups and comparisons use the longest.
        new_item_days: Items that came within this many days before the cut-off are new.
        seed: The seed of resampling, and of baselines with randomness.
        resamples: Resamples of the bootstrap, and flips of the paired test.

    Raises:
        EvaluationError: A number is out of its range, or a baseline does not exist.
    """

    split: SplitName = "time"
    holdout_days: int = 28
    held_pairs: Path | None = None
    baselines: tuple[str, ...] | None = None
    ks: tuple[int, ...] = USUAL_KS
    new_item_days: int = 28
    seed: int = 0
    resamples: int = 1000

    def __post_init__(self) -> None:
        if not self.ks or min(self.ks) < 1 or len(set(self.ks)) < len(self.ks):
            raise EvaluationError(
                f"lengths of lists are {', '.join(map(str, self.ks)) or 'missing'}",
                expected="one or more distinct numbers, 1 or more each",
                value=self.ks,
            )
        if self.resamples < 1:
            raise EvaluationError(
                f"{self.resamples} resamples", expected="1 or more", value=self.resamples
            )
        check_baselines(self.baselines or ())
        check_pairs(self.split, self.held_pairs)


@file_access("read or write")
def evaluate(
    data: Graph | Snapshot | str | Path,
    folder: str | Path | None = None,
    *,
    config: TrainConfig | None = None,
    options: EvaluateOptions | None = None,
    run: Run | None = None,
    on_progress: Progress | None = None,
) -> Evaluation:
    """Measures a model on held-out events, beside baselines with the same training data.

    The folder gets `evaluation.json`, `per_query.parquet` and the backtest bundle, `past`.

    Args:
        data: A graph, a snapshot, or the folder of a snapshot.
        folder: The folder to write; it must not exist. By default none: only the figures are
            returned.
        run: The device, and the files of the run.

    Raises:
        EvaluationError: The folder exists.
        SnapshotError: The snapshot cannot be used.
        InsufficientDataError: There is too little data to train on, to hold out or to measure, or
            for a given baseline.
        DataLeakageError: The models would see what is held out.
        DataError: The table of pairs to hold out cannot be used.
        GraphRecError: Other errors of `train`.
    """
    config, options, run = config or TrainConfig(), options or EvaluateOptions(), run or Run()
    if folder is None:
        with temporary_folder("graphrec-evaluation-") as scratch:
            return _evaluate_into(Path(scratch), data, config, options, run, on_progress)
    folder = Path(folder)
    with atomic_folder(folder, EvaluationError, "evaluations") as unfinished:
        return _evaluate_into(unfinished, data, config, options, run, on_progress)


def _evaluate_into(
    folder: Path,
    data: Graph | Snapshot | str | Path,
    config: TrainConfig,
    options: EvaluateOptions,
    run: Run,
    on_progress: Progress | None,
) -> Evaluation:
    steps = Steps(on_progress, total=5)
    steps.next("read the snapshot")
    snapshot = snapshot_of(data)
    graph = load_graph(snapshot)
    target_edge_type = snapshot.schema.parse_edge_type(config.target_edge_type)
    holdout = held_out(
        snapshot,
        graph,
        target_edge_type,
        split=options.split,
        days=options.holdout_days,
        held_pairs=options.held_pairs,
    )
    leaks = check_leaks(graph, holdout, snapshot.schema)
    group = snapshot.schema.parse_edge_type(config.group)
    tasks = all_tasks(graph, holdout, snapshot.schema, group)
    if holdout.cutoff_s is not None and (target_edge_type, group) == BUYING:
        past = holdout.train_graph
        tasks += creator_tasks(graph, past, holdout.cutoff_s, snapshot.schema)
    few = check_enough(tasks, holdout)
    how = Resampling(options.ks, options.resamples, options.seed)
    steps.next("learn from the past")
    model = train_backtest_model(folder / PAST, snapshot, holdout, config, run.part(PAST))
    tasks = [task for task in tasks if model.can_answer(task)]
    names = options.baselines
    if names is None:
        names = usual_baselines([task.target for task in tasks])
    steps.total += len(names)
    steps.next(f"rank by {model.name}")
    lists = {model.name: rank_all(model, tasks, how.longest)}
    for name in names:
        steps.next(f"learn and rank by {name}")
        lists[name] = _of_baseline(name, tasks, how)

    steps.next("measure on what came after")
    past = Past(snapshot, holdout.train_graph, holdout.cutoff_s)
    measured = _measured(tasks, lists, past, options.new_item_days, how)

    steps.next("write the results")
    write_per_query(folder / PER_QUERY_NAME, snapshot, measured)
    found = Evaluation(
        created_at=datetime.now(UTC),
        snapshot_id=snapshot.snapshot_id,
        target_edge_type=str(target_edge_type),
        protocol=Protocol(
            split=options.split,
            cutoff=holdout.cutoff,
            holdout_days=options.holdout_days if options.split == "time" else None,
            ks=options.ks,
            seed=options.seed,
            resamples=options.resamples,
        ),
        models=tuple(lists),
        tasks=tuple(one.result for one in measured),
        leaks=(*leaks, *([few] if few else []), *_long_lists(tasks[0], how.ks)),
        lifts=_lifts(model, holdout, group, options.seed),
        audiences=audiences_of(model, holdout, group, options.holdout_days, options.seed),
        exposure=_exposure(tasks[0], lists),
        settings={"encoder": config.encoder_name, **config.model_dump(mode="json")},
        versions=versions(),
        spending=spending(steps.seconds()),
    )
    found.write(folder)
    return found


def _long_lists(task: Task, ks: Sequence[int]) -> tuple[LeakFinding, ...]:
    """Warns if lists are as long as the number of targets."""
    number = task.truth.num_targets
    too_long = [k for k in ks if k >= number]
    if not too_long:
        return ()
    lengths = " and ".join(map(str, too_long))
    return (
        LeakFinding(
            check="length of lists",
            level="warning",
            message=f"lists of {lengths} fit all {number:,} {task.target_type} nodes: "
            "recall is meaningless",
            figures={"targets": number},
        ),
    )


def _of_baseline(name: str, tasks: Sequence[Task], how: Resampling) -> dict[str, Ranked]:
    """Returns a baseline's lists for all tasks that it supports."""
    ranker = baseline(name, how.seed)
    if not any(map(ranker.can_answer, tasks)):
        raise InsufficientDataError(
            f"there is no data for the baseline '{name}'",
            next_step="leave it out",
            value=name,
        )
    return rank_all(ranker, tasks, how.longest)


def _lifts(model: Served, holdout: Holdout, group: EdgeType, seed: int) -> tuple[LiftPoint, ...]:
    """Returns the lifts of audiences; none if no brand has enough new buyers."""
    asked = (holdout.edge_type, group)
    if asked != BUYING or not has_new_buyers(holdout, group):
        return ()
    return lift_points(model.recommender, holdout, group, LIFT_SHARES, seed=seed)


def audiences_of(
    model: Served, holdout: Holdout, group: EdgeType, window_days: int, seed: int
) -> dict[str, AudienceFigures]:
    """Returns the audience figures by type; empty without purchases."""
    if (holdout.edge_type, group) != BUYING:
        return {}
    return audience_figures(model.recommender, holdout, group, window_days, seed=seed)


def _exposure(task: Task, lists: Mapping[str, Mapping[str, Ranked]]) -> tuple[ExposurePoint, ...]:
    """Returns the exposure of a task's targets, over all models with results; none without."""
    _, of_targets = num_events(task.target.graph, task.target.edge_type)
    shown = {
        model: found[task.name].rows
        for model, found in lists.items()
        if task.name in found and (found[task.name].rows >= 0).any()
    }
    return exposure(shown, task.truth, of_targets, EXPOSURE_BINS) if shown else ()


def _measured(
    tasks: Sequence[Task],
    lists: Mapping[str, Mapping[str, Ranked]],
    past: Past,
    new_item_days: int,
    how: Resampling,
) -> list[Measured]:
    """Returns every task's figures for all models."""
    targets = dict.fromkeys(task.target for task in tasks)
    context = {one: _context(one, past, new_item_days) for one in targets}
    return [
        measure(
            task,
            {model: found[task.name] for model, found in lists.items() if task.name in found},
            context[task.target],
            how,
        )
        for task in tasks
    ]


def _context(target: EvalTarget, past: Past, new_item_days: int) -> EvalContext:
    """Returns the groups of queries and targets of a target edge type."""
    target_type = target.edge_type.target
    of_queries, of_targets = num_events(target.graph, target.edge_type)
    ages = ages_of(past, target_type)
    return EvalContext(
        query_groupings(of_queries, target.edge_type.source),
        target_groupings(past, target_type, of_targets),
        Catalogue(
            num_events=of_targets,
            categories=categories_of_products(past) if target_type == PRODUCT else None,
            new_items=None if ages is None else ages <= new_item_days,
        ),
    )
