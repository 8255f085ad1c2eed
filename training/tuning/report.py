"""What tuning found."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from training.config import TrainConfig
from training.scoring import Reached
from training.tuning.space import Value

SHOWN = 10


@dataclass(frozen=True, slots=True)
class Trial:
    """Settings that were tried.

    Args:
        number: From 1, in the order in which they were tried.
        settings: By the name of the dimension.
        reached: On the validation part; None where training failed.
        seconds: Of learning and ranking.
        failure: Why there is no result.
    """

    number: int
    settings: dict[str, Value]
    reached: Reached | None
    seconds: float
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class TuneReport:
    """What tuning found.

    Args:
        part: What was foretold, in words.
        metric: What the best trial is best in: 'ndcg' or 'recall'.
        k: Length of the lists.
        trials: All of them, in order.
        popularity: What popularity reaches on the same part.
        config: The base with the settings of the best trial.
    """

    part: str
    metric: str
    k: int
    trials: tuple[Trial, ...]
    popularity: Reached
    config: TrainConfig

    @property
    def ranked(self) -> list[Trial]:
        """The trials with a result, best first."""
        return ranked(self.trials, self.metric)

    @property
    def best(self) -> Trial:
        return self.ranked[0]

    def table(self) -> tuple[list[str], list[list[str]]]:
        """Headings and rows, as text: popularity, then the best trials."""
        names = list(self.best.settings)
        headings = ["trial", f"ndcg@{self.k}", f"recall@{self.k}", "seconds", *names]
        rows = [["popularity", *_figures(self.popularity), "", *([""] * len(names))]]
        for trial in self.ranked[:SHOWN]:
            assert trial.reached is not None
            values = [_text(trial.settings[name]) for name in names]
            rows.append(
                [str(trial.number), *_figures(trial.reached), f"{trial.seconds:.1f}", *values]
            )
        return headings, rows

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "part": self.part,
            "metric": self.metric,
            "k": self.k,
            "popularity": self.popularity._asdict(),
            "best": self.best.number,
            "config": self.config.model_dump(),
            "trials": [
                {
                    "number": trial.number,
                    "settings": trial.settings,
                    "reached": trial.reached._asdict() if trial.reached else None,
                    "seconds": trial.seconds,
                    "failure": trial.failure,
                }
                for trial in self.trials
            ],
        }


def ranked(trials: Sequence[Trial], metric: str) -> list[Trial]:
    """Those with a result, best in the metric first, the earlier of equals ahead."""
    measured = [trial for trial in trials if trial.reached is not None]
    return sorted(measured, key=lambda trial: -getattr(trial.reached, metric))


def _figures(reached: Reached) -> list[str]:
    return [f"{reached.ndcg:.4f}", f"{reached.recall:.4f}"]


def _text(value: Value) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
