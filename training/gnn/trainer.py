"""The training loop."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch

from graphdb.errors import DivergedError
from training.gnn.config import GnnConfig
from training.gnn.distributed import ALONE, Processes
from training.gnn.loss import bilateral_softmax
from training.gnn.propagation import HeteroLightGCN
from training.gnn.supervision import Batch, SupervisedEdges, batches

Tensor = torch.Tensor

_LOWEST_RATE = 0.05  # share of the learning rate at the end
_SEEDS_APART = 1_000_003  # epochs of runs with adjacent seeds must not share random draws
_LOOK_EVERY = 100  # steps between checks; reading a loss waits for the GPU


@dataclass(frozen=True, slots=True)
class Epoch:
    """The figures of one pass over the query nodes.

    Args:
        number: The number of the epoch, from 1.
        loss: The mean loss of its steps.
        seconds: The seconds of training, without the work after the epoch.
        recall: The recall on the validation part, if there is one.
        ndcg: The NDCG on the validation part, if there is one.
    """

    number: int
    loss: float
    learning_rate: float
    seconds: float
    recall: float | None = None
    ndcg: float | None = None


AfterEpoch = Callable[[Epoch], bool]
"""Called after every epoch; True stops the training."""


@dataclass
class Trainer:
    """Trains a graph model in place; can stop after any epoch and resume exactly.

    Every epoch has its own random generator, so the state is only the parameters, the optimiser's
    moments and the number of epochs done.

    Args:
        processes: The processes that train together. Each has its own trainer; only the first needs
            the state of an earlier run.
    """

    model: HeteroLightGCN
    supervised: Sequence[SupervisedEdges]
    config: GnnConfig
    processes: Processes = ALONE
    optimizer: torch.optim.Adam = field(init=False)
    epochs_done: int = 0

    def __post_init__(self) -> None:
        learned = [parameter for parameter in self.model.parameters() if parameter.requires_grad]
        self.optimizer = torch.optim.Adam(learned, lr=self.config.learning_rate, fused=True)

    def run(self, after_epoch: AfterEpoch, *, until: int | None = None) -> None:
        """Trains up to epoch `until`, by default all of the config's.

        Args:
            after_epoch: Called by the first process only.

        Raises:
            DivergedError: A loss or the state became NaN or infinite. The checkpoint of the last
                epoch is valid; the parameters here are not.
            WorkerLostError: Another process ended.
        """
        config, processes = self.config, self.processes
        device = next(self.model.parameters()).device
        steps = sum(math.ceil(len(d.query_rows) / config.batch_size) for d in self.supervised)
        last = processes.broadcast(config.epochs if until is None else until)
        self.epochs_done = processes.broadcast(self.epochs_done)
        processes.sync_parameters(self.optimizer)
        while self.epochs_done < last:
            began = time.perf_counter()
            generator = torch.Generator(device).manual_seed(
                config.seed * _SEEDS_APART + self.epochs_done
            )
            losses = torch.zeros(steps, device=device)
            for step, batch in enumerate(batches(self.supervised, config, generator)):
                done = (self.epochs_done + step / steps) / max(config.epochs, 1)
                rate = _learning_rate(config, done)
                self.optimizer.param_groups[0]["lr"] = rate
                loss = self._loss(batch, generator)
                self.optimizer.zero_grad(set_to_none=True)
                loss.backward()  # type: ignore[no-untyped-call]
                losses[step] = loss.detach()
                processes.all_reduce([losses[step], *self._gradients()])
                self.optimizer.step()
                if (step + 1) % _LOOK_EVERY == 0:
                    self._check_finite(losses)
            self._check_finite(losses, *self._state())
            self.epochs_done += 1
            seconds = time.perf_counter() - began
            epoch = Epoch(self.epochs_done, float(losses.mean()), rate, seconds)
            if processes.broadcast(processes.is_first and after_epoch(epoch)):
                return

    def _loss(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """Returns the loss of this process' part of the batch; the parts sum to the whole."""
        config, edges, num_parts = self.config, batch.edges, self.processes.count
        keep = self._kept_rows(generator)
        batch = batch.part(self.processes.rank, num_parts)
        wanted = [(edges.query_type, batch.queries), (edges.target_type, batch.candidates)]
        queries, candidates = self.model(wanted, keep=keep)
        loss = bilateral_softmax(
            queries,
            candidates,
            batch.positives,
            batch.log_prior,
            temperature=config.temperature,
            negative_weight=config.negative_weight,
            num_positives=batch.num_positives,
            hard_negatives=batch.hard_negatives,
            hard_negative_weight=config.hard_negative_weight,
            bfloat16=bool(config.bfloat16),
        )
        lengths = queries.square().sum(1).sum() / batch.num_queries
        lengths = lengths + candidates.square().sum(1).mean() / num_parts
        weighted: Tensor = edges.weight * (loss + config.l2 * lengths)
        return weighted

    def _kept_rows(self, generator: torch.Generator) -> dict[str, Tensor] | None:
        if not self.config.node_dropout:
            return None
        return {
            node_type: torch.rand(len(rows), generator=generator, device=rows.device)
            >= self.config.node_dropout
            for node_type, rows in self.model.rows.items()
        }

    def _gradients(self) -> list[Tensor]:
        """Those of the last step; a step has none for types that it did not come by."""
        learned = self.optimizer.param_groups[0]["params"]
        return [parameter.grad for parameter in learned if parameter.grad is not None]

    def _state(self) -> list[Tensor]:
        """Returns the state for a checkpoint."""
        moments = [value for state in self.optimizer.state.values() for value in state.values()]
        return [*(parameter.detach() for parameter in self.model.parameters()), *moments]

    def _check_finite(self, losses: Tensor, *state: Tensor) -> None:
        """Raises DivergedError if a loss of this epoch or the state is not finite."""
        if all(values.isfinite().all() for values in (losses, *state)):
            return
        bad = (~losses.isfinite()).nonzero().flatten().tolist()
        value = losses[bad[0]].item() if bad else math.nan
        what = f"the loss became {value}" if bad else "a parameter or moment became NaN or infinite"
        step = bad[0] + 1 if bad else len(losses)
        raise DivergedError(
            f"{what} in epoch {self.epochs_done + 1}, step {step}",
            next_step="lower the learning rate; the state of the last complete epoch is kept",
            value=value,
        )


def _learning_rate(config: GnnConfig, done: float) -> float:
    """Half a cosine from the full rate to a twentieth of it."""
    return config.learning_rate * (
        _LOWEST_RATE + (1 - _LOWEST_RATE) * (1 + math.cos(math.pi * done)) / 2
    )
