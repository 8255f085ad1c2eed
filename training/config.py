"""What a training run can be told, and how a TOML file tells it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from graphdb.errors import TrainingError
from graphdb.toml_file import TomlFile
from training.encoders import SpectralConfig


class TrainConfig(BaseModel):
    """One training run.

    Args:
        direction: What is foretold, as an edge type: who does what with which.
        group: What ties a product to its brand; new brands are measured along it.
        top_k: Length of the lists that are measured.
        spectral: How the closed form is computed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    direction: str = "User-PURCHASED-Product"
    group: str = "Product-MADE_BY-Brand"
    top_k: int = Field(default=20, ge=1, le=1000)
    spectral: SpectralConfig = SpectralConfig()


def make_config(path: Path | None, spectral: Mapping[str, Any]) -> TrainConfig:
    """The settings of a file, if there is one, with some of the closed form's put in their place.

    Raises:
        TrainingError: As for `load_config`; or a value put in place is out of its range.
    """
    base = load_config(path) if path else TrainConfig()
    content = base.model_dump()
    content["spectral"].update(spectral)
    try:
        return TrainConfig.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise TrainingError(
            f"'{key}' cannot be {first['input']!r}: {first['msg']}", value=first["input"]
        ) from error


def load_config(path: str | Path) -> TrainConfig:
    """Reads a TOML file; what it leaves out keeps its default.

    Raises:
        TrainingError: The file is missing or no TOML, or a key or value is wrong; the message
            names the line and the nearest key.
    """
    return TomlFile(path, TrainConfig, TrainingError).content
