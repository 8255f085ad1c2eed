"""JSON as its standard has it: no NaN and no infinity, each key once, text that is Unicode."""

import json
import math
from collections.abc import Callable
from typing import Any

MAX_DEPTH = 100


def read_json(text: str | bytes) -> Any:
    """The value of a JSON document that may come from anywhere.

    Raises:
        ValueError: It is not JSON, holds a number that is none or no text, repeats a key, or is
            nested too deeply.

    >>> read_json('{"a": [1, 2.5, null]}')
    {'a': [1, 2.5, None]}
    >>> read_json('{"a": 1e999}')
    Traceback (most recent call last):
    ValueError: the number 1e999 is too large
    """
    if isinstance(text, bytes):
        text = text.decode("utf-8")
    try:
        value = json.loads(
            text,
            parse_constant=_refuse_constant,
            parse_float=_finite,
            object_pairs_hook=_each_key_once,
        )
        if "\\u" in text:  # which can write halves of a sign that UTF-8 cannot
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    if isinstance(value, dict | list) and _depth(value) > MAX_DEPTH:
        raise ValueError(f"it is nested more than {MAX_DEPTH} levels deep")
    return value


def write_json(
    value: Any, *, indent: int | None = None, default: Callable[[Any], Any] | None = None
) -> str:
    """A value as JSON; a number that JSON does not have, such as NaN, becomes null.

    Args:
        default: Gives the form of what has none of its own, as for `json.dumps`.

    >>> write_json({"recall": float("nan"), "k": 10})
    '{"recall": null, "k": 10}'
    """

    def text(plain: Any) -> str:
        return json.dumps(
            plain, allow_nan=False, indent=indent, ensure_ascii=False, default=default
        )

    try:
        return text(value)
    except ValueError:
        return text(_finite_only(value))


def _finite_only(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite_only(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite_only(inner) for inner in value]
    return value


def _depth(value: Any) -> int:
    """How many lists and mappings lie in each other at most."""
    depth, level = 0, [value]
    while level:
        inner = [one.values() if isinstance(one, dict) else one for one in level]
        level = [one for some in inner for one in some if isinstance(one, dict | list)]
        depth += 1
    return depth


def _refuse_constant(text: str) -> float:
    raise ValueError(f"{text} is no number of JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"the number {text} is too large")
    return number


def _each_key_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        repeated = next(name for name in found if names.count(name) > 1)
        raise ValueError(f"the key '{repeated}' is repeated")
    return found
