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
from training.data import edge_types_of, load_graph
from training.evaluation.audiences import audience_figures
from training.evaluation.baselines import baseline, check_baselines, usual_baselines
from training.evaluation.creators import OF_BRAND, OF_PRODUCT, TO_CREATOR, creator_tasks
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
from training.evaluation.leaderboard import (
    Configs,
    Contender,
    configs_by_name,
    in_order,
    spread_over_seeds,
    train_contenders,
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
from training.evaluation.tasks import (
    ALL,
    NEW_CATEGORIES,
    NEW_GROUPS,
    EvalTarget,
    Task,
    all_tasks,
    check_enough,
)
from training.models import Run
from training.quality.counts import PRODUCT
from training.splitting.holdout import SplitName, check_pairs, held_out
from training.splitting.split import Holdout
from training.steps import Progress, Steps

USUAL_KS = (5, 10, 20)
BUYING = (SCHEMA.edge_type("PURCHASED"), SCHEMA.edge_type("MADE_BY"))
"""The edge types of purchases and brands, for audiences; see `graphrec.query`."""
LIFT_SHARES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
EXPOSURE_BINS = 10
MOST_SEEDS = 20


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
        seeds: With how many random seeds each model is trained; the figures are those of the
            config's own seed, and those of the next ones are told beside them.
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
    seeds: int = 1
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
        if not 1 <= self.seeds <= MOST_SEEDS:
            raise EvaluationError(
                f"{self.seeds} seeds", expected=f"1 to {MOST_SEEDS}", value=self.seeds
            )
        check_baselines(self.baselines or ())
        check_pairs(self.split, self.held_pairs)

    def further_seeds(self, config: TrainConfig) -> range:
        """Returns the seeds after a config's own one."""
        first = config.svd.seed + 1
        return range(first, first + self.seeds - 1)


@file_access("read or write")
def evaluate(
    data: Graph | Snapshot | str | Path,
    folder: str | Path | None = None,
    *,
    config: TrainConfig | Configs | None = None,
    options: EvaluateOptions | None = None,
    run: Run | None = None,
    on_progress: Progress | None = None,
) -> Evaluation:
    """Measures one or more models on held-out events, beside baselines with the same training data.

    The folder gets `evaluation.json`, `per_query.parquet` and the backtest bundle: `past`, or
    `past-NAME` for each of several models.

    Args:
        data: A graph, a snapshot, or the folder of a snapshot.
        folder: The folder to write; it must not exist. By default none: only the figures are
            returned.
        config: The model to train; or several, by their names in tables. Of several, the results
            recommend one.
        run: The device, and the files of the run.

    Raises:
        EvaluationError: The folder exists, or the models do not fit together.
        SnapshotError: The snapshot cannot be used.
        InsufficientDataError: There is too little data to train on, to hold out or to measure, or
            for a given baseline.
        DataLeakageError: The models would see what is held out.
        DataError: The table of pairs to hold out cannot be used.
        GraphRecError: Other errors of `train`.
    """
    configs, options, run = configs_by_name(config), options or EvaluateOptions(), run or Run()
    if folder is None:
        with temporary_folder("graphrec-evaluation-") as scratch:
            return _evaluate_into(Path(scratch), data, configs, options, run, on_progress)
    folder = Path(folder)
    with atomic_folder(folder, EvaluationError, "evaluations") as unfinished:
        return _evaluate_into(unfinished, data, configs, options, run, on_progress)


def _evaluate_into(
    folder: Path,
    data: Graph | Snapshot | str | Path,
    configs: Configs,
    options: EvaluateOptions,
    run: Run,
    on_progress: Progress | None,
) -> Evaluation:
    config, *_ = configs.values()
    steps = Steps(on_progress, total=3 + len(configs) * (1 + options.seeds))
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
    contenders = train_contenders(folder, snapshot, holdout, configs, run, steps)
    tasks = [task for task in tasks if any(one.served.can_answer(task) for one in contenders)]
    names = options.baselines
    if names is None:
        names = usual_baselines([task.target for task in tasks])
    steps.total += len(names)
    lists: dict[str, dict[str, Ranked]] = {}
    for one in contenders:
        steps.next(f"rank by {one.served.name}")
        lists[one.served.name] = rank_all(one.served, tasks, how.longest)
    seeds = spread_over_seeds(
        folder,
        snapshot,
        holdout,
        configs,
        run,
        steps,
        tasks=tasks,
        lists=lists,
        seeds=options.further_seeds(config),
        k=how.longest,
    )
    of_first = {name: found[tasks[0].name] for name, found in lists.items() if found}
    contenders, chosen = in_order(contenders, tasks[0], of_first, how)
    lists = {one.served.name: lists[one.served.name] for one in contenders}
    for name in names:
        steps.next(f"learn and rank by {name}")
        lists[name] = _of_baseline(name, tasks, how)

    steps.next("measure on what came after")
    past = Past(snapshot, holdout.train_graph, holdout.cutoff_s)
    measured = _measured(tasks, lists, past, options.new_item_days, how, len(contenders))
    model = contenders[0].served
    lifts = _lifts(model, holdout, group, options.seed)

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
        trained=tuple(one.told() for one in contenders),
        recommendation=chosen,
        seeds=seeds,
        tasks=tuple(one.result for one in measured),
        leaks=(*leaks, *([few] if few else []), *_long_lists(tasks[0], how.ks)),
        not_measured=_not_measured(tasks, lifts, (target_edge_type, group)),
        lifts=lifts,
        audiences=audiences_of(model, holdout, group, options.holdout_days, options.seed),
        exposure=_exposure(tasks[0], lists),
        settings=_settings(configs, contenders),
        versions=versions(),
        spending=spending(steps.seconds()),
    )
    found.write(folder)
    return found


