"""The one place where a name that was read somewhere becomes a path in a folder.

Manifests, schemas and registries name their files. A name that leads out of its folder, on this
system or on another one that the folder may be copied to, is refused by readers and writers alike.
"""

from os.path import realpath
from pathlib import Path, PurePosixPath

from graphdb.errors import GraphRecError

_DEVICES = {"CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"} | {
    f"{device}{number}" for device in ("COM", "LPT") for number in "0123456789¹²³"
}


def inside(folder: Path, name: str, error: type[GraphRecError]) -> Path:
    """The path of a file or folder by its name in a folder, such as 'nodes/User.parquet'.

    Nothing needs to be there yet. A link on the way is followed, and must stay in the folder.

    Args:
        name: Relative, its parts separated by '/'.

    Raises:
        GraphRecError: As `error`: the name, or a link that bears it, leads out of the folder, or
            it is none that every file system takes.
    """
    problem = _problem(name)
    path = folder / name if not problem else folder
    if not problem and not Path(realpath(path)).is_relative_to(realpath(folder)):
        problem = "is a link that leads out of the folder"
    if problem:
        raise error(
            f"'{name}' {problem}, so it is no file of '{folder}'",
            expected="a name within the folder, such as 'nodes/User.parquet'",
            next_step="do not use this folder if you do not know who wrote it",
            value=name,
        )
    return path


def is_device(name: str) -> bool:
    """Whether a name, whatever its ending, means a device on Windows.

    >>> is_device("Con.parquet"), is_device("Content.parquet")
    (True, False)
    """
    return name.partition(".")[0].rstrip().upper() in _DEVICES


def _problem(name: str) -> str:
    parts = name.split("/")
    if PurePosixPath(name).is_absolute() or ".." in parts:
        return "leads out of the folder"
    if any(sign in '\\:<>"|?*' or not sign.isprintable() for sign in name):
        return "has signs that file names cannot have everywhere"
    if any(not part or part == "." or part[-1] in ". " for part in parts):
        return "is no file name everywhere"
    if any(is_device(part) for part in parts):
        return "means a device on some systems"
    return ""
