"""Shows progress bars on stderr; silent if stderr is not a terminal."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Self

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    Task,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

from graphdb.file_access import Closing
from graphdb.printable import printable
from graphrec.cli.output import error_console

if TYPE_CHECKING:
    from graphdb.ingestion import SourceTable


def progress_bars() -> Progress:
    """Progress bars on stderr, removed at the end; silent if it is not a terminal."""
    screen = error_console()
    return Progress(
        _Description("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=screen,
        transient=True,
        disable=not screen.is_terminal,
    )


class _Description(TextColumn):
    """The current step, which may name files and tables."""

    def render(self, task: Task) -> Text:
        return Text(printable(task.description))


class _Bars(Closing):
    """A context that shows progress bars, and removes them at its end."""

    def __init__(self) -> None:
        self._progress = progress_bars()

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def close(self) -> None:
        self._progress.stop()


class IngestProgress(_Bars):
    """One bar over all tables, and one for the current step of a table."""

    def __init__(self, tables: "Sequence[SourceTable]") -> None:
        super().__init__()
        self._done: set[str] = set()
        self._all = self._progress.add_task("tables", total=len(tables))
        self._current = self._progress.add_task("", total=None)
        self._step = ""

    def advance(self, table: "SourceTable", step: str, rows: int) -> None:
        """Shows `rows` more rows of a table as read or written."""
        if self._step != f"{step} {table.name}":
            self._step = f"{step} {table.name}"
            self._progress.reset(self._current, total=table.num_rows, description=self._step)
        self._progress.advance(self._current, rows)
        if step == "write":
            self._done.add(table.name)
            self._progress.update(self._all, completed=len(self._done))

    def step(self, name: str) -> None:
        """Shows a step of unknown length after the tables."""
        self._progress.reset(self._current, total=None, description=name)


class SnapshotProgress(_Bars):
    """One bar over all rows."""

    def __init__(self, total: int) -> None:
        super().__init__()
        self._task = self._progress.add_task("snapshot", total=total)

    def advance(self, name: str, rows: int) -> None:
        """Shows `rows` more rows of a file as written."""
        self._progress.update(self._task, description=f"write {name}", advance=rows)


class PublishProgress(_Bars):
    """One bar for the current step."""

    def __init__(self) -> None:
        super().__init__()
        self._step = ""
        self._task = self._progress.add_task("publish", total=None)

    def advance(self, step: str, done: int, total: int) -> None:
        """Shows how far a step has come."""
        if step != self._step:
            self._step = step
            self._progress.reset(self._task, description=step)
        self._progress.update(self._task, completed=done, total=total)
