"""Trains one graph model in several processes, each with its share of every batch's queries.

torchrun, or another launcher, tells each process its rank in the environment. The processes
communicate through gloo on CPUs, and through nccl for what lies on GPUs. The first process writes
the files and decides when to stop; the others follow.
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

# One that ends is noticed at once. These are for one that hangs or cannot be reached any more: in
# the midst of a step, and while the first measures or writes, which may well take hours.
_STEP_LIMIT, _WAIT_LIMIT = timedelta(minutes=10), timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Processes:
    """The processes that train together, as one of them sees them; by itself by default.

    All of them have to call the same methods in the same order. Where one of them is gone, the
    methods of the others raise WorkerLostError.

    Args:
        rank: Of this one, from 0.
        count: How many there are.
        local_rank: Of this one on its machine; None by itself.
        local_count: How many there are on its machine.
        control: Where they wait for what the first decides.
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
        """Puts the sum over all processes in the place of every tensor."""
        if self.count > 1:
            with _errors_translated():
                for work in [dist.all_reduce(tensor, async_op=True) for tensor in tensors]:
                    work.wait()

    def broadcast(self, value: int) -> int:
        """The value that the first process has; the others wait for it."""
        if self.count == 1:
            return value
        told = torch.tensor(int(value))
        with _errors_translated():
            dist.broadcast(told, 0, group=self.control)
        return int(told)

    def check_same_setup(
        self, config: GnnConfig, device: torch.device, structure: Iterable[Tensor]
    ) -> None:
        """Checks that all train the same, and draw the same numbers: devices of a kind do.

        Args:
            structure: Integers that tell the graph from others, on the CPU.

        Raises:
            TrainingError: They do not; all of them say so.
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
                next_step="start the same command on machines that are alike, with the same files",
                value=names,
            )

    def sync_parameters(self, optimizer: torch.optim.Adam) -> None:
        """Gives all of them the parameters and the moments of the first."""
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
    """The processes that torchrun started with this one; they part at the end, all at once.

    Args:
        device: As for `chosen_device`.

    Raises:
        WorkerLostError: Not all of them came, or one has ended before the first.
        TrainingError: There is no such device.
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
        processes.broadcast(0)  # the first has written everything; if it fails to, all have failed
    finally:
        dist.destroy_process_group()


def started_count() -> int:
    """How many processes were started together, as torchrun says it to each."""
    return int(os.environ["WORLD_SIZE"]) if "LOCAL_WORLD_SIZE" in os.environ else 1


def check_alone(what: str) -> None:
    """Raises TrainingError where several processes were started for what only one can do."""
    if started_count() > 1:
        raise TrainingError(
            f"{what} runs in one process, and {started_count()} were started",
            next_step="start it without torchrun",
            value=started_count(),
        )


@contextmanager
def _errors_translated() -> Iterator[None]:
    """Turns torch's errors about the other processes into ours."""
    try:
        yield
    except RuntimeError as error:
        lines = str(error).splitlines()
        raise WorkerLostError(
            f"another one of the processes that train together is gone: {lines[0]}",
            next_step="see what it said; started again with --run-dir, a run goes on where it was",
        ) from error
