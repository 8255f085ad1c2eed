"""From a snapshot to an evaluation: learn from the past, rank, and measure on what came after."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from graphdb.errors import EvaluationError
from graphdb.schema_types import EdgeType
from graphdb.snapshot import open_snapshot
from training.config import TrainConfig
from training.data import load_graph
from training.evaluation.baselines import baseline, check_baselines, usual_baselines
from training.evaluation.groups import (
    Past,
    ages_of,
    categories_of_products,
    num_events,
    seed_groupings,
    target_groupings,
)
from training.evaluation.lists import Catalogue
from training.evaluation.measure import (
    Measured,
    Ranked,
    Resampling,
    Surroundings,
    measure,
    rank_all,
)
from training.evaluation.model import model_of_the_past
from training.evaluation.per_seed import PER_SEED_NAME, write_per_seed
from training.evaluation.results import Evaluation, Protocol
from training.evaluation.spending import spending, versions
from training.evaluation.tasks import Direction, Task, all_tasks
from training.models import Run
from training.pyg import HeteroData
from training.quality.counts import PRODUCT
from training.split import Holdout, hold_out_last
from training.steps import Progress, Steps

PAST = "past"
USUAL_KS = (5, 10, 20)


@dataclass(frozen=True, slots=True)
class EvaluateOptions:
    """What to measure, beside the model's own settings.

    Args:
        holdout_days: The last days, which the models must not know.
        baselines: Names of baselines, see `baselines.MAKERS`; None for the usual ones.
        ks: Lengths of lists, each 1 or more; groups and comparisons are of the longest.
        newcomer_days: Who came so shortly before the cut-off is a newcomer.
        seed: Of the resampling, and of baselines that draw.
        resamples: Of the bootstrap, and flips of the paired test.

    Raises:
        EvaluationError: A number is out of its range, or a name stands for no baseline.
    """

    holdout_days: int = 28
    baselines: tuple[str, ...] | None = None
    ks: tuple[int, ...] = USUAL_KS
    newcomer_days: int = 28
    seed: int = 0
    resamples: int = 1000

    def __post_init__(self) -> None:
        if not self.ks or min(self.ks) < 1 or len(set(self.ks)) < len(self.ks):
            raise EvaluationError(
                f"lengths of lists are {', '.join(map(str, self.ks)) or 'missing'}",
                expected="one or more numbers, 1 or more each, none twice",
                value=self.ks,
            )
        if self.resamples < 1:
            raise EvaluationError(
                f"{self.resamples} resamples", expected="1 or more", value=self.resamples
            )
        check_baselines(self.baselines or ())


def evaluate(
    snapshot_dir: str | Path,
    folder: str | Path,
    *,
    config: TrainConfig | None = None,
    options: EvaluateOptions | None = None,
    run: Run | None = None,
    on_progress: Progress | None = None,
) -> Evaluation:
    """Measures a model and baselines that learned the same past, and keeps what it found.

    The folder gets `evaluation.json`, `per_seed.parquet` and the bundle of the past, `past`.

    Args:
        folder: The folder to write; it must not exist.
        run: Where to train, and what to keep of it on the way.

    Raises:
        EvaluationError: The folder exists.
        SnapshotError: There is no usable snapshot.
        NotEnoughDataError: There is too little to train on, or to hold out.
        GraphRecError: As `train`.
    """
    config, options, run = config or TrainConfig(), options or EvaluateOptions(), run or Run()
    folder = Path(folder)
    if folder.exists():
        raise EvaluationError(
            f"'{folder}' exists already",
            next_step="choose another name or remove it first",
            value=str(folder),
        )
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        found = _evaluate_into(partial, snapshot_dir, config, options, run, on_progress)
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return found


def _evaluate_into(
    folder: Path,
    snapshot_dir: str | Path,
    config: TrainConfig,
    options: EvaluateOptions,
    run: Run,
    on_progress: Progress | None,
) -> Evaluation:
    steps = Steps(on_progress, total=5)
    steps.next("read the snapshot")
    snapshot = open_snapshot(snapshot_dir)
    graph = load_graph(snapshot)
    direction = snapshot.schema.parse_edge_type(config.direction)
    holdout = _held_out(graph, direction, options)
    group = snapshot.schema.parse_edge_type(config.group)
    tasks = all_tasks(graph, holdout, snapshot.schema, group)
    names = options.baselines
    if names is None:
        names = usual_baselines(tasks[0].direction)
    steps.total += len(names)

    how = Resampling(options.ks, options.resamples, options.seed)
    steps.next("learn from the past")
    model = model_of_the_past(folder / PAST, snapshot, holdout, config, run.part(PAST))
    tasks = [task for task in tasks if model.can_answer(task)]
    steps.next(f"rank by {model.name}")
    lists = {model.name: rank_all(model, tasks, how.longest)}
    for name in names:
        steps.next(f"learn and rank by {name}")
        lists[name] = rank_all(baseline(name, options.seed), tasks, how.longest)

    steps.next("measure on what came after")
    past = Past(snapshot, holdout.train_graph, holdout.cutoff_s)
    measured = _measured(tasks, lists, past, options.newcomer_days, how)

    steps.next("write the results")
    write_per_seed(folder / PER_SEED_NAME, snapshot, measured)
    found = Evaluation(
        created_at=datetime.now(UTC),
        snapshot_id=snapshot.snapshot_id,
        direction=str(direction),
        protocol=Protocol(
            split="time",
            cutoff=holdout.cutoff,
            holdout_days=options.holdout_days,
            ks=options.ks,
            seed=options.seed,
            resamples=options.resamples,
        ),
        models=tuple(lists),
        tasks=tuple(one.result for one in measured),
        leaks=(),
        lifts=(),
        exposure=(),
        settings=config.model_dump(mode="json"),
        versions=versions(),
        spending=spending(steps.seconds()),
    )
    found.write(folder)
    return found


def _held_out(graph: HeteroData, direction: EdgeType, options: EvaluateOptions) -> Holdout:
    """What the models may know, and what they are asked."""
    return hold_out_last(graph, direction, options.holdout_days)


def _measured(
    tasks: Sequence[Task],
    lists: Mapping[str, Mapping[str, Ranked]],
    past: Past,
    newcomer_days: int,
    how: Resampling,
) -> list[Measured]:
    """Every task's figures for all models."""
    directions = dict.fromkeys(task.direction for task in tasks)
    around = {one: _surroundings(one, past, newcomer_days) for one in directions}
    return [
        measure(
            task,
            {model: found[task.name] for model, found in lists.items()},
            around[task.direction],
            how,
        )
        for task in tasks
    ]


def _surroundings(direction: Direction, past: Past, newcomer_days: int) -> Surroundings:
    """What the past tells of the seeds and targets of a direction."""
    target_type = direction.edge_type.target
    of_seeds, of_targets = num_events(direction.graph, direction.edge_type)
    ages = ages_of(past, target_type)
    return Surroundings(
        seed_groupings(of_seeds),
        target_groupings(past, target_type, of_targets),
        Catalogue(
            num_events=of_targets,
            categories=categories_of_products(past) if target_type == PRODUCT else None,
            newcomers=None if ages is None else ages <= newcomer_days,
        ),
    )
