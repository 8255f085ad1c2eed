"""What the commands of this package share; imports no torch."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from graphdb.errors import TrainingError
from training.extras import check_extra

if TYPE_CHECKING:
    from training.config import TrainConfig
    from training.gnn.trainer import Epoch


SnapshotArgument = Annotated[
    str, typer.Argument(metavar="SNAPSHOT", help="A folder that `graphrec snapshot` wrote.")
]
DeviceOption = Annotated[
    str | None, typer.Option(help="Where the graph model trains; by default a GPU if there is one.")
]
PresetOption = Annotated[
    str | None,
    typer.Option(
        help="What to train: 'auto' (the SVD with settings chosen on the data), 'default' (the SVD "
        "with fixed settings, in seconds), or with the graph model 'svd-graph', 'svd-graph-large' "
        "or 'svd-graph-popularity'.",
        show_default="auto",
    ),
]


def check_installed() -> None:
    """Raises TrainingError where the packages of the extra are missing."""
    for name in ("torch", "torch_geometric"):
        check_extra(name, "train", "training")


def chosen_config(
    preset: str | None, path: Path | None, *, dim: int | None = None, seed: int | None = None
) -> "TrainConfig":
    """The settings of a preset or a file, with some options in the place of their own.

    Args:
        dim: Dimensions of the SVD.
        seed: Of both models.

    Raises:
        TrainingError: Both are given, or as for `make_config`.
    """
    from training.config import DEFAULT_PRESET, make_config, preset_path

    if preset and path:
        raise TrainingError(
            "a preset and a config file were given", expected="one of --preset and --config"
        )
    both = {} if seed is None else {"seed": seed}
    svd = both if dim is None else {"dim": dim, **both}
    return make_config(path or preset_path(preset or DEFAULT_PRESET), svd, both)


def described(epoch: "Epoch") -> str:
    """An epoch in a few words, for a progress bar."""
    reached = "" if epoch.recall is None else f", recall {epoch.recall:.4f}"
    return f"epoch {epoch.number}, loss {epoch.loss:.3f}{reached}"
