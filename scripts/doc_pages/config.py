"""docs/config.md: every table and key of a training config, with what is said beside each field."""

import json
from collections.abc import Iterator
from types import NoneType
from typing import Annotated, Any, Literal, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from doc_pages.markdown import number, page, table, wrapped
from training.config import TrainConfig

INTRO = """\
A training config is a TOML file for `--config` of [`train`](training.md), `evaluate` and `tune`. A
key that the file does not set keeps its default. The [presets](training.md#on-a-laptop) are files
like these. In Python, each table is a class of its own ([API](api-training.md#config)).
[config.schema.json](config.schema.json) is the same as a JSON schema, for editors.

A node has one vector, which consists of blocks: `[svd]`, `[graph]`, `[profile]`, `[engagement]` and
`[popularity]`. The score of two nodes is the sum of their scores in each block. The `weight` of a
block says how widely its scores spread; the larger it is beside other weights, the more the block
decides, and 0 leaves it out. `half_life_days` is the age at which an event counts half in a block.
None means that a key is left out; where the default is a number, TOML cannot say None: for a
half-life, set a very large number instead.""".splitlines()
HEADINGS = ["key", "type", "default", "range", "meaning"]
_KINDS = {int: "whole number", float: "number", bool: "true or false", str: "text"}


def config_schema_json() -> str:
    """The same as a JSON schema."""
    return json.dumps(TrainConfig.model_json_schema(), indent=1, ensure_ascii=False) + "\n"


def config_page() -> str:
    tables = {name: one for name, one in TrainConfig.model_fields.items() if _is_table(one)}
    top = {name: one for name, one in TrainConfig.model_fields.items() if name not in tables}
    return page(
        "The training config",
        "the fields of training.TrainConfig",
        INTRO,
        ["## Without a table"],
        table(HEADINGS, [_row(name, one) for name, one in top.items()]),
        *(part for name, one in tables.items() for part in _section(name, one)),
    )


def _is_table(field: FieldInfo) -> bool:
    return isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)


def _section(name: str, field: FieldInfo) -> Iterator[list[str]]:
    model: Any = field.annotation
    yield [f"## [{name}]"]
    yield wrapped(str(field.description))
    yield table(HEADINGS, [_row(key, one) for key, one in model.model_fields.items()])


def _row(name: str, field: FieldInfo) -> list[str]:
    kind, limits = _kind(field.annotation)
    limits = _limits(field.metadata) or limits
    meaning = " ".join(str(field.description).split())
    return [f"`{name}`", kind, _default(field), limits, meaning]


def _kind(annotation: Any) -> tuple[str, str]:
    """The type of a field in words, and the range of its numbers."""
    if get_origin(annotation) is Annotated:
        inner, *given = get_args(annotation)
        kind, limits = _kind(inner)
        fields = [one for one in given if isinstance(one, FieldInfo)]
        return kind, _limits([one for field in fields for one in field.metadata]) or limits
    if annotation in _KINDS:
        return _KINDS[annotation], ""
    if get_origin(annotation) is Literal:
        return " or ".join(f'`"{one}"`' for one in get_args(annotation)), ""
    arguments = [one for one in get_args(annotation) if one not in (NoneType, ...)]
    if get_origin(annotation) is dict:
        kind, limits = _kind(arguments[1])
        return f"table of {kind}s", limits
    if get_origin(annotation) is tuple:
        return f"list of {_kind(arguments[0])[0]}s", ""
    found = [_kind(one) for one in arguments]
    return " or ".join(kind for kind, _ in found), "".join(limits for _, limits in found)


def _limits(metadata: list[Any]) -> str:
    """The range that pydantic checks, such as '0 to 1' or 'above 0, at most 10'."""
    low = next((f"from {number(one.ge)}" for one in metadata if isinstance(one, Ge)), "")
    low = low or next((f"above {number(one.gt)}" for one in metadata if isinstance(one, Gt)), "")
    high = next((f"to {_large(one.le)}" for one in metadata if isinstance(one, Le)), "")
    high = high or next((f"below {_large(one.lt)}" for one in metadata if isinstance(one, Lt)), "")
    if low.startswith("from ") and high.startswith("to "):
        return f"{low.removeprefix('from ')} {high}"
    return ", ".join(part for part in (low, high.replace("to ", "at most ")) if part)


def _large(value: Any) -> str:
    is_power = isinstance(value, int) and value > 1 << 32 and value & (value - 1) == 0
    return f"2^{value.bit_length() - 1}" if is_power else f"{value:,}".removesuffix(".0")


def _default(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=True)
    if value is None or value == {}:
        return ""
    return f"`{json.dumps(value)}`"
