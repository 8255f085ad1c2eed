"""The epochs of a training run, as TensorBoard draws them; the only place that imports it."""

from collections.abc import Iterable
from pathlib import Path

from graphdb.errors import TrainingError
from training.extras import check_extra
from training.gnn.trainer import Epoch

_DRAWN = ("loss", "learning_rate", "seconds", "recall", "ndcg")


def check_tensorboard(folder: Path | None) -> None:
    """Checks, before an hour of training, that a log for TensorBoard can be written.

    Raises:
        TrainingError: There is no folder to keep it in, or the package is missing.
    """
    if folder is None:
        raise TrainingError(
            "a log for TensorBoard was asked for, and no folder to keep it in",
            next_step="name one with --keep",
        )
    check_extra("tensorboard", "tensorboard", "a log for TensorBoard")


class TensorBoardLog:
    """Scalars over the epochs: loss, learning rate, seconds, and recall and NDCG where measured.

    Args:
        folder: Where TensorBoard's own files are written.
        epochs: Those of an earlier run, which this one goes on from. What it had logged beyond
            them is withdrawn; where it had logged none, they are written now.
    """

    def __init__(self, folder: Path, epochs: Iterable[Epoch]) -> None:
        from torch.utils.tensorboard import SummaryWriter

        earlier = list(epochs)
        known = any(folder.glob("events.out.tfevents.*"))
        self._writer = SummaryWriter(str(folder), purge_step=len(earlier) + 1 if known else None)
        for epoch in () if known else earlier:
            self.add(epoch)

    def add(self, epoch: Epoch) -> None:
        """Writes an epoch, so that it can be seen at once."""
        for name in _DRAWN:
            value = getattr(epoch, name)
            if value is not None:
                self._writer.add_scalar(name, value, epoch.number)
        self._writer.flush()

    def close(self) -> None:
        self._writer.close()
