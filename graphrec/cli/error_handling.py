"""Errors of our tree end as one clear line and an exit code, never as a traceback."""

import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import typer
from typer.core import TyperGroup

from graphdb.errors import GraphRecError
from graphdb.file_access import refused
from graphdb.printable import printable
from graphdb.redaction import redacted
from graphrec.cli.output import error_console, prepare_streams, silence_stdout, wants_json
from graphrec.cli.text import escape, json_text

UsageError: Any = typer.BadParameter.__bases__[0]
"""What a wrong option or argument is, under the one name that Typer gives it in public."""

BROKEN_PIPE_EXIT_CODE = 128 + 13  # as if SIGPIPE had ended us, which is what shells expect


class ErrorHandlingGroup(TyperGroup):
    """Runs a command and reports what it raises. Plug-in commands get this for free."""

    def main(self, *arguments: Any, **options: Any) -> Any:
        """Runs the command line, on whatever terminal."""
        prepare_streams()
        return super().main(*arguments, **options)

    def invoke(self, ctx: Any) -> Any:
        """Runs the command; ends with the error's exit code if it raises one of ours."""
        # A command that is called wrongly ends before its own options are read.
        wants_json_early = "--json" in ctx.args
        try:
            return super().invoke(ctx)
        except UsageError as error:
            error.message = printable(redacted(error.message))
            if not (wants_json(ctx) or wants_json_early):
                raise
            report_usage(error)
            raise typer.Exit(error.exit_code) from error
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
    _say_as_json(content)


def report_usage(error: Any) -> None:
    """Prints a wrong option or argument on stderr, as one JSON object."""
    message = error.format_message()
    content = {"error": "UsageError", "message": message, "what": message, "expected": None}
    _say_as_json({**content, "next_step": None, "retryable": False, "exit_code": error.exit_code})


def _say_as_json(content: Mapping[str, Any]) -> None:
    with suppress(OSError):  # nobody else can be told
        typer.echo(json_text(content, sys.stderr), err=True)
