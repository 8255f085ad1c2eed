"""Errors of our tree end as one clear line and an exit code, never as a traceback."""

import json
from contextlib import suppress
from typing import Any

import typer
from rich.markup import escape
from typer.core import TyperGroup

from graphdb.errors import GraphRecError
from graphdb.file_access import refused
from graphrec.cli.output import error_console, silence_stdout, wants_json

BROKEN_PIPE_EXIT_CODE = 128 + 13  # as if SIGPIPE had ended us, which is what shells expect


class ErrorHandlingGroup(TyperGroup):
    """Runs a command and reports what it raises. Plug-in commands get this for free."""

    def invoke(self, ctx: Any) -> Any:
        """Runs the command; ends with the error's exit code if it raises one of ours."""
        try:
            return super().invoke(ctx)
        except GraphRecError as error:
            report(error, as_json=wants_json(ctx))
            raise typer.Exit(error.exit_code) from error
        except BrokenPipeError as error:
            silence_stdout()
            raise typer.Exit(BROKEN_PIPE_EXIT_CODE) from error
        except OSError as error:  # of what no reader or writer on the way there has translated
            translated = refused(error)
            report(translated, as_json=wants_json(ctx))
            raise typer.Exit(translated.exit_code) from error


def report(error: GraphRecError, *, as_json: bool) -> None:
    """Prints the error on stderr: one line for people, one JSON object for programs."""
    if not as_json:
        error_console().print(f"[bold red]Error:[/bold red] {escape(str(error))}", soft_wrap=True)
        return
    content = {
        "error": type(error).__name__,
        "message": str(error),
        "what": error.what,
        "expected": error.expected,
        "next_step": error.next_step,
        "retryable": error.retryable,
        "exit_code": error.exit_code,
    }
    with suppress(OSError):  # nobody else can be told
        typer.echo(json.dumps(content, ensure_ascii=False), err=True)
