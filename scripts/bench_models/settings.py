"""The settings of a data set, as scripts/bench_settings has them, and changes to them."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from training.config import TrainConfig, load_config

FOLDER = Path(__file__).parents[1] / "bench_settings"


def settings_of(name: str, seed: int, changes: list[str]) -> TrainConfig:
    """The settings of a data set, with some in the place of the file's."""
    content = load_config(FOLDER / f"{name}.toml").model_dump()
    content["spectral"]["seed"] = content["graph"]["seed"] = seed
    for change in changes:
        content = merged(content, tomllib.loads(change))
    return TrainConfig.model_validate(content)


def merged(base: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """The base with the values of the change, table by table."""
    both = dict(base)
    for key, value in change.items():
        both[key] = merged(base.get(key, {}), value) if isinstance(value, dict) else value
    return both
