"""What may be tried: a training config with ranges in the place of values."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, RootModel, ValidationError, model_validator

from graphdb.documents import TomlFile
from graphdb.errors import TrainingError, nearest
from training.config import RENAMED, TrainConfig

Value = bool | int | float | str
KeyPath = tuple[str, ...]

_ALWAYS = ("profile", "next", "popularity")
_TUNED = {
    "svd": ("svd", *_ALWAYS),
    "graph": ("graph", *_ALWAYS),
    "concat": ("svd", "graph", *_ALWAYS),
    "next": _ALWAYS,
}
"""The tables that matter to an encoder, without those that change what is measured."""


class _Range(BaseModel):
    """What stands in the place of a value."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    low: int | float | None = None
    high: int | float | None = None
    log: bool = False
    choices: list[Value] | None = Field(default=None, min_length=1)

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        ends = (self.low is not None) + (self.high is not None)
        if ends != (0 if self.choices else 2):
            raise ValueError("give low and high, or choices")
        if self.low is not None and self.high is not None:
            if self.low > self.high:
                raise ValueError(f"low is {self.low}, above high, {self.high}")
            if self.log and self.low <= 0:
                raise ValueError(f"low is {self.low}; with log it has to be above 0")
        elif self.log:
            raise ValueError("log goes with low and high")
        return self


@dataclass(frozen=True, slots=True)
class Dimension:
    """One setting with the values to try.

    Args:
        path: The keys that lead to it in a training config.
        low: The lowest value, inclusive like `high`; whole numbers if the setting is one.
        log: Whether to sample orders of magnitude evenly.
        choices: The values to try, instead of a range.
    """

    path: KeyPath
    low: int | float | None = None
    high: int | float | None = None
    log: bool = False
    choices: tuple[Value, ...] = ()

    @property
    def name(self) -> str:
        """The name, such as 'svd.singular_value_exponent'."""
        return ".".join(self.path)

    @property
    def ends(self) -> tuple[Value, ...]:
        """All choices, or the two ends of the range."""
        if self.low is None or self.high is None:
            return self.choices
        return (self.low, self.high)

    def holds(self, value: object) -> bool:
        """Whether a value is among those to try."""
        if self.choices:
            return value in self.choices
        assert self.low is not None and self.high is not None
        return isinstance(value, int | float) and self.low <= value <= self.high


@dataclass(frozen=True, slots=True)
class Space:
    """All settings to tune; the others keep the values of a base config."""

    dimensions: tuple[Dimension, ...]

    def config(self, base: TrainConfig, values: Mapping[str, Value]) -> TrainConfig:
        """Returns the base config with these values, by name of the dimension."""
        content = base.model_dump()
        for dimension in self.dimensions:
            if dimension.name in values:
                _put(content, dimension.path, values[dimension.name])
        return TrainConfig.model_validate(content)

    def values(self, config: TrainConfig) -> dict[str, Value]:
        """Returns the values of a config for the dimensions, as far as the space includes them."""
        content = config.model_dump()
        found = {d.name: (_get(content, d.path), d) for d in self.dimensions}
        return {name: value for name, (value, d) in found.items() if d.holds(value)}


def default_space(base: TrainConfig) -> Space:
    """Returns the default settings to tune for the model of the base config."""
    return load_space(Path(__file__).with_name("spaces") / f"{base.encoder_name}.toml", base)


def load_space(path: str | Path, base: TrainConfig) -> Space:
    """Reads a space from TOML: tables and keys of a config, with ranges instead of values.

    A range is `{ low = 0.1, high = 10.0, log = true }` or `{ choices = [64, 128] }`.

    Raises:
        TrainingError: The file is missing or not TOML; a key is unknown or has no effect on the
            model of the base config; or a range is wrong or exceeds the limits of the setting. The
            message names the line.
    """
    file = TomlFile(path, _Content, TrainingError)
    dimensions = [
        _dimension(file, base, key_path, leaf) for key_path, leaf in _leaves(file.content.root)
    ]
    if not dimensions:
        raise TrainingError(
            f"{file.path.name} names nothing to try",
            expected="such as [svd] singular_value_exponent = { low = 0, high = 1 }",
            value=str(path),
        )
    return Space(tuple(dimensions))


class _Content(RootModel[dict[str, Any]]):
    """Any TOML; what it says is checked against the training config key by key."""


def _leaves(table: Mapping[str, Any], above: KeyPath = ()) -> Iterator[tuple[KeyPath, Any]]:
    """Every range and every plain value, with the keys that lead there."""
    for key, value in table.items():
        here = (*above, key)
        if isinstance(value, dict) and not value.keys() & _Range.model_fields.keys():
            yield from _leaves(value, here)
        else:
            yield here, value


def _dimension(
    file: TomlFile[_Content], base: TrainConfig, path: KeyPath, leaf: object
) -> Dimension:
    name, parts = ".".join(path), _TUNED[base.encoder_name]
    if path[0] in TrainConfig.model_fields and path[0] not in parts:
        raise file.error(
            path,
            f"'{name}' cannot be tuned for the encoder '{base.encoder_name}'",
            expected="a key of " + ", ".join(f"[{part}]" for part in parts),
            value=name,
        )
    if not isinstance(leaf, dict):
        raise file.error(
            path,
            f"'{name}' is {leaf!r}, no range",
            expected="{ low = ..., high = ... } or { choices = [...] }",
            next_step="what is not to be tuned belongs into the training config (--config)",
            value=leaf,
        )
    try:
        given = _Range.model_validate(leaf)
    except ValidationError as error:
        first = error.errors()[0]
        where = (*path, *map(str, first["loc"]))
        raise file.error(path, f"'{'.'.join(where)}': {first['msg']}", value=leaf) from error
    raw = Dimension(path, given.low, given.high, given.log, tuple(given.choices or ()))
    values = [_checked(file, base, path, end) for end in raw.ends]
    if given.choices is not None:
        return Dimension(path, choices=tuple(values))
    low, high = values
    return Dimension(path, low, high, given.log)


def _checked(file: TomlFile[_Content], base: TrainConfig, path: KeyPath, value: Value) -> Any:
    """The value as the training config reads it: a whole number stays one only where it is one."""
    content = base.model_dump()
    try:
        _put(content, path, value)
        return _get(TrainConfig.model_validate(content).model_dump(), path)
    except ValidationError as error:
        first = error.errors()[0]
        wrong = ".".join(map(str, first["loc"]))
        if first["type"] == "extra_forbidden":
            known = _keys_beside(first["loc"])
            key = str(first["loc"][-1])
            step = RENAMED.get(key) or nearest(key, known) or "known keys: " + ", ".join(known)
            raise file.error(path, f"unknown key '{wrong}'", next_step=step, value=wrong) from error
        raise file.error(
            path, f"'{'.'.join(path)}' cannot be {value!r}: {first['msg']}", value=value
        ) from error


def _keys_beside(location: tuple[int | str, ...]) -> list[str]:
    """The keys that a training config has where another one was given."""
    model: Any = TrainConfig
    for key in location[:-1]:
        model = model.model_fields[str(key)].annotation
    return list(model.model_fields)


def _put(content: dict[str, Any], path: KeyPath, value: Value) -> None:
    for key in path[:-1]:
        content = content.setdefault(key, {})
    content[path[-1]] = value


def _get(content: Mapping[str, Any], path: KeyPath) -> Any:
    """What stands there, None where nothing does."""
    found: Any = content
    for key in path:
        found = found.get(key) if isinstance(found, dict) else None
    return found
