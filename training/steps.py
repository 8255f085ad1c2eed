"""Reports and times the steps of a long run."""

import time
from collections.abc import Callable

Progress = Callable[[str, int, int], None]
"""Called when a step begins, with its name, its number from 1, and the number of steps."""


class Steps:
    """Counts and times the steps of a run; a step ends when the next one begins.

    Args:
        total: The number of steps; may be updated during the run.
    """

    def __init__(self, on_progress: Progress | None, total: int) -> None:
        self._on_progress = on_progress
        self.total = total
        self._begun: list[tuple[str, float]] = []

    def next(self, name: str) -> None:
        """Begins a step."""
        self._begun.append((name, time.perf_counter()))
        if self._on_progress:
            self._on_progress(name, len(self._begun), self.total)

    def seconds(self) -> dict[str, float]:
        """Returns the seconds of every step, the last one up to now."""
        ends = [began for _, began in self._begun[1:]] + [time.perf_counter()]
        return {name: end - began for (name, began), end in zip(self._begun, ends, strict=True)}
