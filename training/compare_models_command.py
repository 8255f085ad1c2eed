"""`graphrec compare-models`. What is heavy is imported only when it runs."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from graphrec.cli.output import JsonOption, console, print_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from training.evaluation.results import Comparison

_SURE = 0.05


def compare_models_command(
    folder: Annotated[
        str, typer.Argument(metavar="FOLDER", help="Folder that `graphrec evaluate` wrote.")
    ],
    other: Annotated[
        str | None,
        typer.Argument(
            metavar="OTHER", help="That of another evaluation of the same; or FOLDER again."
        ),
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="A model of FOLDER; by default the one it is about.")
    ] = None,
    against: Annotated[
        str | None, typer.Option(help="A model of OTHER; by default the one it is about.")
    ] = None,
    resamples: Annotated[
        int, typer.Option(min=1, help="Of the bootstrap, and flips of the paired test.")
    ] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Of both.")] = 0,
    as_json: JsonOption = False,
) -> None:
    """Set any two models side by side that were asked the same, seed by seed.

    [bold]Examples[/bold]

    graphrec compare-models evaluations/today evaluations/both

    graphrec compare-models evaluations/today --model ease --against popularity --json
    """
    from training.evaluation.two_models import compare_models

    found = compare_models(
        folder,
        folder if other is None else other,
        model=model,
        against=against,
        resamples=resamples,
        seed=seed,
    )
    if as_json:
        print_json(
            {task: [one.model_dump(mode="json") for one in ours] for task, ours in found.items()}
        )
        return
    for table in _tables(found):
        console().print(table)


def _tables(found: "Mapping[str, tuple[Comparison, ...]]") -> list[Table]:
    tables = []
    for task, compared in found.items():
        title = f"{task}: {compared[0].model} less {compared[0].against}" if compared else task
        table = Table(title=escape(title), title_justify="left", header_style="bold")
        for heading in ("metric", "difference", "95 % interval", "p"):
            table.add_column(heading, justify="left" if heading == "metric" else "right")
        for one in compared:
            difference = one.difference
            sure = one.p_value < _SURE
            table.add_row(
                escape(one.metric),
                f"{difference.mean:+.4f}",
                f"{difference.low:+.4f} to {difference.high:+.4f}",
                f"{one.p_value:.4f}" if sure else f"[dim]{one.p_value:.4f}",
            )
        tables.append(table)
    return tables
