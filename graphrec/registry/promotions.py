"""Who is current, and who was: two small files that a crash at any moment leaves readable.

`current.json` holds the last promotion and is replaced as a whole: it alone says who is current.
`history.jsonl` holds one promotion per line, and each line is added after its promotion has
happened. A crash in between leaves the last line missing or half written: readers then take
it from `current.json`, and the next promotion completes the file.
"""

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from graphdb.atomic import sync, write_file
from graphdb.errors import RegistryError
from graphdb.inside import inside, is_device

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
        RegistryError: The file is not what a promotion writes.
    """
    path = inside(registry, CURRENT_NAME, RegistryError)
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return None
    return _parsed(text, f"'{path}'", "promote a release again")


def read_history(registry: Path) -> list[Promotion]:
    """All promotions, oldest first.

    Raises:
        RegistryError: A whole line is not what a promotion writes.
    """
    # Who is current is read first: what is promoted meanwhile is then at worst too much, and cut.
    current = read_current(registry)
    if current is None:
        return []
    path = inside(registry, HISTORY_NAME, RegistryError)
    text = path.read_bytes() if path.exists() else b""
    lines = text[: _whole(text)].splitlines()
    history = [
        _parsed(line, f"line {number} of '{path}'", "move the file away; who is current stays")
        for number, line in enumerate(lines, start=1)
    ]
    return [one for one in history if one.number < current.number] + [current]


def make_current(registry: Path, promotion: Promotion, before: list[Promotion]) -> None:
    """Makes a release current, in one rename. Only one process at a time may do this.

    Args:
        before: What `read_history` says.
    """
    _complete(inside(registry, HISTORY_NAME, RegistryError), before)
    write_file(registry / CURRENT_NAME, promotion.model_dump_json() + "\n", RegistryError)
    _complete(inside(registry, HISTORY_NAME, RegistryError), [*before, promotion])


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
            while stack and stack[-1] != one.name:
                stack.pop()
        if not stack or stack[-1] != one.name:
            stack.append(one.name)
    return stack[-2::-1]


def _complete(path: Path, promotions: list[Promotion]) -> None:
    """Adds the lines that are missing, in place of a half one that a crash has left."""
    lines = [f"{one.model_dump_json()}\n".encode() for one in promotions]
    with path.open("ab+") as file:
        file.seek(0)
        text = file.read()
        whole = _whole(text)
        file.truncate(whole)
        missing = lines[text[:whole].count(b"\n") :]
        file.write(b"".join(missing))
    sync(path)


def _whole(text: bytes) -> int:
    """Where the last whole line ends."""
    return text.rfind(b"\n") + 1


def _parsed(text: bytes, where: str, next_step: str) -> Promotion:
    try:
        return Promotion.model_validate_json(text)
    except ValidationError as error:
        raise RegistryError(
            f"{where} is no promotion: {error.errors()[0]['msg']}", next_step=next_step, value=where
        ) from error
