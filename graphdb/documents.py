"""Reads and writes strict JSON, and reads TOML files into pydantic models.

JSON follows its standard: no NaN, no infinity, no duplicate keys, valid Unicode. Errors in TOML
files name the line and the nearest key.
"""

import json
import math
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from graphdb.errors import GraphRecError, nearest
from graphdb.file_access import refused

MAX_DEPTH = 100


def read_json(text: str | bytes) -> Any:
    """Parses an untrusted JSON document.

    Raises:
        ValueError: It is not JSON, holds NaN, infinity or invalid Unicode, repeats a key, or is
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
        if "\\u" in text:  # JSON can hold lone surrogates, which UTF-8 cannot
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    if isinstance(value, dict | list) and _depth(value) > MAX_DEPTH:
        raise ValueError(f"it is nested more than {MAX_DEPTH} levels deep")
    return value


def write_json(
    value: Any, *, indent: int | None = None, default: Callable[[Any], Any] | None = None
) -> str:
    """Returns a value as JSON; NaN and infinity become null.

    Args:
        default: Converts other objects, as for `json.dumps`.

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
    """The depth of nested lists and mappings."""
    depth, level = 0, [value]
    while level:
        inner = [one.values() if isinstance(one, dict) else one for one in level]
        level = [one for some in inner for one in some if isinstance(one, dict | list)]
        depth += 1
    return depth


def _refuse_constant(text: str) -> float:
    raise ValueError(f"{text} is not a JSON number")


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


Location = tuple[str | int, ...]
_Model = TypeVar("_Model", bound=BaseModel)
_HEADER = re.compile(r"^\s*(\[\[?)\s*([^\]]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"""^\s*("[^"]*"|'[^']*'|[A-Za-z0-9_-]+)\s*(?:\.|=)""")


class TomlFile(Generic[_Model]):
    """A validated TOML file that knows the line of each key.

    Args:
        model: The pydantic model of the file.
        error_class: The error to raise if the file does not fit the model.
        other_words: Advice for unknown keys that people often try.

    Raises:
        GraphRecError: As `error_class`, naming file, line, key and the nearest valid key.
        FileAccessError: The system refuses to read it.
    """

    def __init__(
        self,
        path: str | Path,
        model: type[_Model],
        error_class: type[GraphRecError],
        other_words: Mapping[str, str] | None = None,
    ) -> None:
        self.path = Path(path)
        self._error_class = error_class
        self._other_words = other_words or {}
        self._text = self._read()
        try:
            self.content = model.model_validate(tomllib.loads(self._text))
        except ValidationError as error:
            raise self._first_of(error, model) from error
        except ValueError as error:  # invalid TOML, or a number with thousands of digits
            name = self.path.name
            raise error_class(f"{name} is not valid TOML: {error}", value=str(path)) from error
        except RecursionError as error:
            name = self.path.name
            raise error_class(f"{name} is nested too deeply", value=str(path)) from error

    def _read(self) -> str:
        path = self.path
        try:
            return path.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError as error:
            line = error.object.count(b"\n", 0, error.start) + 1
            raise self._error_class(
                f"{path.name}, line {line}: byte {error.object[error.start]:#04x} is not UTF-8",
                next_step="save the file as UTF-8",
                value=str(path),
            ) from error
        except FileNotFoundError as error:
            what = f"'{path}' does not exist"
            raise self._error_class(what, value=str(path)) from error
        except OSError as error:
            raise refused(error, "read", path) from error
        except ValueError as error:  # such as a path with a NUL character
            raise self._error_class(f"'{path}' cannot be read: {error}", value=str(path)) from error

    def error(
        self,
        location: Location,
        what: str,
        *,
        expected: str | None = None,
        next_step: str | None = None,
        value: object = None,
    ) -> GraphRecError:
        """Returns the error for a key; the message names its line."""
        place = f"{self.path.name}, line {line_of(self._text, location)}"
        return self._error_class(
            f"{place}: {what}", expected=expected, next_step=next_step, value=value
        )

    def _first_of(self, error: ValidationError, model: type[BaseModel]) -> GraphRecError:
        first = first_problem(error, model, self._other_words)
        return self.error(first.location, first.what, next_step=first.next_step, value=first.value)


class Problem(NamedTuple):
    """What is wrong with a document, and where."""

    location: Location
    what: str
    next_step: str | None
    value: object


def first_problem(
    error: ValidationError, model: type[BaseModel], other_words: Mapping[str, str]
) -> Problem:
    """Returns the problem of a document that explains most.

    Args:
        other_words: Advice for unknown keys that people often try.
    """
    # A misspelt key often makes a required one missing; the misspelling explains more.
    first = min(error.errors(), key=lambda entry: entry["type"] != "extra_forbidden")
    location = first["loc"]
    if first["type"] == "extra_forbidden":
        known = _fields_at(model, location[:-1])
        wrong = str(location[-1])
        suggestion = other_words.get(wrong) or nearest(wrong, known)
        suggestion = suggestion or f"known keys: {', '.join(known)}"
        return Problem(location, f"unknown key '{wrong}'", suggestion, wrong)
    key = ".".join(str(part) for part in location)
    said = first["msg"].removeprefix("Value error, ")
    return Problem(location, f"'{key}': {said}" if key else said, None, first.get("input"))


def line_of(text: str, location: Location) -> int:
    r"""Returns the line (from 1) of a key in a TOML text, or of its nearest parent.

    >>> line_of('[[table]]\nfile = "a.csv"\n[[table]]\nfil = "b.csv"', ("table", 1, "fil"))
    4
    """
    best, best_depth = 1, 0
    for number, path in _paths(text):
        depth = 0
        for here, wanted in zip(path, location, strict=False):
            if here != wanted:
                break
            depth += 1
        if depth > best_depth and depth == min(len(path), len(location)):
            best, best_depth = number, depth
    return best


def _paths(text: str) -> Iterator[tuple[int, Location]]:
    """Yields line number and key path of every header and key line."""
    prefix: Location = ()
    counts: dict[Location, int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        header = _HEADER.match(line)
        if header:
            prefix = ()
            parts = [part.strip().strip("\"'") for part in header[2].split(".")]
            for position, part in enumerate(parts):
                prefix = (*prefix, part)
                if header[1] == "[[" and position == len(parts) - 1:
                    counts[prefix] = counts.get(prefix, -1) + 1
                if prefix in counts:
                    prefix = (*prefix, counts[prefix])
            yield number, prefix
        elif key := _KEY.match(line):
            yield number, (*prefix, key[1].strip("\"'"))


def _fields_at(model: type[BaseModel], location: Location) -> list[str]:
    """Returns the allowed keys at a location of a nested model."""
    current = model
    annotation: object = None
    for part in location:
        field = current.model_fields.get(str(part))
        annotation = field.annotation if field is not None else annotation
        current = next(_models_in(annotation), current)
    return [field.alias or name for name, field in current.model_fields.items()]


def _models_in(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument)
