"""A training config as the TOML text that `load_config` reads."""

import json
import re
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel

from graphdb.atomic import made_folder, write_file
from graphdb.errors import TrainingError
from training.config import TrainConfig

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
