"""`graphrec report`. Matplotlib and the like are imported only when it runs."""

from pathlib import Path
from typing import Annotated

import typer

from graphrec.cli.output import JsonOption, console, print_json
from graphrec.cli.text import escape
from training.extras import check_report_installed


def report_command(
    folder: Annotated[
        str, typer.Argument(metavar="FOLDER", help="Folder that `graphrec evaluate` wrote.")
    ],
    bundle: Annotated[
        str | None,
        typer.Option(
            help="For maps, neighbours and the schema.", show_default="'past' in the folder"
        ),
    ] = None,
    snapshot: Annotated[
        str | None, typer.Option(help="Count the nodes and edges of this snapshot.")
    ] = None,
    store: Annotated[
        str | None, typer.Option(help="Tell which rows ingest set aside in this store.")
    ] = None,
    log: Annotated[
        str | None,
        typer.Option(metavar="KEEP_FOLDER", help="Draw the epochs that `train --keep` logged."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(help="The page to write.", show_default="report.html in the folder"),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Write an evaluation as one HTML file that opens without a network.

    Beside it, in [bold]plots[/bold], comes a picture of every chart.

    [bold]Examples[/bold]

    graphrec report evaluations/today

    graphrec report evaluations/today --snapshot snapshots/today --store shop.duckdb

    graphrec report evaluations/today --log keep/today --output today.html --json
    """
    check_report_installed()
    from training.report import write_report

    written = write_report(
        folder, bundle=bundle, snapshot=snapshot, store=store, log=log, output=output
    )
    if as_json:
        print_json({"report": str(written.path), "plots": [str(path) for path in written.plots]})
        return
    console().print(
        f"{escape(str(written.path))}, with {len(written.plots)} pictures in "
        f"{escape(str(written.path.parent / 'plots'))}",
        soft_wrap=True,
    )