def _settings(configs: Configs, contenders: Sequence[Contender]) -> dict[str, object]:
    """Returns the config of the model; of several, each by its name."""
    told = {
        name: {"encoder": config.encoder_name, **config.model_dump(mode="json")}
        for name, config in configs.items()
    }
    if len(told) == 1:
        return next(iter(told.values()))
    return {one.served.name: told[one.served.name] for one in contenders}


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
    """Returns the lifts of audiences of brands and of products, where enough have new buyers."""
    if (holdout.edge_type, group) != BUYING:
        return ()
    return tuple(
        point
        for grouped_by in (group, None)
        if (grouped_by is None or grouped_by in edge_types_of(holdout.train_graph))
        and has_new_buyers(holdout, grouped_by)
        for point in lift_points(model.recommender, holdout, grouped_by, LIFT_SHARES, seed=seed)
    )


_PURCHASES = "purchases before and after the cut-off"
_CARRIED = (
    "creators who first carry a product after the cut-off: PROMOTES edges with `since`, or "
    "PUBLISHED and FEATURES edges with a time"
)
DIRECTIONS: Mapping[str, tuple[str, str]] = {
    "products for a user": (ALL, _PURCHASES),
    "brands for a user": (NEW_GROUPS, f"{_PURCHASES}, of products with a brand"),
    "categories for a user": (NEW_CATEGORIES, f"{_PURCHASES}, of products with a category"),
    "creators for a user": (
        "User-FOLLOWS-Creator",
        "follows of creators before and after the cut-off",
    ),
    "contents for a user": (
        "User-WATCHED-Content",
        "watched contents before and after the cut-off",
    ),
    **{name: (name, _CARRIED) for name in (OF_PRODUCT, OF_BRAND, *TO_CREATOR.values())},
    "users for a brand": ("Brand", "brands with 10 new buyers after the cut-off"),
    "users for a product": ("Product", "products with 10 new buyers after the cut-off"),
}
"""Per direction that can be asked, the task or audience that measures it, and what that needs."""


def _not_measured(
    tasks: Sequence[Task], lifts: Sequence[LiftPoint], asked: tuple[EdgeType, EdgeType]
) -> dict[str, str]:
    """Returns the directions without a task, with what the data lack; none for other edge types."""
    if asked != BUYING:
        return {}
    there = {task.name for task in tasks} | {point.query_type for point in lifts}
    return {name: needs for name, (by, needs) in DIRECTIONS.items() if by not in there}


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
    num_trained: int,
) -> list[Measured]:
    """Returns every task's figures for all models."""
    targets = dict.fromkeys(task.target for task in tasks)
    context = {one: _context(one, past, new_item_days) for one in targets}
    trained = list(lists)[:num_trained]
    return [
        measure(
            task,
            {model: found[task.name] for model, found in lists.items() if task.name in found},
            context[task.target],
            how,
            sum(task.name in lists[model] for model in trained),
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
