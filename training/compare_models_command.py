"""`graphrec compare-models`. What is heavy is imported only when it runs."""

from typing import Annotated

import typer

from graphrec.cli.output import JsonOption, console, print_json, warn


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
