"""`graphrec index`."""

from dataclasses import asdict
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.table import Table

from graphrec.cli.output import JsonOption, console, print_json
from graphrec.cli.query_commands import BundleArgument
from graphrec.cli.text import escape
from graphrec.query.index import Built, IndexConfig, build_index


class Kind(StrEnum):
    """See `IndexConfig.kind`."""

    AUTO = "auto"
    BOUNDS = "bounds"
    IVF = "ivf"


def register(app: typer.Typer) -> None:
    """Adds the commands of this file."""
    app.command("index")(index_command)


def index_command(
    bundle: BundleArgument,
    kind: Annotated[
        Kind,
        typer.Option(
            help="'bounds' is exact; 'ivf' is FAISS's and approximate; 'auto' takes what pays."
        ),
    ] = Kind.AUTO,
    min_targets: Annotated[
        int, typer.Option(min=1, help="Node types with fewer nodes get no index.")
    ] = IndexConfig().min_targets,
    min_recall: Annotated[
        float, typer.Option(min=0, max=1, help="An approximate index has to find this share.")
    ] = IndexConfig().min_recall,
    as_json: JsonOption = False,
) -> None:
    """Build indexes into a bundle, so that large types are searched without reading all of them.

    Each is measured first: what it finds of the true best, and how much it reads.

    [bold]Examples[/bold]

    graphrec index runs/demo/bundle
    """
    config = IndexConfig(kind=kind.value, min_targets=min_targets, min_recall=min_recall)
    built = build_index(bundle, config)
    if as_json:
        print_json({"indexes": [_facts(one) for one in built]})
    elif built:
        _show(built)
    else:
        console().print(f"no node type has {min_targets:,} nodes with vectors: no index is needed")


def _facts(built: Built) -> dict[str, Any]:
    entry = None if built.entry is None else built.entry.model_dump(mode="json")
    return {**asdict(built), "entry": entry}


def _show(built: list[Built]) -> None:
    table = Table(header_style="bold")
    for heading in ("index", "kind", "rows", "least recall", "seconds", "why"):
        table.add_column(heading)
    for one in built:
        kind, rows, recall = "none", "", ""
        if one.entry is not None:
            kind, rows = one.entry.kind, f"{one.entry.num_rows:,}"
            recall = f"{min(measured.recall for measured in one.entry.measured):.4f}"
        table.add_row(one.name, kind, rows, recall, f"{one.seconds:.1f}", escape(one.reason))
    console().print(table)
