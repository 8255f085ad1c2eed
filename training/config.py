"""Defines the config of a training run, and reads and writes it as TOML."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from graphdb.atomic import made_folder, write_file
from graphdb.documents import TomlFile
from graphdb.errors import TrainingError
from training.cold_start import ColdStartConfig
from training.compression import CompressionConfig
from training.encoders import (
    EngagementConfig,
    NextConfig,
    PopularityConfig,
    ProfileConfig,
    SvdConfig,
)
from training.gnn import GnnConfig
from training.habits import HabitsConfig
from training.quality import QualityConfig


class SelectionConfig(BaseModel):
    """Whether the program chooses settings on the data; see `training.selection`."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    enabled: bool = False
    """Whether dimensions, exponents and half-life of the SVD, the weights of profile and
    popularity, and how brands are ranked are chosen on a validation part of the training data. Keys
    that the config sets itself stay as they are.
    """


class TrainConfig(BaseModel):
    """The config of a training run; docs/config.md lists every key.

    Every block of the vectors has a table with a `weight`, from which follows what is trained: a
    block with weight 0 is left out. The defaults train the SVD with profile and engagement.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    target_edge_type: str = "User-PURCHASED-Product"
    """The edge type to predict."""

    group: str = "Product-MADE_BY-Brand"
    """The edge type from a product to its brand; new brands are measured along it."""

    top_k: int = Field(default=20, ge=1, le=1000)
    """The length of the lists that are measured."""

    selection: SelectionConfig = SelectionConfig()
    """Whether settings are chosen on the data."""

    svd: SvdConfig = SvdConfig()
    """The SVD of who bought what."""

    graph: GnnConfig = GnnConfig()
    """The graph model, LightGCN over all edge types; it trains where its weight is above 0."""

    profile: ProfileConfig = ProfileConfig()
    """What users like in products: tags, price bands and brands."""

    next: NextConfig = NextConfig()
    """What users buy next, after their last events in order."""

    engagement: EngagementConfig = EngagementConfig()
    """What users watch, like and follow, for contents and creators."""

    popularity: PopularityConfig = PopularityConfig()
    """What most users buy."""

    habits: HabitsConfig = HabitsConfig()
    """What users take again, and how much that counts."""

    cold_start: ColdStartConfig = ColdStartConfig()
    """How new nodes get vectors."""

    compression: CompressionConfig = CompressionConfig()
    """How vectors are shortened."""

    quality: QualityConfig = QualityConfig()
    """How much returns, ratings and repeat purchases count in the quality of nodes."""

    @field_validator("popularity", mode="before")
    @classmethod
    def _is_a_table(cls, value: object) -> object:
        """Names the key to a file of an older release, where `popularity` was a number."""
        if isinstance(value, int | float):
            raise ValueError(f"it is a table now: [popularity] weight = {value}")
        return value

    @model_validator(mode="after")
    def _ranks_everything(self) -> Self:
        if not (self.svd.weight or self.graph.weight or self.next.weight):
            raise ValueError(
                "svd.weight, graph.weight and next.weight are 0, but one has to be above 0"
            )
        return self

    @model_validator(mode="after")
    def _has_what_is_chosen(self) -> Self:
        if self.selection.enabled and not self.svd.weight:
            raise ValueError("svd.weight is 0, but selection.enabled chooses settings of the SVD")
        return self

    @property
    def encoder_name(self) -> str:
        """What bundles and results call the encoder.

        'svd', 'graph', or 'concat' for both; 'next' without these two.
        """
        if not self.graph.weight:
            return "svd" if self.svd.weight else "next"
        return "concat" if self.svd.weight else "graph"


RENAMED: Mapping[str, str] = {
    "model": "blocks have weights: [graph] weight = 0.5 adds the graph model, [svd] weight = 0 "
    "leaves the SVD out",
    "balance": "it is 'weight' in [graph] now",
    "profile_balance": "it is 'weight' in [profile] now",
    "engagement_balance": "it is 'weight' in [engagement] now",
    "popularity_half_life_days": "it is 'half_life_days' in [popularity] now",
    "spectral": "the table is [svd] now",
    "newcomers": "the table is [cold_start] now",
    **{
        old: f"it is '{new}' now"
        for old, new in {
            "direction": "target_edge_type",
            "beta": "singular_value_exponent",
            "group_beta": "group_singular_value_exponent",
            "user_exponent": "user_degree_exponent",
            "item_power": "item_popularity_exponent",
            "pair_power": "repeat_exponent",
            "relation_weights": "event_weights",
            "side_weights": "edge_type_weights",
            "tie_weights": "edge_type_weights",
            "seed_batch": "batch_size",
            "query_batch": "batch_size",
            "candidates": "num_random_negatives",
            "popularity_power": "negative_sampling_exponent",
            "id_dropout": "node_dropout",
            "bad_stars": "max_negative_rating",
            "validation_share": "validation_fraction",
            "directions": "supervision",
            "gains": "relation_weights",
            "learn_gains": "learn_relation_weights",
        }.items()
    },
}
"""What to write in the place of keys that older releases had."""


DEFAULT_PRESET = "auto"
_OLD_PRESETS = {"quick": "default", "max": "svd-graph-large", "discover": "svd-graph-popularity"}


def presets() -> dict[str, Path]:
    """Returns the file of every preset, by name."""
    files = Path(__file__).with_name("presets").glob("*.toml")
    return {path.stem: path for path in sorted(files, key=lambda path: path.stem)}


def preset_path(name: str) -> Path:
    """Returns the file of a preset.

    Raises:
        TrainingError: There is no preset with that name.
    """
    known = presets()
    if name not in known:
        new = _OLD_PRESETS.get(name)
        raise TrainingError(
            f"there is no preset '{name}'",
            expected=None if new else "one of " + ", ".join(known),
            next_step=f"it is called '{new}' now" if new else None,
            value=name,
        )
    return known[name]


def default_config() -> TrainConfig:
    """What trains where nothing else is asked for: the preset with settings that are chosen."""
    return load_config(preset_path(DEFAULT_PRESET))


def make_config(
    path: Path | None, svd: Mapping[str, Any], graph: Mapping[str, Any] | None = None
) -> TrainConfig:
    """The settings of a file, if there is one, with some values put in the place of its own.

    Raises:
        TrainingError: As for `load_config`; or a value put in place is out of its range.
    """
    base = load_config(path) if path else TrainConfig()
    content = base.model_dump(exclude_unset=True)  # what is not set can still be chosen
    for table, values in (("svd", svd), ("graph", graph or {})):
        content[table] = content.get(table, {}) | dict(values)
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
    return TomlFile(path, TrainConfig, TrainingError, RENAMED).content


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
