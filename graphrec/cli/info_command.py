"""`graphrec info`."""

from datetime import datetime
from typing import Annotated, Any

import typer
from rich.table import Table

from graphrec.cli.describe import Description, describe
from graphrec.cli.output import JsonOption, console, print_json
from graphrec.cli.text import escape
from graphrec.nested import flat


def register(app: typer.Typer) -> None:
    """Adds the commands of this file."""
    app.command()(info)


def info(
    path: Annotated[
        str, typer.Argument(metavar="PATH", help="A bundle, REGISTRY@NAME, a snapshot or a store.")
    ],
    verify: Annotated[
        bool, typer.Option("--verify/--no-verify", help="Check file hashes on the way.")
    ] = True,
    as_json: JsonOption = False,
) -> None:
    """Tell what lies at a path: counts, dimensions, cut-off, metrics.

    [bold]Examples[/bold]

    graphrec info runs/demo/bundle

    graphrec info runs/demo/snapshot --json
    """
    description = describe(path, verify=verify)
    if as_json:
        print_json(description.to_dict())
    else:
        _show(description)


def _show(description: Description) -> None:
    screen = console()
    screen.print(f"[bold]{description.kind}[/bold] {escape(description.path)}", soft_wrap=True)
    facts = Table.grid(padding=(0, 2))
    for name, value in flat(description.facts):
        facts.add_row(f"[dim]{escape(name)}[/dim]", escape(_text(value)))
    screen.print(facts)
    counts = Table(header_style="bold")
    counts.add_column("nodes and edges")
    counts.add_column("count", justify="right")
    for group in (description.nodes, description.edges):
        for name, count in group.items():
            counts.add_row(escape(name), f"{count:,}")
        counts.add_section()
    screen.print(counts)


def _text(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S %Z")
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return f"{value:.4g}" if isinstance(value, float) else str(value)
