"""Where output goes: results to stdout, all else to stderr; tables or, on request, JSON."""

import json
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

_JSON_KEY = "graphrec.json"
_PIPED_WIDTH = 160  # a pipe has no width; 80 columns would fold every table


class PipeConsole(Console):
    """A console that leaves a closed pipe to the error handling of the command line."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def console() -> Console:
    """The console for results, on stdout."""
    plain = PipeConsole()
    return plain if plain.is_terminal else PipeConsole(width=_PIPED_WIDTH)


def error_console() -> Console:
    """The console for errors, warnings and progress, on stderr."""
    return PipeConsole(stderr=True)


def warn(message: str) -> None:
    """Says on stderr what is not as it should be, but stops nothing."""
    error_console().print(f"[yellow]Warning:[/yellow] {escape(message)}", soft_wrap=True)


def print_json(document: Any) -> None:
    """Prints one JSON document on stdout."""
    typer.echo(json.dumps(document, indent=2, ensure_ascii=False, default=_plain))


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no JSON form")


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
