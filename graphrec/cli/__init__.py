"""The command line: `graphrec ...`. Each file of commands has its own `register(app)`."""

from graphrec.cli.app import build_app, main

__all__ = ["build_app", "main"]
