"""One run of a benchmark: what was asked for, and what it found."""

import argparse
import os
from collections.abc import Callable
from datetime import date
from typing import Any, NoReturn, Protocol

from rich.console import Console

from benchmarks.harness.arguments import Arguments
from benchmarks.harness.machine import Machine
from benchmarks.harness.results import Column, Result, Table

_WIDTH = 150  # where no terminal says how wide it is


class Question(Protocol):
    """A file of `benchmarks`: its docstring begins with what it asks."""

    __doc__: str | None

    def arguments(self, arguments: Arguments) -> None:
        """Adds its options."""

    def run(self, bench: "Bench") -> None:
        """Measures."""


class Bench:
    """What a benchmark is given: its options, a place for tables, and a way to say how it goes."""

    def __init__(
        self, options: argparse.Namespace, console: Console, refuse: Callable[[str], NoReturn]
    ) -> None:
        self.options = options
        self.refuse = refuse  # ends with a message about options that do not go together
        self.tables: list[Table] = []
        self.notes: list[str] = []
        self._console = console

    def table(self, title: str, *columns: Column, group_by: str | None = None) -> Table:
        """A new table of the results; it is printed at the end."""
        self.tables.append(Table(title=title, columns=list(columns), group_by=group_by))
        return self.tables[-1]

    def say(self, *words: object) -> None:
        """Progress: a run may take long. It is printed at once and not kept."""
        self._console.print(*words, highlight=False)

    def note(self, sentence: str) -> None:
        """A finding that is no row, printed and kept."""
        self.notes.append(sentence)
        self.say(sentence)


def run(name: str, question: Question, words: list[str]) -> Result:
    """Runs a benchmark with the words of a command line and prints what it found."""
    arguments = Arguments(name, question.__doc__ or "")
    question.arguments(arguments)
    options = arguments.parsed(words)
    if options.threads is not None:
        import torch  # not for --help

        torch.set_num_threads(options.threads)
    console = Console(width=None if Console().is_terminal else _WIDTH)
    bench = Bench(options, console, arguments.error)
    at_start = f"load average {os.getloadavg()[0]:.1f} at the start"
    machine = Machine.this()
    question.run(bench)
    result = Result(
        bench=name,
        command=arguments.command(words),
        date=date.today(),
        machine=machine,
        seed=_seed(options),
        load=f"{options.load}; {at_start}" if options.load else at_start,
        notes=bench.notes,
        tables=bench.tables,
    )
    for table in result.tables:
        console.print(table.on_screen())
    console.print(f"{result.command}, {result.date}, {result.load}\n{machine}", highlight=False)
    if options.out is not None:
        result.write(options.out)
    return result


def _seed(options: argparse.Namespace) -> Any:
    seeds = getattr(options, "seeds", None)
    if seeds is None:
        return options.seed
    return seeds if len(seeds) > 1 else seeds[0]
