"""Defines the settings of a training run, and reads and writes them as TOML."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from graphdb.atomic import made_folder, write_file
from graphdb.documents import TomlFile
from graphdb.errors import TrainingError
from training.cold_start import ColdStartConfig
from training.encoders import EngagementConfig, ProfileConfig, SvdConfig
from training.gnn import GnnConfig
from training.quality import QualityConfig


class TrainConfig(BaseModel):
    """One training run.

    Args:
        target_edge_type: What is predicted, as an edge type: who does what with which.
        group: What connects a product to its brand; new brands are measured along it.
        top_k: Length of the lists that are measured.
        svd: How the SVD is computed.
        model: The SVD, the graph network, or both side by side in one vector.
        graph: How the network is built and trained.
        balance: With both, how widely the network's scores spread beside the SVD's.
        popularity: How widely what is popular in general spreads beside the scores of the model;
            0 leaves it out. For data that tell little of most queries.
        popularity_half_life_days: After how many days a purchase counts half in that; None for
            never.
        profile: How what users like in products enters the vectors, beside the model.
        profile_balance: How widely its scores spread beside the model's; 0 leaves it out.
        engagement: How what users watch, like and follow enters the vectors, beside all that.
        engagement_balance: How widely its scores for contents and creators spread beside the
            others'; 0 leaves it out.
        cold_start: How nodes that nothing is known of get vectors.
        quality: How much returns, ratings and repeat purchases count in the quality of nodes.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    target_edge_type: str = "User-PURCHASED-Product"
    group: str = "Product-MADE_BY-Brand"
    top_k: int = Field(default=20, ge=1, le=1000)
    svd: SvdConfig = SvdConfig()
    model: Literal["svd", "graph", "concat"] = "svd"
    graph: GnnConfig = GnnConfig()
    balance: float = Field(default=0.5, gt=0, le=1000, allow_inf_nan=False)
    popularity: float = Field(default=0.0, ge=0, le=1000, allow_inf_nan=False)
    popularity_half_life_days: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    profile: ProfileConfig = ProfileConfig()
    profile_balance: float = Field(default=1.0, ge=0, le=1000, allow_inf_nan=False)
    engagement: EngagementConfig = EngagementConfig()
    engagement_balance: float = Field(default=2.0, ge=0, le=1000, allow_inf_nan=False)
    cold_start: ColdStartConfig = ColdStartConfig()
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
    path: Path | None, svd: Mapping[str, Any], graph: Mapping[str, Any] | None = None
) -> TrainConfig:
    """The settings of a file, if there is one, with some values put in the place of its own.

    Raises:
        TrainingError: As for `load_config`; or a value put in place is out of its range.
    """
    base = load_config(path) if path else TrainConfig()
    content = base.model_dump()
    content["svd"].update(svd)
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


_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def to_toml(config: TrainConfig) -> str:
    """All settings, defaults too, so that the text means the same where defaults have changed.

    Raises:
        TrainingError: A setting is None while its default is not, which TOML cannot say.

    Example:
        >>> print(to_toml(TrainConfig(top_k=5)).splitlines()[2])
        top_k = 5
    """
    return "\n".join(_lines(config, ())).strip() + "\n"


def write_config(path: Path, config: TrainConfig, comment: str, *, overwrite: bool) -> None:
    """Writes the text with a comment above; no half file is left.

    Raises:
        TrainingError: The file exists and `overwrite` is off, or it cannot be written; or as for
            `to_toml`.
    """
    check_unused(path, overwrite=overwrite)
    head = "".join(f"# {line}\n" for line in comment.splitlines())
    text = f"{head}\n{to_toml(config)}"
    with made_folder(path.parent):
        write_file(path, text, TrainingError)


def check_unused(path: Path, *, overwrite: bool) -> None:
    """Raises TrainingError where a file would be written over without leave."""
    if path.exists() and not overwrite:
        raise TrainingError(
            f"'{path}' exists already",
            next_step="choose another name, or allow to write over it (--overwrite)",
            value=str(path),
        )


def _lines(model: BaseModel, above: tuple[str, ...]) -> list[str]:
    """The model's own values, then the tables in it."""
    lines, tables = [], []
    for name, field in type(model).model_fields.items():
        value, path = getattr(model, name), (*above, name)
        if isinstance(value, BaseModel):
            tables += ["", f"[{'.'.join(path)}]", *_lines(value, path)]
        elif isinstance(value, Mapping):
            if value:
                entries = [f"{_key(key)} = {_value(entry)}" for key, entry in value.items()]
                tables += ["", f"[{'.'.join(path)}]", *entries]
        elif value is not None:
            lines.append(f"{name} = {_value(value)}")
        elif field.default is not None:
            raise TrainingError(
                f"'{'.'.join(path)}' is None, which TOML cannot say",
                next_step="give it a value, such as a very large number of days for never",
                value=name,
            )
    return lines + tables


def _key(name: str) -> str:
    return name if _BARE_KEY.fullmatch(name) else _value(name)


def _value(value: object) -> str:
    """A bool, number, text, or a sequence of these; JSON's forms are TOML's but for one sign."""
    if isinstance(value, tuple | list):
        return "[" + ", ".join(map(_value, value)) + "]"
    if isinstance(value, float):
        return repr(value)
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
