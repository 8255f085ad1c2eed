"""The training loop."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch

from graphdb.errors import DivergedError
from training.gnn.config import GnnConfig
from training.gnn.loss import bilateral_softmax
from training.gnn.propagation import LinearPropagation
from training.gnn.supervision import Batch, Direction, batches

Tensor = torch.Tensor

_LOWEST_RATE = 0.05  # of the learning rate, at the end
_SEEDS_APART = 1_000_003  # epochs of runs with neighbouring seeds must not share a draw


@dataclass(frozen=True, slots=True)
class Epoch:
    """What one pass over the seeds came to.

    Args:
        number: From 1.
        loss: Mean over the steps.
        seconds: Of training, without what is done after the epoch.
        recall: On the validation part, where there is one.
        ndcg: The same.
    """

    number: int
    loss: float
    learning_rate: float
    seconds: float
    recall: float | None = None
    ndcg: float | None = None


AfterEpoch = Callable[[Epoch], bool]
"""Told of every epoch; True stops the training."""


@dataclass
class Trainer:
    """Trains a network in place; can stop after any epoch and go on from there, exactly.

    Every epoch draws from a generator of its own, so nothing but the parameters, the optimiser's
    moments and the number of epochs done has to be kept.
    """

    model: LinearPropagation
    directions: Sequence[Direction]
    config: GnnConfig
    optimizer: torch.optim.Adam = field(init=False)
    epochs_done: int = 0

    def __post_init__(self) -> None:
        self.optimizer = torch.optim.Adam(
            [parameter for parameter in self.model.parameters() if parameter.requires_grad],
            lr=self.config.learning_rate,
            fused=True,
        )

    def run(self, after_epoch: AfterEpoch, *, until: int | None = None) -> None:
        """Trains from the epochs done to `until`, by default all of the config's.

        Raises:
            DivergedError: The loss is no longer finite. A checkpoint taken after the last epoch
                still is; the parameters here are not to be used.
        """
        config, device = self.config, next(self.model.parameters()).device
        steps = sum(math.ceil(len(d.seed_rows) / config.seed_batch) for d in self.directions)
        last = config.epochs if until is None else until
        while self.epochs_done < last:
            began = time.perf_counter()
            generator = torch.Generator(device).manual_seed(
                config.seed * _SEEDS_APART + self.epochs_done
            )
            total = torch.zeros((), device=device)
            for step, batch in enumerate(batches(self.directions, config, generator)):
                done = (self.epochs_done + step / steps) / max(config.epochs, 1)
                rate = _learning_rate(config, done)
                self.optimizer.param_groups[0]["lr"] = rate
                loss = self._loss(batch, generator)
                if not torch.isfinite(loss):
                    raise self._diverged(step, loss)
                self.optimizer.zero_grad(set_to_none=True)
                loss.backward()  # type: ignore[no-untyped-call]
                self.optimizer.step()
                total += loss.detach()
            self.epochs_done += 1
            seconds = time.perf_counter() - began
            if after_epoch(Epoch(self.epochs_done, float(total) / steps, rate, seconds)):
                return

    def _loss(self, batch: Batch, generator: torch.Generator) -> Tensor:
        config, direction = self.config, batch.direction
        wanted = [(direction.seed_type, batch.seeds), (direction.target_type, batch.candidates)]
        seeds, candidates = self.model(wanted, keep=self._kept_rows(generator))
        loss = bilateral_softmax(
            seeds,
            candidates,
            batch.positives,
            batch.log_prior,
            temperature=config.temperature,
            negative_weight=config.negative_weight,
            hard_negatives=batch.hard_negatives,
            hard_negative_weight=config.hard_negative_weight,
            bfloat16=config.bfloat16,
        )
        lengths = seeds.square().sum(1).mean() + candidates.square().sum(1).mean()
        weighted: Tensor = direction.weight * (loss + config.l2 * lengths)
        return weighted

    def _kept_rows(self, generator: torch.Generator) -> dict[str, Tensor] | None:
        if not self.config.id_dropout:
            return None
        return {
            node_type: torch.rand(len(rows), generator=generator, device=rows.device)
            >= self.config.id_dropout
            for node_type, rows in self.model.rows.items()
        }

    def _diverged(self, step: int, loss: Tensor) -> DivergedError:
        return DivergedError(
            f"the loss became {loss.item()} in epoch {self.epochs_done + 1}, step {step + 1}",
            next_step="lower the learning rate; the state after the last whole epoch is kept",
            value=loss.item(),
        )


def _learning_rate(config: GnnConfig, done: float) -> float:
    """Half a cosine from the full rate to a twentieth of it."""
    return config.learning_rate * (
        _LOWEST_RATE + (1 - _LOWEST_RATE) * (1 + math.cos(math.pi * done)) / 2
    )
