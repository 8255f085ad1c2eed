"""What a training run can be told, and how a TOML file tells it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from graphdb.errors import TrainingError
from graphdb.toml_file import TomlFile
from training.encoders import EngagementConfig, ProfileConfig, SpectralConfig
from training.gnn import GnnConfig
from training.newcomers import NewcomerConfig
from training.quality import QualityConfig


class TrainConfig(BaseModel):
    """One training run.

    Args:
        direction: What is foretold, as an edge type: who does what with which.
        group: What ties a product to its brand; new brands are measured along it.
        top_k: Length of the lists that are measured.
        spectral: How the closed form is computed.
        model: The closed form, the graph network, or both side by side in one vector.
        graph: How the network is built and trained.
        balance: With both, how widely the network's scores spread beside the closed form's.
        popularity: How widely what is popular in general spreads beside the scores of the model;
            0 leaves it out. For data that tell little of most seeds.
        popularity_half_life_days: After how many days a purchase counts half in that; None for
            never.
        profile: How what users like in products enters the vectors, beside the model.
        profile_balance: How widely its scores spread beside the model's; 0 leaves it out.
        engagement: How what users watch, like and follow enters the vectors, beside all that.
        engagement_balance: How widely its scores for contents and creators spread beside the
            others'; 0 leaves it out.
        newcomers: How nodes that nothing is known of get vectors.
        quality: How much returns, ratings and repeat purchases count in the quality of nodes.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    direction: str = "User-PURCHASED-Product"
    group: str = "Product-MADE_BY-Brand"
    top_k: int = Field(default=20, ge=1, le=1000)
    spectral: SpectralConfig = SpectralConfig()
    model: Literal["spectral", "graph", "both"] = "spectral"
    graph: GnnConfig = GnnConfig()
    balance: float = Field(default=0.5, gt=0, le=1000, allow_inf_nan=False)
    popularity: float = Field(default=0.0, ge=0, le=1000, allow_inf_nan=False)
    popularity_half_life_days: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    profile: ProfileConfig = ProfileConfig()
    profile_balance: float = Field(default=1.0, ge=0, le=1000, allow_inf_nan=False)
    engagement: EngagementConfig = EngagementConfig()
    engagement_balance: float = Field(default=2.0, ge=0, le=1000, allow_inf_nan=False)
    newcomers: NewcomerConfig = NewcomerConfig()
    quality: QualityConfig = QualityConfig()


def presets() -> dict[str, Path]:
    """The file of every preset, by name."""
    files = Path(__file__).with_name("presets").glob("*.toml")
    return {path.stem: path for path in sorted(files)}


def preset_path(name: str) -> Path:
    """The file of a preset.

    Raises:
        TrainingError: There is none of that name.
    """
    known = presets()
    if name not in known:
        raise TrainingError(
            f"there is no preset '{name}'",
            expected="one of " + ", ".join(known),
            value=name,
        )
    return known[name]


def make_config(
    path: Path | None, spectral: Mapping[str, Any], graph: Mapping[str, Any] | None = None
) -> TrainConfig:
    """The settings of a file, if there is one, with some values put in the place of its own.

    Raises:
        TrainingError: As for `load_config`; or a value put in place is out of its range.
    """
    base = load_config(path) if path else TrainConfig()
    content = base.model_dump()
    content["spectral"].update(spectral)
    content["graph"].update(graph or {})
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
