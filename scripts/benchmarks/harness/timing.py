"""Seconds and memory of a process."""

import platform
import resource
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from statistics import mean, median, quantiles
from typing import ParamSpec, Self, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(slots=True)
class Spread:
    """Seconds of the same work, done several times."""

    seconds: list[float] = field(default_factory=list)

    @property
    def last(self) -> float:
        return self.seconds[-1]

    @property
    def total(self) -> float:
        return sum(self.seconds)

    @property
    def mean(self) -> float:
        return mean(self.seconds)

    @property
    def min(self) -> float:
        return min(self.seconds)

    @property
    def median(self) -> float:
        return median(self.seconds)

    @property
    def max(self) -> float:
        return max(self.seconds)

    def percentile(self, percent: int) -> float:
        """Between two values where it falls between them, as NumPy's default does."""
        if len(self.seconds) == 1:
            return self.seconds[0]
        return quantiles(self.seconds, n=100, method="inclusive")[percent - 1]


class Timer:
    """Takes laps, by the clock and in processor time: `with timer: ...`, or `timer.split()`.

    Processor time is that of all threads together, unless `cpu_clock` is another one. Other work
    on the machine disturbs it less than the clock.
    """

    def __init__(self, cpu_clock: Callable[[], float] = time.process_time) -> None:
        self.clock, self.cpu = Spread(), Spread()
        self._cpu_clock = cpu_clock
        self.restart()

    def restart(self) -> None:
        """Begins a lap, without ending one."""
        self._began = time.perf_counter(), self._cpu_clock()

    def split(self) -> None:
        """Ends a lap, and begins the next."""
        now = time.perf_counter(), self._cpu_clock()
        self.clock.seconds.append(now[0] - self._began[0])
        self.cpu.seconds.append(now[1] - self._began[1])
        self._began = now

    def drop_first(self) -> None:
        """Forgets the first lap, which warmed up."""
        del self.clock.seconds[0], self.cpu.seconds[0]

    def __enter__(self) -> Self:
        self.restart()
        return self

    def __exit__(self, *_: object) -> None:
        self.split()


def in_a_process(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What a function returns in a fresh process, so that no memory or cache of this one counts."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(function, *args, **kwargs).result()


def peak_mb() -> float:
    """The most memory that this process has had.

    Linux' own figure, where there is one: `getrusage` begins with that of the parent.
    """
    status = Path("/proc/self/status")
    if status.exists():
        fields = dict(line.split(":", 1) for line in status.read_text().splitlines())
        return int(fields["VmHWM"].split()[0]) / 1024
    unit = 1024**2 if platform.system() == "Darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
