"""Where output goes: results to stdout, all else to stderr; tables or, on request, JSON."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from errno import EBADF
from io import TextIOWrapper
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from graphdb.file_access import of_number, refused
from graphdb.redaction import redacted
from graphrec.cli.text import escape, json_text

_JSON_KEY = "graphrec.json"
_PIPED_WIDTH = 160  # a pipe has no width; 80 columns would fold every table


class OutputConsole(Console):
    """A console that leaves what cannot be printed to the error handling of the command line."""

    def print(self, *objects: Any, **options: Any) -> None:
        for one in objects:
            if isinstance(one, Table):
                _fold(one)
        with to_stdout():
            super().print(*objects, **options)

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


class ErrorConsole(Console):
    """A console that says nothing where it cannot: the exit code tells, and nobody else."""

    def print(self, *objects: Any, **options: Any) -> None:
        with suppress(OSError):
            super().print(*objects, **options)

    def on_broken_pipe(self) -> None:
        pass


def console() -> Console:
    """The console for results, on stdout."""
    plain = OutputConsole(emoji=False)
    return plain if plain.is_terminal else OutputConsole(width=_PIPED_WIDTH, emoji=False)


def _fold(table: Table) -> None:
    """Has a narrow terminal break long words, ids above all, instead of cutting them off."""
    for column in table.columns:
        column.overflow = "fold"


def prepare_streams() -> None:
    """Has signs that a stream cannot carry, as in a Latin-1 terminal, come out as escapes."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def error_console() -> Console:
    """The console for errors, warnings and progress, on stderr."""
    return ErrorConsole(stderr=True, emoji=False)


@contextmanager
def to_stdout() -> Iterator[None]:
    """Raises FileAccessError where results cannot be printed; a closed pipe stays as it is."""
    if sys.stdout is None:  # as `>&-` leaves it
        raise of_number(EBADF, "write to standard output", None)
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        silence_stdout()
        raise refused(error, "write to standard output") from error


def silence_stdout() -> None:
    """Lets the interpreter end quietly though what it holds back cannot be written any more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def warn(message: str) -> None:
    """Says on stderr what is not as it should be, but stops nothing."""
    error_console().print(f"[yellow]Warning:[/yellow] {escape(redacted(message))}", soft_wrap=True)


def print_json(document: Any) -> None:
    """Prints one JSON document on stdout."""
    print_text(json_text(document, sys.stdout, indent=2) + "\n")


def print_text(text: str) -> None:
    """Prints a text on stdout as it is."""
    with to_stdout():
        typer.echo(text, nl=False)


def _remember(ctx: typer.Context, value: bool) -> bool:
    ctx.meta[_JSON_KEY] = value
    return value


def wants_json(ctx: typer.Context) -> bool:
    """Whether the command that ran was given --json."""
    return bool(ctx.meta.get(_JSON_KEY))


JsonOption = Annotated[
    bool,
    typer.Option(
        "--json",
        help="Print one JSON document on stdout and nothing else; errors are JSON on stderr.",
        is_eager=True,
        callback=_remember,
    ),
]
"""Declare `as_json: JsonOption = False` in a command and its errors come out as JSON too."""
