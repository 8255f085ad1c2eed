"""`graphrec train` as one of several processes, with a loss that can be spoilt at some step."""

import os
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from graphrec.cli import main
from training.gnn.trainer import Trainer


@dataclass(frozen=True)
class Spoil:
    """What goes wrong, in which process, at which of its steps; the first is 1."""

    how: str
    rank: int
    step: int


def run(
    environment: Mapping[str, str], arguments: Sequence[str], stderr: Path, spoil: Spoil | None
) -> None:
    os.environ.update(environment)
    os.dup2(os.open(stderr, os.O_WRONLY | os.O_CREAT), 2)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    torch.set_num_threads(1)
    if spoil and str(spoil.rank) == environment["RANK"]:
        _spoil_loss(spoil)
    sys.argv = ["graphrec", *arguments]
    main()


def _spoil_loss(spoil: Spoil) -> None:
    plain, steps = Trainer._loss, []

    def spoilt(trainer, batch, generator):
        steps.append(batch)
        loss = plain(trainer, batch, generator)
        if len(steps) != spoil.step:
            return loss
        if spoil.how == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        return loss * float(spoil.how)

    Trainer._loss = spoilt
