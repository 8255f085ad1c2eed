"""The command line: `graphrec ...`. Each file of commands has a `register(app)` of its own."""

from graphrec.cli.app import build_app, main

__all__ = ["build_app", "main"]
