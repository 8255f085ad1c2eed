"""Logs a training run: a line per epoch, the state to resume from, and TensorBoard scalars.

This is the only module that imports TensorBoard.
"""

import json
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

from graphdb.atomic import write_file
from graphdb.documents import write_json
from graphdb.errors import CheckpointError, TrainingError
from graphdb.file_access import Closing, file_access
from training.extras import check_extra
from training.gnn.checkpoint import load_checkpoint, save_checkpoint
from training.gnn.trainer import Epoch, Trainer
from training.resume import sole_writer

_DRAWN = ("loss", "learning_rate", "seconds", "recall", "ndcg")


def check_tensorboard(folder: Path | None) -> None:
    """Checks before the training that a log for TensorBoard can be written.

    Raises:
        TrainingError: There is no folder for it, or the package is missing.
    """
    if folder is None:
        raise TrainingError(
            "a log for TensorBoard needs a folder",
            next_step="set one with --run-dir",
        )
    check_extra("tensorboard", "tensorboard", "a log for TensorBoard")


class TensorBoardLog:
    """Scalars over the epochs: loss, learning rate, seconds, and recall and NDCG where measured.

    Args:
        folder: The folder for TensorBoard's files.
        epochs: The epochs of the run to resume. Later ones in its log are withdrawn; missing ones
            are written.
    """

    def __init__(self, folder: Path, epochs: Iterable[Epoch]) -> None:
        from torch.utils.tensorboard import SummaryWriter

        earlier = list(epochs)
        known = any(folder.glob("events.out.tfevents.*"))
        self._writer = SummaryWriter(str(folder), purge_step=len(earlier) + 1 if known else None)
        for epoch in () if known else earlier:
            self.add(epoch)

    def add(self, epoch: Epoch) -> None:
        """Writes an epoch and flushes it."""
        for name in _DRAWN:
            value = getattr(epoch, name)
            if value is not None:
                self._writer.add_scalar(name, value, epoch.number)
        self._writer.flush()

    def close(self) -> None:
        self._writer.close()


class TrainingLog(Closing):
    """Keeps `STAGE.jsonl` and `STAGE.safetensors` in a folder, or nothing without one.

    If the folder holds the state of an earlier run of the same stage, the trainer resumes from it.
    Use it in a `with` statement.

    Args:
        on_epoch: Called for every added epoch.
        tensorboard: Write the epochs for TensorBoard, too, into `tensorboard/STAGE`.

    Raises:
        CheckpointError: The state belongs to another run, cannot be read, or another process uses
            the same stage.
    """

    def __init__(
        self,
        folder: Path | None,
        stage: str,
        trainer: Trainer,
        on_epoch: Callable[[Epoch], None] | None = None,
        *,
        tensorboard: bool = False,
    ) -> None:
        self._lines = None if folder is None else folder / f"{stage}.jsonl"
        self._state = None if folder is None else folder / f"{stage}.safetensors"
        self._trainer = trainer
        self._on_epoch = on_epoch
        self.epochs: list[Epoch] = []
        self._lock = ExitStack()
        self._lock.enter_context(sole_writer(folder, stage))
        if self._state is not None and self._state.exists():
            load_checkpoint(self._state, trainer)
            self._read_lines()
        self._board = None
        if folder is not None and tensorboard:
            self._board = TensorBoardLog(folder / "tensorboard" / stage, self.epochs)

    def close(self) -> None:
        if self._board:
            self._board.close()
        self._lock.close()

    @property
    def best_epoch(self) -> int:
        """The number of the epoch with the best recall, the earliest of equals; 0 for none."""
        measured = [epoch for epoch in self.epochs if epoch.recall is not None]
        best = max(measured, key=lambda epoch: epoch.recall or 0.0, default=None)
        return best.number if best else 0

    def add(self, epoch: Epoch) -> bool:
        """Writes the line, then the state; returns False, as an `AfterEpoch` that never stops."""
        self.epochs.append(epoch)
        if self._lines is not None and self._state is not None:
            with file_access("write", self._lines), self._lines.open("a", encoding="utf-8") as file:
                file.write(write_json(asdict(epoch)) + "\n")
            save_checkpoint(self._state, self._trainer)
        if self._board:
            self._board.add(epoch)
        if self._on_epoch:
            self._on_epoch(epoch)
        return False

    def _read_lines(self) -> None:
        """Returns the epochs up to the state. A later line belongs to a killed epoch."""
        assert self._lines is not None
        found = {}
        written = self._lines.read_text(encoding="utf-8")
        for line in written[
            : written.rfind("\n") + 1
        ].splitlines():  # an incomplete line comes from a crash
            epoch = Epoch(**json.loads(line))
            found[epoch.number] = epoch  # the later of two lines of an epoch is valid
        kept = [found[number] for number in sorted(found) if number <= self._trainer.epochs_done]
        self.epochs = kept
        text = "".join(write_json(asdict(epoch)) + "\n" for epoch in kept)
        write_file(self._lines, text, CheckpointError)
