"""What a training run leaves behind: a line per epoch, and the state to go on from."""

import json
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

from graphdb.atomic import write_file
from graphdb.closing import Closing
from graphdb.errors import CheckpointError
from graphdb.file_access import file_access
from graphdb.plain_json import write_json
from training.gnn.checkpoint import load_checkpoint, save_checkpoint
from training.gnn.tensorboard_log import TensorBoardLog
from training.gnn.trainer import Epoch, Trainer
from training.kept import sole_writer


class TrainingLog(Closing):
    """Keeps `STAGE.jsonl` and `STAGE.safetensors` in a folder, or nothing without one.

    Where the folder holds the state of an earlier run of the same stage, the trainer is put there.
    To be used in a `with` statement.

    Args:
        on_epoch: Told of every epoch that is added.
        tensorboard: Write the epochs for TensorBoard, too, into `tensorboard/STAGE`.

    Raises:
        CheckpointError: The state is of another run, or cannot be read; or another process keeps
            the same stage there.
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
        """Writes the line, then the state; False, as an `AfterEpoch` that stops nothing."""
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
        """The epochs up to the state. A line without a state after it was of a killed epoch."""
        assert self._lines is not None
        found = {}
        written = self._lines.read_text(encoding="utf-8")
        for line in written[: written.rfind("\n") + 1].splitlines():  # a half line is of a crash
            epoch = Epoch(**json.loads(line))
            found[epoch.number] = epoch  # the later of two is the one that was kept
        kept = [found[number] for number in sorted(found) if number <= self._trainer.epochs_done]
        self.epochs = kept
        text = "".join(write_json(asdict(epoch)) + "\n" for epoch in kept)
        write_file(self._lines, text, CheckpointError)
