"""Keeps the trials of a tuning study, proposes the next one, and reports the results.

The study is Optuna's; its journal is a file with lines of JSON.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.storages import BaseStorage, InMemoryStorage, JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, TrialState

from graphdb.errors import CheckpointError
from graphdb.file_access import refused
from graphrec.nested import flat
from training.config import TrainConfig
from training.evaluation.metrics import MetricsAtK
from training.resume import check_resumable
from training.tuning.space import Dimension, Space, Value

SHOWN = 10


@dataclass(frozen=True, slots=True)
class Trial:
    """One trial: its config values and its result.

    Args:
        number: The number of the trial, from 1.
        settings: The settings, by name of the dimension.
        reached: The metrics on the validation part; None if training failed.
        seconds: The seconds of training and ranking.
        failure: Why there is no result.
    """

    number: int
    settings: dict[str, Value]
    reached: MetricsAtK | None
    seconds: float
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class TuneReport:
    """The result of tuning.

    Args:
        part: The validation part, in words.
        metric: The metric of the best trial: 'ndcg' or 'recall'.
        k: The length of the lists.
        trials: All trials, in order.
        popularity: The metrics of popularity on the same part.
        config: The base config with the values of the best trial.
    """

    part: str
    metric: str
    k: int
    trials: tuple[Trial, ...]
    popularity: MetricsAtK
    config: TrainConfig

    @property
    def ranked(self) -> list[Trial]:
        """Returns the trials with a result, best first."""
        return ranked(self.trials, self.metric)

    @property
    def best(self) -> Trial:
        return self.ranked[0]

    def table(self) -> tuple[list[str], list[list[str]]]:
        """Returns headings and rows as text: popularity, then the best trials."""
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
        """Returns plain data."""
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
    """Returns the trials with a result, best in the metric first, ties by number."""
    measured = [trial for trial in trials if trial.reached is not None]
    return sorted(measured, key=lambda trial: -getattr(trial.reached, metric))


def _figures(reached: MetricsAtK) -> list[str]:
    return [f"{reached.ndcg:.4f}", f"{reached.recall:.4f}"]


def _text(value: Value) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


JOURNAL = "trials.jsonl"

_QUESTION, _REACHED, _SECONDS, _FAILURE = "question", "reached", "seconds", "failure"
_SEEDS_APART = 1_000_003  # so that studies with adjacent seeds share no random draws


class Study:
    """The trials so far, and the next one.

    Every trial has its own sampler, seeded by the number of finished trials, so that a resumed
    study continues as if it had not been interrupted.

    Args:
        folder: The folder of the journal, to resume it; None keeps nothing. One process at a time.
        question: Everything that determines the results, as plain JSON data.

    Raises:
        CheckpointError: The journal cannot be read, or belongs to another study.
    """

    def __init__(
        self, folder: Path | None, space: Space, question: Mapping[str, Any], seed: int
    ) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._space = space
        self._seed = seed
        path = None if folder is None else folder / JOURNAL
        try:
            self._study = optuna.create_study(
                storage=_storage(path),
                study_name="tune",
                direction="maximize",
                load_if_exists=True,
            )
        except OSError as error:
            raise refused(error, "read or write", path) from error
        except (ValueError, KeyError, TypeError) as error:  # not JSON, or not a journal
            raise CheckpointError(
                f"the journal '{path}' cannot be read: {error}",
                next_step="delete it to start again",
                value=str(path),
            ) from error
        kept = self._study.user_attrs.get(_QUESTION)
        if kept is None:
            self._study.set_user_attr(_QUESTION, dict(question))
        else:
            check_resumable(
                dict(flat(kept)),
                dict(flat(json.loads(json.dumps(question)))),
                started=f"the journal '{path}' was started",
                next_step="tune with the same options, or use another folder for this study",
            )
        for trial in self._study.get_trials(states=(TrialState.RUNNING,)):
            self._study.tell(trial.number, state=TrialState.FAIL)  # left by a killed run

    @property
    def trials(self) -> list[Trial]:
        """The finished trials, in order."""
        found = [one for one in self._study.get_trials(deepcopy=False) if _is_finished(one)]
        return [_trial(number, one) for number, one in enumerate(found, start=1)]

    def ask(self, first: Mapping[str, Value]) -> optuna.trial.Trial:
        """Returns the next trial.

        Args:
            first: The values of the first trial, as far as the space has them.
        """
        finished = len(self.trials)
        waiting = self._study.get_trials(deepcopy=False, states=(TrialState.WAITING,))
        if not finished and not waiting and first:
            self._study.enqueue_trial(dict(first))
        self._study.sampler = optuna.samplers.TPESampler(
            seed=(self._seed * _SEEDS_APART + finished) % 2**32
        )
        return self._study.ask({d.name: _distribution(d) for d in self._space.dimensions})

    def tell(
        self, asked: optuna.trial.Trial, reached: MetricsAtK, seconds: float, metric: str
    ) -> None:
        """Stores the result of a trial."""
        asked.set_user_attr(_REACHED, reached._asdict())
        asked.set_user_attr(_SECONDS, seconds)
        self._study.tell(asked, getattr(reached, metric))

    def tell_failure(self, asked: optuna.trial.Trial, why: str, seconds: float) -> None:
        """Stores why a trial has no result."""
        asked.set_user_attr(_SECONDS, seconds)
        asked.set_user_attr(_FAILURE, why)
        self._study.tell(asked, state=TrialState.FAIL)


def _storage(path: Path | None) -> BaseStorage:
    if path is None:
        return InMemoryStorage()
    path.parent.mkdir(parents=True, exist_ok=True)
    return JournalStorage(JournalFileBackend(str(path)))


def _distribution(dimension: Dimension) -> BaseDistribution:
    low, high = dimension.low, dimension.high
    if low is None or high is None:
        return CategoricalDistribution(dimension.choices)
    if isinstance(low, int) and isinstance(high, int):
        return IntDistribution(low, high, log=dimension.log)
    return FloatDistribution(low, high, log=dimension.log)


def _is_finished(trial: FrozenTrial) -> bool:
    return trial.state == TrialState.COMPLETE or _FAILURE in trial.user_attrs


def _trial(number: int, trial: FrozenTrial) -> Trial:
    kept = trial.user_attrs
    reached = MetricsAtK(**kept[_REACHED]) if _REACHED in kept else None
    return Trial(number, dict(trial.params), reached, kept[_SECONDS], kept.get(_FAILURE))
