"""Records which release is current and which were before, in two files that survive a crash.

`current.json` holds the last promotion and is replaced as a whole: it alone says which release is
current. `history.jsonl` holds one promotion per line, and each line is added after its promotion
has happened. A crash in between leaves the last line missing or half written: readers then take it
from `current.json`, and the next promotion completes the file.
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
    """Whether a release may be called so: it becomes the name of a folder."""
    return bool(RELEASE_NAME.fullmatch(name)) and name != CURRENT and not is_device(name)


def _checked_name(name: str) -> str:
    if not is_release_name(name):
        raise ValueError(f"{name!r} is no name for a release")
    return name


ReleaseName = Annotated[str, AfterValidator(_checked_name)]


class Promotion(BaseModel):
    """One change of who is current.

    Args:
        number: Counts the promotions of a registry, from 1.
        name: Which release became current.
        release_id: Its content, as the manifest names it.
        schema_fingerprint: Of its graph, so that the next one can be checked though this one's
            manifest is damaged.
        at: Since when.
        action: 'promote', or 'rollback' where it had been current before.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    number: int = Field(ge=1)
    name: ReleaseName
    release_id: str
    schema_fingerprint: str
    at: AwareDatetime
    action: Action


def read_current(registry: Path) -> Promotion | None:
    """The promotion that made the current release current; None before the first one.

    Raises:
        RegistryError: The file is not what a promotion writes, or it is gone.
    """
    current = current_of(registry)
    if current is None and _history(registry):
        current = current_of(registry)  # the very first promotion may have come in between
        if current is not None:
            return current
        raise _damaged(registry, f"'{registry / CURRENT_NAME}' is gone, but there is a history")
    return current


def current_of(registry: Path) -> Promotion | None:
    """What `current.json` says; None where there is none.

    Raises:
        RegistryError: It is not what a promotion writes.
    """
    path = registry / CURRENT_NAME
    if not os.path.lexists(path):
        return None
    return _parsed(registry, _content(registry, path), f"'{path}'")


def read_history(registry: Path) -> list[Promotion]:
    """All promotions, oldest first.

    Raises:
        RegistryError: A whole line is not what a promotion writes.
    """
    # Who is current is read first: what is promoted meanwhile is then at worst too much, and cut.
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
    """Makes a release current, in one rename. Only one process at a time may do this.

    Args:
        before: What `read_history` says.

    Raises:
        RegistryError: The history goes on after what is current, which nothing but a hand did.
    """
    _complete(registry, before)
    write_current(registry, promotion)
    _complete(registry, [*before, promotion])


def write_current(registry: Path, promotion: Promotion) -> None:
    """Replaces `current.json` as a whole."""
    write_file(registry / CURRENT_NAME, _line(promotion), RegistryError)


def write_history(registry: Path, promotions: list[Promotion]) -> None:
    """Replaces the history as a whole."""
    write_file(registry / HISTORY_NAME, "".join(map(_line, promotions)), RegistryError)


def came_before(history: list[Promotion]) -> list[str]:
    """Who can be gone back to: the names that were current before, the last one first.

    A rollback takes back what was promoted since, so another one goes further back.

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
    """Drops what stands above a name; what is on top where the line of that name is lost."""
    if name not in stack:
        del stack[-1:]
        return
    while stack[-1] != name:
        stack.pop()


def promotion_of(line: bytes) -> Promotion | None:
    """The promotion that a line is; None where it is none."""
    try:
        return Promotion.model_validate(read_json(line))
    except ValueError:
        return None


def _complete(registry: Path, promotions: list[Promotion]) -> None:
    """Adds the lines that are missing, in place of a half one that a crash has left."""
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
    """Where the last whole line ends."""
    return text.rfind(b"\n") + 1


def _content(registry: Path, path: Path) -> bytes:
    if path.is_symlink() or not path.is_file():
        raise _damaged(registry, f"'{path}' is no file")
    return path.read_bytes()


def _parsed(registry: Path, text: bytes, where: str) -> Promotion:
    try:
        return Promotion.model_validate(read_json(text))
    except ValidationError as error:
        raise _damaged(registry, f"{where} is no promotion: {error.errors()[0]['msg']}") from error
    except ValueError as error:
        raise _damaged(registry, f"{where} is no promotion: {error}") from error


def _damaged(registry: Path, what: str) -> RegistryError:
    return RegistryError(
        what,
        next_step=f"graphrec releases {quote(str(registry))} --repair",
        value=str(registry),
    )
