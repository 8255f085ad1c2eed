"""Builds the command line from graphrec's own commands and those of installed plug-ins.

Each GraphRecError becomes one line and an exit code, never a traceback.
"""

import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from importlib.metadata import entry_points
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from graphdb.errors import GraphRecError
from graphdb.file_access import refused
from graphdb.printable import printable, redacted
from graphrec import __version__
from graphrec.cli import (
    audience_commands,
    bundle_commands,
    compare_command,
    delete_commands,
    explore_commands,
    info_command,
    query_commands,
    registry_commands,
    store_commands,
)
from graphrec.cli.output import (
    error_console,
    escape,
    json_text,
    prepare_streams,
    silence_stdout,
    wants_json,
    warn,
)

UsageError: Any = typer.BadParameter.__bases__[0]
"""The error of a wrong option or argument, under Typer's public name."""

BROKEN_PIPE_EXIT_CODE = 128 + 13  # the exit code of a process that SIGPIPE ended, as shells expect


class ErrorHandlingGroup(TyperGroup):
    """Runs a command and reports its errors, for plug-in commands too."""

    def main(self, *arguments: Any, **options: Any) -> Any:
        """Runs the command line on any terminal."""
        prepare_streams()
        return super().main(*arguments, **options)

    def invoke(self, ctx: Any) -> Any:
        """Runs the command, and exits with the code of a GraphRecError."""
        # A wrong call ends before the options of its command are read.
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
        except OSError as error:  # of an operation that no reader or writer has translated
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
    with suppress(OSError):  # stderr is closed: there is no one to report to
        typer.echo(json_text(content, sys.stderr), err=True)


PLUGIN_GROUP = "graphrec.commands"

_COMMANDS = (
    store_commands,
    delete_commands,
    query_commands,
    explore_commands,
    audience_commands,
    info_command,
    bundle_commands,
    registry_commands,
    compare_command,
)
"""Every module here has `register(app)`; `--help` lists the commands in this order."""


def build_app() -> typer.Typer:
    """Builds the whole command line, plug-ins included."""
    app = typer.Typer(
        name="graphrec",
        cls=ErrorHandlingGroup,
        rich_markup_mode="rich",
        no_args_is_help=True,
        pretty_exceptions_show_locals=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_about)
    for commands in _COMMANDS:
        commands.register(app)
    _register_plugins(app)
    return app


def main() -> None:
    """Runs the command line: the entry point of the console script `graphrec`."""
    _fill_standard_streams()
    try:
        try:
            build_app()()
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()
    except BrokenPipeError:
        silence_stdout()
    except OSError as error:  # before a command begins, or in help, which no command prints
        silence_stdout()
        named = error.filename is not None
        translated = refused(error, "read or write" if named else "write to standard output")
        report(translated, as_json=False)
        sys.exit(translated.exit_code)


def _fill_standard_streams() -> None:
    """Opens file descriptors 0 to 2 if they are closed, so that no other file gets them.

    Otherwise, text that a library prints would go into that file.
    """
    descriptor = os.open(os.devnull, os.O_RDWR)
    while descriptor <= 2:
        descriptor = os.dup(descriptor)
    os.close(descriptor)


def _show_version(value: bool) -> None:
    if value:
        typer.echo(f"graphrec {__version__}")
        raise typer.Exit


def _about(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Recommendations from a graph: products find people, through creators and brands."""


def _register_plugins(app: typer.Typer) -> None:
    """Adds the commands of every installed plug-in.

    A plug-in that cannot be loaded must not disable the other commands.
    """
    for entry_point in sorted(entry_points(group=PLUGIN_GROUP), key=lambda point: point.name):
        try:
            register = entry_point.load()
        except (ImportError, AttributeError) as error:
            warn(f"the commands of '{entry_point.name}' are missing: {error}")
            continue
        register(app)
