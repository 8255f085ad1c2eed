"""`graphrec evaluate`. torch is imported only when it runs."""

import json
from pathlib import Path
from shlex import quote
from typing import Annotated

import typer

from graphrec.cli.output import JsonOption, console, print_json, warn
from graphrec.cli.progress import progress_bars
from graphrec.cli.text import escape
from training.cli_parts import (
    DeviceOption,
    PresetOption,
    SnapshotArgument,
    check_installed,
    chosen_config,
    described,
)
from training.extras import check_report_installed


def evaluate_command(
    snapshot: SnapshotArgument,
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="The folder to write; it must not exist.")
    ],
    preset: PresetOption = None,
    config: Annotated[Path | None, typer.Option(help="The model's settings, as for train.")] = None,
    split: Annotated[
        str, typer.Option(help="What is hidden: 'time', 'leave-last-out' or 'given'.")
    ] = "time",
    pairs: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The pairs to hide, with --split given: a table with the columns source_id and "
            "target_id.",
        ),
    ] = None,
    holdout_days: Annotated[
        int, typer.Option(min=1, help="Hide the last so many days, and ask about them.")
    ] = 28,
    baseline: Annotated[
        list[str] | None,
        typer.Option(
            help="Measure this beside it: popularity, recent-popularity, viewed-not-bought, "
            "item-knn, ials, ease, gf-cf. Once for each.",
            show_default="popularity, recent-popularity, viewed-not-bought, ease",
        ),
    ] = None,
    k: Annotated[
        list[int] | None,
        typer.Option(
            "--k", min=1, help="Length of lists. Once for each.", show_default="5, 10, 20"
        ),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Of all that is random.", show_default="0")
    ] = None,
    resamples: Annotated[
        int, typer.Option(min=1, help="Of the bootstrap, and flips of the paired test.")
    ] = 1000,
    device: DeviceOption = None,
    keep: Annotated[
        Path | None,
        typer.Option(
            help="Keep the network's log and state in this folder; what train kept there is used."
        ),
    ] = None,
    report: Annotated[
        bool, typer.Option("--report", help="Also write it as a page, as `graphrec report` does.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Measure a model on what it could not know, beside baselines that learned the same past.

    Models learn what came before the cut-off and rank all targets for everybody who did something
    after it. FOLDER gets evaluation.json, per_seed.parquet and the bundle of the past. What the
    figures mean: docs/evaluation.md.

    [bold]Examples[/bold]

    graphrec evaluate snapshots/today evaluations/today --report

    graphrec evaluate snapshots/today evaluations/both --preset default --holdout-days 14

    graphrec evaluate snapshots/today evaluations/knn --baseline item-knn --k 10 --k 50

    graphrec evaluate snapshots/today evaluations/last --split leave-last-out

    graphrec evaluate snapshots/today evaluations/json --json
    """
    check_installed()
    if report:
        check_report_installed()
    from training.evaluation.hiding import split_named
    from training.evaluation.run import USUAL_KS, EvaluateOptions, evaluate
    from training.evaluation.tables import tables
    from training.gnn.distributed import check_alone
    from training.models import Run

    check_alone("graphrec evaluate")
    settings = chosen_config(preset, config, seed=seed)
    options = EvaluateOptions(
        split=split_named(split),
        held_pairs=pairs,
        holdout_days=holdout_days,
        baselines=tuple(baseline) if baseline else None,
        ks=tuple(sorted(k)) if k else USUAL_KS,
        seed=seed or 0,
        resamples=resamples,
    )
    with progress_bars() as bar:
        task = bar.add_task("", total=None)
        found = evaluate(
            snapshot,
            folder,
            config=settings,
            options=options,
            run=Run(device, keep, lambda epoch: bar.update(task, description=described(epoch))),
            on_progress=lambda step, number, total: bar.update(
                task, description=step, completed=number - 1, total=total
            ),
        )
    if report:
        from training.report import write_report

        # The closed form logs nothing, so there may be no epochs to draw.
        log = keep if keep is not None and any(keep.rglob("*.jsonl")) else None
        written = write_report(folder, snapshot=snapshot, log=log)
    if as_json:
        print_json(json.loads(found.model_dump_json()))
        return
    for leak in found.leaks:
        if leak.level == "warning":
            warn(f"{leak.check}: {leak.message}")
    screen = console()
    for table in tables(found):
        screen.print(table)
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
