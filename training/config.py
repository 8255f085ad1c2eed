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
    """The config of a training run.

    Args:
        target_edge_type: The edge type to predict.
        group: The edge type from a product to its brand; new brands are measured along it.
        top_k: The length of the lists that are measured.
        svd: The config of the SVD.
        model: The model: the SVD, the graph model, or both concatenated.
        graph: The config of the graph model.
        balance: How widely the scores of the graph model spread, relative to those of the SVD, if
            both are concatenated.
        popularity: How widely general popularity spreads, relative to the scores of the model; 0
            leaves it out. For data that say little about most query nodes.
        popularity_half_life_days: The age at which a purchase counts half for that popularity; None
            for never.
        profile: The config of the profile encoder, which adds what users like in products.
        profile_balance: How widely its scores spread, relative to those of the model; 0 leaves it
            out.
        engagement: The config of the engagement encoder, which adds what users watch, like and
            follow.
        engagement_balance: How widely its scores for contents and creators spread, relative to the
            others; 0 leaves it out.
        cold_start: How new nodes get vectors.
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
    """Returns the file of every preset, by name."""
    files = Path(__file__).with_name("presets").glob("*.toml")
    return {path.stem: path for path in sorted(files)}


def preset_path(name: str) -> Path:
    """Returns the file of a preset.

    Raises:
        TrainingError: There is no preset with that name.
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
    """Reads a config from a TOML file; missing keys keep their defaults.

    Raises:
        TrainingError: The file is missing or not TOML, or a key or value is wrong; the message
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
    """Writes a config as TOML, with a comment above it, completely or not at all.

    Raises:
        TrainingError: The file exists and `overwrite` is off, or it cannot be written, or TOML
            cannot express a value (None).
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
