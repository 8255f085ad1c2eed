"""`graphrec tune`. torch and Optuna are imported only when it runs."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from graphdb.errors import TrainingError
from graphrec.cli.output import JsonOption, console, escape, print_json
from graphrec.cli.progress import progress_bars
from training.cli.options import (
    DeviceOption,
    SnapshotArgument,
    check_installed,
    chosen_config,
    described,
)

if TYPE_CHECKING:
    from training.config import TrainConfig
    from training.tuning import Space, Trial, TuneOptions, TuneReport


class MetricName(StrEnum):
    """The metric to tune for."""

    NDCG = "ndcg"
    RECALL = "recall"


def tune_command(
    snapshot: SnapshotArgument,
    out: Annotated[
        Path | None,
        typer.Option(help="The file to write the best config to, for `graphrec train --config`."),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Overwrite the file of --out.")
    ] = False,
    trials: Annotated[
        int, typer.Option(min=1, help="How many trials in all, including those in --run-dir.")
    ] = 30,
    minutes: Annotated[
        float | None, typer.Option(min=0, help="Start no trial after this many minutes.")
    ] = None,
    metric: Annotated[MetricName, typer.Option(help="The metric to tune for.")] = MetricName.NDCG,
    space: Annotated[
        Path | None,
        typer.Option(help="A TOML file like that of --config, with ranges instead of values."),
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(
            help="The preset for all that is not tuned, as for train.", show_default="default"
        ),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(help="A TOML file for all that is not tuned, including the model."),
    ] = None,
    holdout_days: Annotated[
        int,
        typer.Option(
            min=1, help="Leave out this many last days, because `train` measures on them."
        ),
    ] = 28,
    no_holdout: Annotated[
        bool, typer.Option("--no-holdout", help="Use the whole snapshot.")
    ] = False,
    validation_days: Annotated[
        int | None,
        typer.Option(min=1, help="Compare on this many last days of the rest.", show_default="28"),
    ] = None,
    validation_fraction: Annotated[
        float | None,
        typer.Option(help="Compare on this share of the pairs instead, for data without times."),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(min=0, help="The random seed, also of the models.", show_default="0"),
    ] = None,
    device: DeviceOption = None,
    run_dir: Annotated[
        Path | None,
        typer.Option(help="Keep the study in this folder, and resume it from there."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Find the settings that predict best, without looking at the last weeks.

    The last weeks, on which [bold]train[/bold] measures, are cut off first. Each trial trains
    with other settings on earlier events and predicts the weeks before the cut.

    [bold]Examples[/bold]

    graphrec tune snapshots/today --out best.toml

    graphrec train snapshots/today bundles/best --config best.toml

    graphrec tune snapshots/today --preset svd-graph --trials 50 --minutes 60 --run-dir runs/tune

    graphrec tune snapshots/today --space ranges.toml --metric recall --json
    """
    check_installed()
    from training.config import check_unused, to_toml, write_config
    from training.gnn.distributed import check_alone
    from training.tuning import Split, TuneOptions

    check_alone("graphrec tune")
    base = chosen_config(preset or (None if config else "default"), config, seed=seed)
    if out is not None:
        check_unused(out, overwrite=overwrite)
        to_toml(base)  # what it cannot say should come out before an hour of trials
    if validation_days is not None and validation_fraction is not None:
        raise TrainingError(
            "--validation-days and --validation-fraction were given", expected="one of the two"
        )
    if validation_fraction is not None and not 0 < validation_fraction <= 0.5:
        raise TrainingError(
            f"--validation-fraction is {validation_fraction}",
            expected="above 0, at most 0.5",
            value=validation_fraction,
        )
    split = Split(None if no_holdout else holdout_days, validation_days or 28, validation_fraction)
    options = TuneOptions(trials, minutes, metric.value, split, seed or 0, run_dir)
    report = _tune(snapshot, base, space, options, device)
    if out is not None:
        write_config(out, report.config, _comment(report), overwrite=overwrite)
    if as_json:
        print_json(report.to_dict())
    else:
        _show(report, out)


def _tune(
    snapshot: str,
    base: "TrainConfig",
    space_path: Path | None,
    options: "TuneOptions",
    device: str | None,
) -> "TuneReport":
    from training.tuning import default_space, load_space, tune

    space: Space = load_space(space_path, base) if space_path else default_space(base)
    with progress_bars() as bar:
        task = bar.add_task("read the snapshot", total=options.trials)
        best = 0.0

        def tell(trial: "Trial") -> None:
            nonlocal best
            if trial.reached is not None:
                best = max(best, getattr(trial.reached, options.metric))
            description = f"best {options.metric} {best:.4f}"
            bar.update(task, description=description, completed=trial.number)

        return tune(
            snapshot,
            base,
            space,
            options,
            device=device,
            on_epoch=lambda epoch: bar.update(task, description=described(epoch)),
            on_trial=tell,
        )


def _comment(report: "TuneReport") -> str:
    best = report.best
    assert best.reached is not None
    return (
        f"Written by graphrec tune: trial {best.number} of {len(report.trials)}.\n"
        f"On {report.part}: ndcg@{report.k} {best.reached.ndcg:.4f}, "
        f"recall@{report.k} {best.reached.recall:.4f} "
        f"(popularity {report.popularity.ndcg:.4f}, {report.popularity.recall:.4f})."
    )


def _show(report: "TuneReport", out: Path | None) -> None:
    screen = console()
    headings, rows = report.table()
    table = Table(title=f"new pairs of {report.part}", header_style="bold")
    for heading in headings:
        table.add_column(heading, justify="right")
    for row in rows:
        table.add_row(*row)
    screen.print(table)
    failed = [trial for trial in report.trials if trial.failure]
    if failed:
        numbers = ", ".join(str(trial.number) for trial in failed)
        screen.print(escape(f"failed: {numbers}; the first: {failed[0].failure}"), soft_wrap=True)
    if out is not None:
        screen.print(
            f"{escape(str(out))}: the settings of trial {report.best.number}, for "
            "graphrec train --config",
            soft_wrap=True,
        )
