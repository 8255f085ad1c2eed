"""The settings of a data set, as scripts/benchmarks/settings has them, and changes to them."""

import argparse
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.models.baselines import BASELINES
from training.config import TrainConfig, load_config, preset_path

AUTO = preset_path("auto").read_text(encoding="utf-8")
"""The settings that training chooses itself, as TOML."""

FOLDER = Path(__file__).parents[1] / "settings"


def settings_of(name: str, seed: int, changes: list[str]) -> TrainConfig:
    """The settings of a data set, with some in the place of the file's."""
    content = load_config(FOLDER / f"{name}.toml").model_dump()
    content["svd"]["seed"] = content["graph"]["seed"] = seed
    return merged_config(changes, content)


def merged_config(changes: Sequence[str], content: Mapping[str, Any] | None = None) -> TrainConfig:
    """Settings, by default the default ones, with changes, as TOML, one after the other."""
    content = {} if content is None else content
    for change in changes:
        content = merged(content, tomllib.loads(change))
    return TrainConfig.model_validate(content)


def baseline_change(text: str) -> dict[str, Any]:
    """From TOML such as 'ials.dim=256'.

    Raises:
        ArgumentTypeError: It is not TOML, or changes what is no baseline.
    """
    try:
        change = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not TOML: {error}") from error
    unknown = ", ".join(sorted(set(change) - set(BASELINES)))
    if unknown:
        raise argparse.ArgumentTypeError(
            f"no baseline: {unknown}; there are {', '.join(BASELINES)}"
        )
    return change


def baseline_settings(data: str, name: str, changes: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What differs from a baseline's defaults for a data set, with some in the file's place."""
    content = tomllib.loads((FOLDER / "baselines.toml").read_text(encoding="utf-8"))
    settings: dict[str, Any] = content.get(data, {}).get(name, {})
    for change in changes:
        settings = merged(settings, change.get(name, {}))
    return settings


def merged(base: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """The base with the values of the change, table by table."""
    both = dict(base)
    for key, value in change.items():
        both[key] = merged(base.get(key, {}), value) if isinstance(value, dict) else value
    return both
