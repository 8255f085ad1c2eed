"""Defines the commands `graphrec evaluate`, `graphrec compare-models` and `graphrec report`.

Heavy packages, such as torch and Matplotlib, are imported only when a command runs.
"""

import json
from collections import Counter
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated

import typer

from graphdb.errors import TrainingError
from graphrec.cli.output import (
    JsonOption,
    console,
    escape,
    print_json,
    warn,
    warn_of_fonts,
)
from graphrec.cli.progress import progress_bars
from training.cli.options import (
    DeviceOption,
    SnapshotArgument,
    check_installed,
    chosen_config,
    described,
)
from training.extras import check_report_installed

if TYPE_CHECKING:
    from training.config import TrainConfig


def evaluate_command(
    snapshot: SnapshotArgument,
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="The folder to write; it must not exist.")
    ],
    preset: Annotated[
        list[str] | None,
        typer.Option(
            help="What to train, as for train. Repeatable: several models are compared, and one "
            "is recommended.",
            show_default="auto",
        ),
    ] = None,
    config: Annotated[
        list[Path] | None,
        typer.Option(help="A TOML file with the config, as for train. Repeatable, like --preset."),
    ] = None,
    split: Annotated[
        str, typer.Option(help="What to hold out: 'time', 'leave-last-out' or 'given'.")
    ] = "time",
    pairs: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The pairs to hold out, with --split given: a table with the columns source_id "
            "and target_id.",
        ),
    ] = None,
    holdout_days: Annotated[int, typer.Option(min=1, help="Hold out this many last days.")] = 28,
    baseline: Annotated[
        list[str] | None,
        typer.Option(
            help="A baseline to measure: popularity, recent-popularity, personal-frequency, "
            "tifu-knn, up-cf, transitions, decayed-ease, viewed-not-bought, viewed-by-conversion, "
            "viewed-by-item-knn, viewed-then-bought, item-knn, ials, ease, gf-cf. Repeatable.",
            show_default="popularity, recent-popularity, personal-frequency, viewed-not-bought, "
            "ease",
        ),
    ] = None,
    k: Annotated[
        list[int] | None,
        typer.Option(
            "--top-k", min=1, help="A length of lists. Repeatable.", show_default="5, 10, 20"
        ),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="The random seed.", show_default="0")
    ] = None,
    seeds: Annotated[
        int,
        typer.Option(
            min=1, help="Train each model with this many random seeds, to see how far figures vary."
        ),
    ] = 1,
    resamples: Annotated[
        int, typer.Option(min=1, help="Resamples of the bootstrap, and flips of the paired test.")
    ] = 1000,
    device: DeviceOption = None,
    run_dir: Annotated[
        Path | None,
        typer.Option(
            help="Keep the log and state of the graph model in this folder; what train left there "
            "is reused."
        ),
    ] = None,
    report: Annotated[
        bool, typer.Option("--report", help="Also write a page, as `graphrec report` does.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Measure models on held-out events, beside baselines with the same training data.

    Models train on the events before the cut-off and rank all targets for every user who did
    something after it. FOLDER gets evaluation.json, per_query.parquet and the backtest
    bundle. docs/evaluation.md explains the figures.

    [bold]Examples[/bold]

    graphrec evaluate snapshots/today evaluations/today --report

    graphrec evaluate snapshots/today evaluations/two --preset default --preset svd-graph --seeds 3

    graphrec evaluate snapshots/today evaluations/short --preset svd-graph --holdout-days 14

    graphrec evaluate snapshots/today evaluations/knn --baseline item-knn --top-k 10 --top-k 50

    graphrec evaluate snapshots/today evaluations/last --split leave-last-out

    graphrec evaluate snapshots/today evaluations/json --json
    """
    check_installed()
    if report:
        check_report_installed()
    from training.evaluation.run import USUAL_KS, EvaluateOptions, evaluate
    from training.evaluation.tables import summary_lines, tables
    from training.gnn.distributed import check_alone
    from training.models import Run
    from training.splitting.holdout import split_named

    check_alone("graphrec evaluate")
    configs = _configs(preset or [], config or [], seed)
    options = EvaluateOptions(
        split=split_named(split),
        held_pairs=pairs,
        holdout_days=holdout_days,
        baselines=tuple(baseline) if baseline else None,
        ks=tuple(sorted(k)) if k else USUAL_KS,
        seed=seed or 0,
        seeds=seeds,
        resamples=resamples,
    )
    with progress_bars() as bar:
        task = bar.add_task("", total=None)
        found = evaluate(
            snapshot,
            folder,
            config=next(iter(configs.values())) if len(configs) == 1 else configs,
            options=options,
            run=Run(device, run_dir, lambda epoch: bar.update(task, description=described(epoch))),
            on_progress=lambda step, number, total: bar.update(
                task, description=step, completed=number - 1, total=total
            ),
        )
    if report:
        from training.report import write_report

        # The SVD logs nothing, so there may be no epochs to draw.
        log = run_dir if run_dir is not None and any(run_dir.rglob("*.jsonl")) else None
        written = write_report(folder, snapshot=snapshot, log=log)
        warn_of_fonts(written.without_font)
    if as_json:
        print_json(json.loads(found.model_dump_json()))
        return
    for leak in found.leaks:
        if leak.level == "warning":
            warn(f"{leak.check}: {leak.message}")
    screen = console()
    for table in tables(found):
        screen.print(table)
    for line in summary_lines(found):
        screen.print(escape(line), soft_wrap=True)
    screen.print(
        f"{escape(str(folder))}: {len(found.tasks)} tasks, {len(found.models)} models, "
        f"{sum(found.spending.seconds.values()):.0f} s",
        soft_wrap=True,
    )
    screen.print(
        escape(
            f"{written.path} to look at"
            if report
            else f"graphrec report {quote(str(folder))} draws it"
        ),
        soft_wrap=True,
    )


def _configs(presets: list[str], files: list[Path], seed: int | None) -> "dict[str, TrainConfig]":
    """The models to train: presets by their names, files by theirs without the ending.

    Raises:
        TrainingError: Two have one name, or as for `chosen_config`.
    """
    from training.config import DEFAULT_PRESET

    named = [(name, chosen_config(name, None, seed=seed)) for name in presets]
    named += [(file.stem, chosen_config(None, file, seed=seed)) for file in files]
    twice = [name for name, count in Counter(name for name, _ in named).items() if count > 1]
    if twice:
        raise TrainingError(
            f"two models are called '{twice[0]}'",
            expected="one of each name",
            next_step="give each preset once, and files of different names",
            value=twice[0],
        )
    return dict(named) or {DEFAULT_PRESET: chosen_config(None, None, seed=seed)}


def compare_models_command(
    folder: Annotated[
        str, typer.Argument(metavar="FOLDER", help="Folder that `graphrec evaluate` wrote.")
    ],
    other: Annotated[
        str | None,
        typer.Argument(
            metavar="OTHER",
            help="The folder of another evaluation of the same split; by default FOLDER.",
        ),
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="A model of FOLDER; by default the evaluated one.")
    ] = None,
    against: Annotated[
        str | None, typer.Option(help="A model of OTHER; by default the evaluated one.")
    ] = None,
    resamples: Annotated[
        int, typer.Option(min=1, help="Resamples of the bootstrap, and flips of the paired test.")
    ] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="The random seed of both.")] = 0,
    as_json: JsonOption = False,
) -> None:
    """Compare two models that answered the same queries, query by query.

    [bold]Examples[/bold]

    graphrec compare-models evaluations/today evaluations/both

    graphrec compare-models evaluations/today --model ease --against popularity --json
    """
    from training.evaluation.results import FEWEST_QUERIES
    from training.evaluation.tables import tables_of_two
    from training.evaluation.two_models import compare_models

    found = compare_models(
        folder,
        folder if other is None else other,
        model=model,
        against=against,
        resamples=resamples,
        seed=seed,
    )
    for task in [task for task, compared in found.items() if not compared]:
        warn(f"{task}: fewer than {FEWEST_QUERIES} queries, too few to compare")
    if as_json:
        print_json(
            {task: [one.model_dump(mode="json") for one in ours] for task, ours in found.items()}
        )
        return
    for table in tables_of_two({task: ours for task, ours in found.items() if ours}):
        console().print(table)


def report_command(
    folder: Annotated[
        str, typer.Argument(metavar="FOLDER", help="Folder that `graphrec evaluate` wrote.")
    ],
    bundle: Annotated[
        str | None,
        typer.Option(
            help="The bundle for maps, neighbors and the schema.",
            show_default="'past' in the folder",
        ),
    ] = None,
    snapshot: Annotated[
        str | None, typer.Option(help="The snapshot whose nodes and edges to count.")
    ] = None,
    store: Annotated[
        str | None, typer.Option(help="The store whose rejected rows to list.")
    ] = None,
    run_dir: Annotated[
        str | None,
        typer.Option(
            metavar="FOLDER", help="The folder of `train --run-dir` whose epochs to draw."
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(help="The page to write.", show_default="report.html in the folder"),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Write an evaluation as one HTML file that opens without a network.

    The folder [bold]plots[/bold] beside it gets a picture of every chart.

    [bold]Examples[/bold]

    graphrec report evaluations/today

    graphrec report evaluations/today --snapshot snapshots/today --store shop.duckdb

    graphrec report evaluations/today --run-dir runs/today --output today.html --json
    """
    check_report_installed()
    from training.report import write_report

    written = write_report(
        folder, bundle=bundle, snapshot=snapshot, store=store, log=run_dir, output=output
    )
    warn_of_fonts(written.without_font)
    if as_json:
        print_json({"report": str(written.path), "plots": [str(path) for path in written.plots]})
        return
    console().print(
        f"{escape(str(written.path))}, with {len(written.plots)} pictures in "
        f"{escape(str(written.path.parent / 'plots'))}",
        soft_wrap=True,
    )
