"""What every benchmark shares: arguments, timers, the machine, tables on the screen and in JSON."""

from benchmarks.harness.arguments import Arguments
from benchmarks.harness.bench import Bench
from benchmarks.harness.results import Column, Kind, Result, Table, measure, text
from benchmarks.harness.timing import Spread, Timer, in_a_process, peak_mb

__all__ = [
    "Arguments",
    "Bench",
    "Column",
    "Kind",
    "Result",
    "Spread",
    "Table",
    "Timer",
    "in_a_process",
    "measure",
    "peak_mb",
    "text",
]
