"""What the commands of this package share; imports no torch."""

from importlib.util import find_spec
from typing import TYPE_CHECKING

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from graphdb.errors import TrainingError
from graphrec.cli.output import error_console

if TYPE_CHECKING:
    from training.gnn.trainer import Epoch


def check_installed() -> None:
    """Raises TrainingError where the packages of the extra are missing."""
    for name in ("torch", "torch_geometric"):
        if find_spec(name) is None:
            raise TrainingError(
                f"training needs {name}, which is not installed",
                next_step="install graphrec[train]",
                value=name,
            )


def progress_bar() -> Progress:
    """On stderr; silent where that is no terminal."""
    screen = error_console()
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=screen,
        transient=True,
        disable=not screen.is_terminal,
    )


def described(epoch: "Epoch") -> str:
    """An epoch in a few words, for a progress bar."""
    reached = "" if epoch.recall is None else f", recall {epoch.recall:.4f}"
    return f"epoch {epoch.number}, loss {epoch.loss:.3f}{reached}"
