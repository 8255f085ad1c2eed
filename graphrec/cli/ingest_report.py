"""The table that `graphrec ingest` ends with."""

import shlex
from typing import TYPE_CHECKING

from rich.table import Table

from graphrec.cli.output import console, warn
from graphrec.cli.text import escape

if TYPE_CHECKING:
    from graphdb.ingest import IngestReport


def show_report(report: "IngestReport", store: str) -> None:
    """Prints what became of each table's rows."""
    table = Table(header_style="bold")
    table.add_column("table")
    for name in ("read", "added", "updated", "unchanged", "rejected", "passed over"):
        table.add_column(name, justify="right")
    for entry in report.tables:
        added, updated, unchanged, superseded = entry.counts
        passed_over = entry.merged + entry.skipped + superseded
        numbers = (entry.read, added, updated, unchanged, entry.rejected, passed_over)
        table.add_row(escape(entry.name), *(f"{number:,}" for number in numbers))
    console().print(table)
    if report.counts.superseded:
        console().print(
            f"{report.counts.superseded:,} rows superseded: what is stored of them is newer",
            soft_wrap=True,
        )
    for warning in report.warnings:
        warn(str(warning))
    if report.rejected:
        codes = ", ".join(f"{code} {number:,}" for code, number in report.reject_codes.items())
        console().print(
            f"{report.rejected:,} rows rejected ({codes}); see them with "
            f"[bold]graphrec rejects {escape(shlex.quote(store))}[/bold]",
            soft_wrap=True,
        )
