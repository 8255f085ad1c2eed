"""Turns errors of the operating system into graphrec errors, and keeps paths inside their folder.

Manifests, schemas and registries name their files. `inside` turns such a name into a path. It
refuses a name that leads out of its folder, on this or any other system, for readers and writers.
`Closing` is the base class of context managers that close themselves.
"""

import errno
import os
import re
import shutil
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from os.path import realpath
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory, mkdtemp
from types import TracebackType
from typing import Self
from weakref import finalize

from graphdb.errors import DiskFullError, FileAccessError, GraphRecError


class Closing(ABC):
    """A context manager that returns itself and closes itself at the end."""

    @abstractmethod
    def close(self) -> None:
        """Releases its resources."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


_DEEPEST = 4  # levels of folders that a writer makes, its scratch folder included
_DEVICES = {"CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"} | {
    f"{device}{number}" for device in ("COM", "LPT") for number in "0123456789¹²³"
}


def inside(folder: Path, name: str, error: type[GraphRecError]) -> Path:
    """Returns the path of a file or folder from its name in a folder, such as 'nodes/User.parquet'.

    The path need not exist. Links are followed and must stay in the folder.

    Args:
        name: Relative, its parts separated by '/'.

    Raises:
        GraphRecError: As `error`: the name or a link leads out of the folder, or some file systems
            do not allow the name.
    """
    problem = _problem(name)
    path = folder / name if not problem else folder
    if not problem and not Path(realpath(path)).is_relative_to(realpath(folder)):
        problem = "is a link that leads out of the folder"
    if problem:
        raise error(
            f"'{name}' {problem}, so it cannot be a file in '{folder}'",
            expected="a name within the folder, such as 'nodes/User.parquet'",
            next_step="do not use this folder unless you trust its author",
            value=name,
        )
    return path


def is_device(name: str) -> bool:
    """Returns whether a name, with any suffix, is a device on Windows.

    >>> is_device("Con.parquet"), is_device("Content.parquet")
    (True, False)
    """
    return name.partition(".")[0].rstrip().upper() in _DEVICES


def _problem(name: str) -> str:
    parts = name.split("/")
    if PurePosixPath(name).is_absolute() or ".." in parts:
        return "leads out of the folder"
    if any(sign in '\\:<>"|?*' or not sign.isprintable() for sign in name):
        return "has characters that some file systems do not allow"
    if any(not part or part == "." or part[-1] in ". " for part in parts):
        return "is not a file name on every system"
    if any(is_device(part) for part in parts):
        return "is a device on some systems"
    return ""


_FREE = "free some space or choose another disk, then try again"
_ACCESS = "give yourself access to it, or choose another path"
_REFUSALS = {
    errno.EACCES: ("permission is denied", _ACCESS),
    errno.EPERM: ("permission is denied", _ACCESS),
    errno.EROFS: ("its file system is read-only", "choose a path on another one"),
    errno.ENOENT: ("it does not exist", "check the path"),
    errno.ENOTDIR: ("part of the path is a file, not a folder", "check the path"),
    errno.EISDIR: ("it is a folder", "give the path of a file"),
    errno.EEXIST: ("it exists already", "choose another path, or remove it first"),
    errno.ENOTEMPTY: ("the folder is not empty", "choose another path, or empty it first"),
    errno.ENAMETOOLONG: ("the name is too long", "choose a shorter path"),
    errno.ELOOP: ("its symbolic links form a loop", "give the path of the file itself"),
    errno.EMFILE: (
        "this process has too many files open",
        "raise its limit (`ulimit -n`), or keep fewer bundles open",
    ),
    errno.ENFILE: ("the system has too many files open", "end other programs, then try again"),
    errno.ENOMEM: ("there is too little memory", "end other programs, then try again"),
    errno.EINTR: ("the system interrupted it", "run it again"),
    errno.EBUSY: ("another program uses it", "wait for it to finish, then try again"),
    errno.ETXTBSY: ("another program uses it", "wait for it to finish, then try again"),
    errno.EIO: ("the disk failed", "check the disk, or choose another one"),
    errno.EPIPE: ("its reader has closed it", "keep the reader open, then try again"),
    errno.EBADF: ("it is closed", "leave it open, or send it to a file"),
    errno.ENOSPC: ("the disk is full", _FREE),
    errno.EDQUOT: ("the disk quota is used up", _FREE),
    errno.EFBIG: (
        "the file would exceed the size limit",
        "raise the limit (`ulimit -f`) or choose another disk, then try again",
    ),
}
"""Meaning and next step of each error number."""

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_PASSING = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EINTR, errno.EAGAIN, errno.EBUSY)
_NUMBERS = {os.strerror(number).casefold(): number for number in _REFUSALS}
_SPELLED = re.compile("|".join(map(re.escape, _NUMBERS)), re.IGNORECASE)
# NumPy's short write, and DuckDB's error when its temporary files do not fit on the disk.
_NO_ROOM_SPELLED = re.compile(r"\d+ requested and \d+ written|max_temp_directory_size", re.ASCII)


def refused(
    error: OSError, doing: str = "read or write", path: str | Path | None = None
) -> FileAccessError:
    """Returns the graphrec error for an error of the operating system.

    Args:
        doing: The failed operation, as a verb, such as 'write'.
        path: The file; by default the one that the error names.
    """
    number = error.errno if error.errno is not None else number_in(str(error))
    named = path if path is not None else _file_of(error)
    return of_number(number, doing, named, otherwise=error.strerror or str(error))


def of_number(
    number: int | None, doing: str, path: str | Path | None, *, otherwise: str = ""
) -> FileAccessError:
    """Like `refused`, from the error number alone.

    Args:
        otherwise: The reason to give if the number is unknown.
    """
    usual = (otherwise or "the system refused", "check the path and the disk")
    why, next_step = _REFUSALS.get(number, usual) if number is not None else usual
    on = "" if path is None else f" '{path}'"
    kind = DiskFullError if number in _NO_ROOM else FileAccessError
    return kind(
        f"cannot {doing}{on}: {why}",
        next_step=next_step,
        value=None if path is None else str(path),
        errno=number,
        retryable=number in _PASSING,
    )


def number_in(text: str) -> int | None:
    """Returns the `errno` whose text a library's message contains, or None.

    >>> import errno
    >>> number_in('Could not write file "a": No space left on device') == errno.ENOSPC
    True
    """
    if _NO_ROOM_SPELLED.search(text):
        return errno.ENOSPC
    found = _SPELLED.search(text)
    return _NUMBERS[found[0].casefold()] if found else None


def pass_on_refusal(error: Exception, path: Path) -> None:
    """Raises FileAccessError if the system failed to read, and not if the data is wrong.

    Arrow raises OSError for both, but only the system's errors have a number.
    """
    if isinstance(error, OSError) and error.errno is not None:
        raise refused(error, "read", path) from error


def temporary_folder(prefix: str) -> "TemporaryDirectory[str]":
    """A folder for temporary files that is removed on close.

    Raises:
        FileAccessError: It cannot be created.
    """
    try:
        return TemporaryDirectory(prefix=prefix)
    except FileNotFoundError as error:  # `tempfile` found no usable folder
        raise FileAccessError(
            f"cannot make a temporary folder: {error.strerror}",
            next_step="set TMPDIR to a folder with room",
            errno=error.errno,
        ) from error
    except OSError as error:
        raise refused(error, "make a temporary folder") from error


def spare_descriptors() -> ExitStack:
    """Opens as many descriptors as it takes to remove a folder, to be closed just before.

    `shutil.rmtree` needs one for each level of folders and one more. Without these, a writer that
    meets "too many files open" could not remove what it has made until then. With too few left for
    them, it fails before it makes anything.
    """
    with ExitStack() as opened:
        try:
            for _ in range(_DEEPEST + 1):
                opened.enter_context(Path(os.devnull).open("rb"))
        except OSError as error:
            raise OSError(error.errno, error.strerror) from error  # not of the device that it names
        return opened.pop_all()


def remove_with(owner: object, folder: Path) -> None:
    """Removes a folder when an object is no longer used, at the latest when Python ends.

    A forked process never removes it.
    """
    finalize(owner, _remove, folder, os.getpid())


def _remove(folder: Path, made_by: int) -> None:
    if os.getpid() == made_by:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def scratch_folder(prefix: str) -> Iterator[Path]:
    """Yields a new temporary folder, which stays unless the block fails; see `remove_with`.

    Raises:
        FileAccessError: It cannot be created.
    """
    with ExitStack() as opened:
        try:
            spare = opened.enter_context(spare_descriptors())
            folder = Path(mkdtemp(prefix=prefix))
        except OSError as error:
            raise refused(error, "make a temporary folder") from error
        try:
            yield folder
        except BaseException:
            spare.close()
            shutil.rmtree(folder, ignore_errors=True)
            raise


@contextmanager
def file_access(doing: str, path: str | Path | None = None) -> Iterator[None]:
    """Turns the system's errors into FileAccessError or DiskFullError.

    Use it in a `with` statement or as a decorator.

    Args:
        doing: The operation, as a verb, such as 'read'.
        path: The file; by default the one that the system's error names.
    """
    try:
        yield
    except OSError as error:
        raise refused(error, doing, path) from error


def _file_of(error: OSError) -> str | None:
    name = error.filename2 or error.filename
    if isinstance(name, bytes):
        return os.fsdecode(name)
    return name if isinstance(name, str) else None
