"""Adds the commands of this package to the `graphrec` command line.

Heavy packages, torch included, are imported only when a command runs.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from graphrec.cli.output import JsonOption, console, escape, print_json
from graphrec.cli.progress import progress_bars
from training.cli.evaluate import compare_models_command, evaluate_command, report_command
from training.cli.options import (
    DeviceOption,
    PresetOption,
    SnapshotArgument,
    check_installed,
    chosen_config,
    described,
)
from training.cli.tune import tune_command

if TYPE_CHECKING:
    from training.training_run import TrainReport


def register(app: typer.Typer) -> None:
    """Adds the commands of this package."""
    app.command("train")(train_command)
    app.command("tune")(tune_command)
    app.command("evaluate")(evaluate_command)
    app.command("compare-models")(compare_models_command)
    app.command("report")(report_command)


def train_command(
    snapshot: SnapshotArgument,
    bundle: Annotated[
        str, typer.Argument(metavar="BUNDLE", help="The folder to write; it must not exist.")
    ],
    dim: Annotated[
        int | None,
        typer.Option(help="The dimensions of the SVD.", show_default="chosen"),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="The random seed.", show_default="0")] = (None),
    holdout_days: Annotated[
        int, typer.Option(min=1, help="Hold out this many last days and measure on them first.")
    ] = 28,
    no_holdout: Annotated[
        bool, typer.Option("--no-holdout", help="Do not measure; only train on everything.")
    ] = False,
    preset: PresetOption = None,
    config: Annotated[
        Path | None, typer.Option(help="A TOML file with the config; other options override it.")
    ] = None,
    device: DeviceOption = None,
    run_dir: Annotated[
        Path | None,
        typer.Option(
            help="Keep the log and state of the graph model in this folder, and resume from it."
        ),
    ] = None,
    tensorboard: Annotated[
        bool,
        typer.Option(
            "--tensorboard", help="Also log the epochs for TensorBoard, in the run folder."
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Train a model on a snapshot and write it as a bundle.

    The model first trains without the last weeks and is measured on them, beside popularity. Then
    it trains again on everything.

    [bold]Examples[/bold]

    graphrec train snapshots/today bundles/today

    graphrec train snapshots/today bundles/fixed --preset default

    graphrec train snapshots/today bundles/best --preset svd-graph --run-dir runs/today

    graphrec train snapshots/today bundles/wide --dim 512 --holdout-days 14

    graphrec train snapshots/today bundles/mine --config train.toml --json

    torchrun --standalone --nproc-per-node 2 -m graphrec train snapshots/today b --preset svd-graph
    """
    check_installed()
    from training.gnn.distributed import check_alone, process_group
    from training.models import Run
    from training.training_run import follow, train

    settings = chosen_config(preset, config, dim=dim, seed=seed)
    days = None if no_holdout else holdout_days
    if settings.encoder_name == "svd":
        check_alone("the SVD")
    with process_group(device) as processes, progress_bars() as bar:
        if not processes.is_first:
            run = Run(device, processes=processes)
            follow(snapshot, config=settings, holdout_days=days, run=run)
            return
        task = bar.add_task("", total=None)
        report = train(
            snapshot,
            bundle,
            config=settings,
            holdout_days=days,
            run=Run(
                device,
                run_dir,
                lambda epoch: bar.update(task, description=described(epoch)),
                tensorboard,
                processes,
            ),
            on_progress=lambda step, number, total: bar.update(
                task, description=step, completed=number - 1, total=total
            ),
        )
    if as_json:
        print_json(_as_dict(report))
    else:
        _show(report)


def _as_dict(report: "TrainReport") -> dict[str, Any]:
    manifest = report.bundle.manifest
    return {
        "bundle": str(report.bundle.folder),
        "snapshot_id": manifest.snapshot_id,
        "dim": manifest.dim,
        "chosen": report.selection.to_dict() if report.selection else None,
        "metrics": report.evaluation.to_dict() if report.evaluation else None,
    }


def _show(report: "TrainReport") -> None:
    manifest = report.bundle.manifest
    screen = console()
    for line in report.selection.lines() if report.selection else ():
        screen.print(escape(line), soft_wrap=True, highlight=False)
    if report.evaluation:
        headings, rows = report.evaluation.table()
        table = Table(title=report.evaluation.title, header_style="bold")
        for position, heading in enumerate(headings):
            table.add_column(heading, justify="left" if position < 2 else "right")
        for row in rows:
            table.add_row(*row)
        screen.print(table)
    nodes, edges = sum(manifest.num_nodes.values()), sum(manifest.num_edges.values())
    screen.print(
        f"{escape(str(report.bundle.folder))}: {nodes:,} nodes, {edges:,} edges, "
        f"vectors of length {manifest.dim}",
        soft_wrap=True,
    )
