"""Trains one graph model in several processes, each with its share of every batch's queries.

torchrun, or another launcher, tells each process its rank in the environment. The processes
communicate through gloo for tensors on CPUs, and through nccl on GPUs. The first process writes the
files and decides when to stop; the others follow.
"""

import os
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist

from graphdb.errors import TrainingError, WorkerLostError
from training.gnn.config import GnnConfig
from training.gnn.memory import chosen_device

Tensor = torch.Tensor

# The end of a process is noticed at once. These timeouts are for one that hangs or is unreachable:
# during a step, and while the first process evaluates or writes, which may take hours.
_STEP_LIMIT, _WAIT_LIMIT = timedelta(minutes=10), timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Processes:
    """The group of processes that train together; by default this process alone.

    All of them must call the same methods in the same order. If one of them ends, the methods of
    the others raise WorkerLostError.

    Args:
        rank: The rank of this process, from 0.
        count: The number of processes.
        local_rank: The rank on its machine; None for a single process.
        local_count: The number of processes on its machine.
        control: The group in which they wait for decisions of the first.
    """

    rank: int = 0
    count: int = 1
    local_rank: int | None = None
    local_count: int = 1
    control: dist.ProcessGroup | None = None

    @property
    def is_first(self) -> bool:
        return self.rank == 0

    def all_reduce(self, tensors: Sequence[Tensor]) -> None:
        """Replaces every tensor by the sum over all processes."""
        if self.count > 1:
            with _errors_translated():
                for work in [dist.all_reduce(tensor, async_op=True) for tensor in tensors]:
                    work.wait()

    def broadcast(self, value: int) -> int:
        """Returns the value of the first process; the others wait for it."""
        if self.count == 1:
            return value
        told = torch.tensor(int(value))
        with _errors_translated():
            dist.broadcast(told, 0, group=self.control)
        return int(told)

    def check_same_setup(
        self, config: GnnConfig, device: torch.device, structure: Iterable[Tensor]
    ) -> None:
        """Checks that all processes train the same graph and draw the same random numbers.

        Args:
            structure: Integers that identify the graph, on the CPU.

        Raises:
            TrainingError: They do not; all processes raise it.
        """
        if self.count == 1:
            return
        kind = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
        texts = {"settings": config.model_dump_json(), "torch": torch.__version__, "device": kind}
        sums = {name: zlib.crc32(text.encode()) for name, text in texts.items()}
        sums["snapshot"] = 0
        for tensor in structure:
            sums["snapshot"] = zlib.crc32(tensor.numpy().data, sums["snapshot"])
        own = torch.tensor(list(sums.values()))
        every = [torch.empty_like(own) for _ in range(self.count)]
        with _errors_translated():
            dist.all_gather(every, own, group=self.control)
        differs = (torch.stack(every) != own).any(0).tolist()
        names = [name for name, one in zip(sums, differs, strict=True) if one]
        if names:
            raise TrainingError(
                f"{self.count} processes train together and differ in: {', '.join(names)}",
                next_step="start the same command with the same files on machines of the same kind",
                value=names,
            )

    def sync_parameters(self, optimizer: torch.optim.Adam) -> None:
        """Copies parameters and moments of the first process to all others."""
        if self.count == 1:
            return
        for parameter in optimizer.param_groups[0]["params"]:
            self._copy(parameter.data)
            state = optimizer.state[parameter]
            if self.broadcast(len(state)):
                if not state:
                    state["step"] = torch.zeros((), device=parameter.device)
                    state["exp_avg"] = torch.zeros_like(parameter)
                    state["exp_avg_sq"] = torch.zeros_like(parameter)
                for name in sorted(state):
                    self._copy(state[name])

    def _copy(self, tensor: Tensor) -> None:
        with _errors_translated():
            dist.broadcast(tensor, 0)


ALONE = Processes()


@contextmanager
def process_group(device: str | None) -> Iterator[Processes]:
    """Joins the processes that torchrun started, and leaves the group together at the end.

    Args:
        device: As for `chosen_device`.

    Raises:
        WorkerLostError: A process did not join, or ended before the first.
        TrainingError: The device does not exist.
    """
    count = started_count()
    if count == 1:
        yield ALONE
        return
    rank, local_rank, local_count = (
        int(os.environ[name]) for name in ("RANK", "LOCAL_RANK", "LOCAL_WORLD_SIZE")
    )
    chosen = chosen_device(device, local_rank)
    if chosen.type == "cuda":
        torch.cuda.set_device(chosen)
    with _errors_translated():
        backend = "cpu:gloo,cuda:nccl" if chosen.type == "cuda" else "gloo"
        dist.init_process_group(backend, timeout=_STEP_LIMIT)
    try:
        with _errors_translated():
            control = dist.new_group(backend="gloo", timeout=_WAIT_LIMIT)
        assert isinstance(control, dist.ProcessGroup)  # this process is in it
        processes = Processes(rank, count, local_rank, local_count, control)
        yield processes
        processes.broadcast(
            0
        )  # waits until the first has written everything; if it fails, all fail
    finally:
        dist.destroy_process_group()


def started_count() -> int:
    """Returns the number of processes that torchrun started."""
    return int(os.environ["WORLD_SIZE"]) if "LOCAL_WORLD_SIZE" in os.environ else 1


def check_alone(what: str) -> None:
    """Raises TrainingError if several processes were started for a single-process operation."""
    if started_count() > 1:
        raise TrainingError(
            f"{what} runs in one process, and {started_count()} were started",
            next_step="start it without torchrun",
            value=started_count(),
        )


@contextmanager
def _errors_translated() -> Iterator[None]:
    """Turns torch's errors about other processes into graphrec errors."""
    try:
        yield
    except RuntimeError as error:
        lines = str(error).splitlines()
        raise WorkerLostError(
            f"another training process ended or is unreachable: {lines[0]}",
            next_step="check its output; with --run-dir, a new start resumes the run",
        ) from error
