"""Records the current release and earlier ones, in two crash-safe files.

`current.json` holds the last promotion and is replaced atomically: it alone defines the current
release. `history.jsonl` holds one promotion per line, written after the promotion. After a crash in
between, the last line is missing or incomplete: readers then take it from `current.json`, and the
next promotion completes the file.
"""

import os
import re
from pathlib import Path
from shlex import quote
from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from graphdb.atomic import sync, write_file
from graphdb.documents import read_json
from graphdb.errors import RegistryError
from graphdb.file_access import is_device

CURRENT_NAME = "current.json"
HISTORY_NAME = "history.jsonl"
CURRENT = "current"

RELEASE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")

Action = Literal["promote", "rollback"]


def is_release_name(name: str) -> bool:
    """Checks the name of a release, which becomes the name of a folder."""
    return bool(RELEASE_NAME.fullmatch(name)) and name != CURRENT and not is_device(name)


def _checked_name(name: str) -> str:
    if not is_release_name(name):
        raise ValueError(f"{name!r} is not a valid name for a release")
    return name


ReleaseName = Annotated[str, AfterValidator(_checked_name)]


class Promotion(BaseModel):
    """One change of the current release.

    Args:
        number: Counts the promotions of a registry, from 1.
        name: The release that became current.
        release_id: The id of its content.
        schema_fingerprint: Of its graph, to check the next release even if this one is damaged.
        at: The time of the change.
        action: 'promote' or 'rollback'.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    number: int = Field(ge=1)
    name: ReleaseName
    release_id: str
    schema_fingerprint: str
    at: AwareDatetime
    action: Action


def read_current(registry: Path) -> Promotion | None:
    """Returns the promotion of the current release, or None before the first one.

    Raises:
        RegistryError: The file is damaged or missing.
    """
    current = current_of(registry)
    if current is None and _history(registry):
        current = current_of(registry)  # another process may just have made the first promotion
        if current is not None:
            return current
        raise _damaged(registry, f"'{registry / CURRENT_NAME}' is missing, but there is a history")
    return current


def current_of(registry: Path) -> Promotion | None:
    """Reads `current.json`; None if it is missing.

    Raises:
        RegistryError: The file is damaged.
    """
    path = registry / CURRENT_NAME
    if not os.path.lexists(path):
        return None
    return _parsed(registry, _content(registry, path), f"'{path}'")


def read_history(registry: Path) -> list[Promotion]:
    """Returns all promotions, oldest first.

    Raises:
        RegistryError: A complete line is damaged.
    """
    # Read the current one first: promotions in between are then only extra lines, which are cut.
    current = read_current(registry)
    if current is None:
        return []
    text = _history(registry)
    lines = text[: _whole(text)].splitlines()
    history = [
        _parsed(registry, line, f"line {number} of '{registry / HISTORY_NAME}'")
        for number, line in enumerate(lines, start=1)
    ]
    return [one for one in history if one.number < current.number] + [current]


def make_current(registry: Path, promotion: Promotion, before: list[Promotion]) -> None:
    """Makes a release current with one rename. Only one process at a time may call it.

    Args:
        before: The result of `read_history`.

    Raises:
        RegistryError: The history has promotions after the current one, from a manual edit.
    """
    _complete(registry, before)
    write_current(registry, promotion)
    _complete(registry, [*before, promotion])


def write_current(registry: Path, promotion: Promotion) -> None:
    """Replaces `current.json` atomically."""
    write_file(registry / CURRENT_NAME, _line(promotion), RegistryError)


def write_history(registry: Path, promotions: list[Promotion]) -> None:
    """Replaces the history atomically."""
    write_file(registry / HISTORY_NAME, "".join(map(_line, promotions)), RegistryError)


def came_before(history: list[Promotion]) -> list[str]:
    """Returns the names of earlier current releases for a rollback, the last one first.

    A rollback undoes the promotions since, so the next one goes further back.

    >>> def promotion(number, name, action="promote"):
    ...     said = {"release_id": "", "schema_fingerprint": "", "at": 0, "action": action}
    ...     return Promotion(number=number, name=name, **said)
    >>> steps = [promotion(1, "a"), promotion(2, "b"), promotion(3, "c")]
    >>> came_before(steps), came_before([*steps, promotion(4, "b", "rollback")])
    (['b', 'a'], ['a'])
    """
    stack: list[str] = []
    for one in history:
        if one.action == "rollback":
            _take_back(stack, one.name)
        if not stack or stack[-1] != one.name:
            stack.append(one.name)
    return stack[-2::-1]


def _take_back(stack: list[str], name: str) -> None:
    """Drops everything above a name, or the top entry if the name's line is lost."""
    if name not in stack:
        del stack[-1:]
        return
    while stack[-1] != name:
        stack.pop()


def promotion_of(line: bytes) -> Promotion | None:
    """Parses a line into a promotion, or None if it is not one."""
    try:
        return Promotion.model_validate(read_json(line))
    except ValueError:
        return None


def _complete(registry: Path, promotions: list[Promotion]) -> None:
    """Adds the missing lines, and replaces an incomplete one after a crash."""
    path, text = registry / HISTORY_NAME, _history(registry)
    whole = _whole(text)
    with path.open("ab") as file:
        num_lines = text[:whole].count(b"\n")
        if num_lines > len(promotions):
            raise _damaged(registry, f"'{path}' has promotions after the current one")
        file.truncate(whole)
        file.write("".join(map(_line, promotions[num_lines:])).encode())
    sync(path)


def _history(registry: Path) -> bytes:
    path = registry / HISTORY_NAME
    return _content(registry, path) if os.path.lexists(path) else b""


def _line(promotion: Promotion) -> str:
    return promotion.model_dump_json() + "\n"


def _whole(text: bytes) -> int:
    """Returns the end of the last complete line."""
    return text.rfind(b"\n") + 1


def _content(registry: Path, path: Path) -> bytes:
    if path.is_symlink() or not path.is_file():
        raise _damaged(registry, f"'{path}' is not a file")
    return path.read_bytes()


def _parsed(registry: Path, text: bytes, where: str) -> Promotion:
    try:
        return Promotion.model_validate(read_json(text))
    except ValidationError as error:
        raise _damaged(
            registry, f"{where} is not a promotion: {error.errors()[0]['msg']}"
        ) from error
    except ValueError as error:
        raise _damaged(registry, f"{where} is not a promotion: {error}") from error


def _damaged(registry: Path, what: str) -> RegistryError:
    return RegistryError(
        what,
        next_step=f"graphrec releases {quote(str(registry))} --repair",
        value=str(registry),
    )
