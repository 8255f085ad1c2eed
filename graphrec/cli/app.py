"""Puts the command line together: our own commands, then those of packages above us."""

import os
import sys
from importlib.metadata import entry_points

import typer

from graphdb.file_access import refused
from graphrec.cli import (
    audience_commands,
    batch_command,
    compare_command,
    explain_command,
    explore_commands,
    index_command,
    info_command,
    policy_commands,
    publish_command,
    query_commands,
    registry_commands,
    store_commands,
)
from graphrec.cli.error_handling import ErrorHandlingGroup, report
from graphrec.cli.output import silence_stdout, warn

PLUGIN_GROUP = "graphrec.commands"

_COMMANDS = (
    store_commands,
    query_commands,
    batch_command,
    policy_commands,
    explain_command,
    index_command,
    audience_commands,
    publish_command,
    registry_commands,
    compare_command,
    explore_commands,
    info_command,
)
"""Every module here has `register(app)`; `--help` lists the commands in this order."""


def build_app() -> typer.Typer:
    """The whole command line, plug-ins included."""
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
    """Runs the command line; what the console script `graphrec` calls."""
    _fill_standard_streams()
    try:
        try:
            build_app()()
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()
    except BrokenPipeError:
        silence_stdout()
    except OSError as error:  # before a command begins, or of help, which no command prints
        silence_stdout()
        named = error.filename is not None
        translated = refused(error, "read or write" if named else "write to standard output")
        report(translated, as_json=False)
        sys.exit(translated.exit_code)


def _fill_standard_streams() -> None:
    """Takes the numbers 0 to 2 where they are closed, so that no file of ours gets one of them.

    What a library prints would be written into that file.
    """
    descriptor = os.open(os.devnull, os.O_RDWR)
    while descriptor <= 2:
        descriptor = os.dup(descriptor)
    os.close(descriptor)


def _about() -> None:
    """Recommendations from a graph: goods find people, through creators and brands."""


def _register_plugins(app: typer.Typer) -> None:
    """Adds the commands of every installed package that offers some.

    A plug-in that cannot be loaded must not take the other commands with it.
    """
    for entry_point in sorted(entry_points(group=PLUGIN_GROUP), key=lambda point: point.name):
        try:
            register = entry_point.load()
        except (ImportError, AttributeError) as error:
            warn(f"the commands of '{entry_point.name}' are missing: {error}")
            continue
        register(app)
