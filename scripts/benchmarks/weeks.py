"""How well are held-out weeks of purchases predicted, beside the usual baselines?

SNAPSHOT is a folder that `graphrec snapshot` wrote, such as that of the demo. Its last four weeks
are held out; with --validate they are cut off, and the four weeks before them are held out: the
way to choose settings. Every model learns users' purchases; for brands, the baselines learn the
same purchases as events of users and brands. To all, recent purchases count more. Presets are
trained as `graphrec train --preset` trains them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.data.weeks import WEEKS, held_out_weeks
from benchmarks.harness import Arguments, Bench, Kind, Timer, measure, text
from graphrec.bundle import Adjacency
from training.config import make_config, preset_path, presets
from training.evaluation.baselines import EASE, IALS, ITEM_KNN, MAKERS, PERSONAL, POPULARITY, RECENT
from training.evaluation.metrics import Scorer, VectorScorer, metrics_at_k
from training.evaluation.tasks import EvalTarget, Task, first_tasks
from training.models import Run, make_encoder
from training.pairs import without
from training.sparse_ops import csr_of
from training.splitting.split import Holdout

K = 20


@dataclass(frozen=True)
class EvalTask:
    """What is to be found, and what is no answer."""

    name: str
    truth: Adjacency
    taken: Adjacency | None


def arguments(arguments: Arguments) -> None:
    arguments.snapshot()
    arguments.threads(2)
    arguments.add("--presets", nargs="*", choices=presets(), default=["default"])


def run(bench: Bench) -> None:
    options = bench.options
    weeks = held_out_weeks(options.snapshot, validate=options.validate)
    tasks = first_tasks(weeks.holdout, weeks.schema, weeks.schema.edge_type("MADE_BY"))
    products, brands = questions(tasks, weeks.holdout)
    table = bench.table(
        f"{WEEKS} weeks, {weeks.part} part",
        text("model"),
        *(
            measure(f"{one.name}, {metric}@{K}", 4, "higher")
            for one in (*products, brands)
            for metric in ("recall", "NDCG")
        ),
        measure("seconds", 0),
    )
    targets = tasks[0].target, tasks[-1].target
    for kind, name, of_products, of_brands, seconds in fitted(
        targets, options.presets, options.seed
    ):
        found = [each for one in products for each in reached(of_products, one)]
        bench.say(*table.add(name, *found, *reached(of_brands, brands), seconds, kind=kind))


def questions(tasks: list[Task], holdout: Holdout) -> tuple[list[EvalTask], EvalTask]:
    every, new, brands = (
        EvalTask(task.name, task.truth, task.target.seen if task.exclude_seen else None)
        for task in tasks
    )
    repeated = EvalTask("bought before", without(holdout.truth, holdout.new_truth), None)
    return [every, repeated, new], brands


def fitted(
    targets: tuple[EvalTarget, EvalTarget], presets: Sequence[str], seed: int
) -> Iterator[tuple[Kind, str, Scorer, Scorer, float]]:
    """Every model's scorers of products and of brands, and the seconds that they took."""
    timer = Timer()
    for name in (POPULARITY, RECENT, PERSONAL, ITEM_KNN, EASE, IALS):
        with timer:
            of_products, of_brands = (
                MAKERS[name](target, seed).fit(target.graph) for target in targets
            )
        yield Kind.BASELINE, name, of_products, of_brands, timer.clock.last
    products, brands = targets
    for name in presets:
        with timer:
            config = make_config(preset_path(name), {"seed": seed}, {"seed": seed})
            encoder = make_encoder(products.schema, products.edge_type, config, Run())
            vectors = encoder.fit(products.graph)
        scorers = (VectorScorer.along(vectors, one.edge_type) for one in (products, brands))
        yield Kind.OURS, f"preset {name}", *scorers, timer.clock.last


def reached(scorer: Scorer, asked: EvalTask) -> tuple[float, float]:
    taken = None if asked.taken is None else csr_of(asked.taken)
    found = metrics_at_k(scorer, taken, asked.truth, K)
    return found.recall, found.ndcg
