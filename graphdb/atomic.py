"""Writes files and folders whole or not at all, even where several processes write at once.

Every writer gets its own scratch folder beside its target, `.NAME.XXXXXXXX.partial`, which only its
user may enter. The finished file or folder moves from there to its name in one rename. A lock in
the scratch folder is held while its writer lives, so the next writer of the same name can tell what
a killed writer has left, and removes only that.
"""

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from errno import EACCES, EEXIST, ENOENT, ENOTDIR, ENOTEMPTY, EROFS
from glob import escape
from pathlib import Path

from graphdb.errors import FileAccessError, GraphRecError
from graphdb.file_access import file_access

_ENDING = ".partial"
_NAME_LENGTH = 48  # of the target's name in that of the scratch folder: names have 255 bytes
_LOCK = "graphrec.lock"
_TAKEN = {EEXIST, ENOTDIR, ENOTEMPTY}


@contextmanager
def atomic_folder(folder: Path, error: type[GraphRecError], what: str) -> Iterator[Path]:
    """An empty folder to write into, which gets its name when all went well; else it is gone.

    Args:
        folder: The name. Nothing may be there, at the beginning and at the end.
        what: What such folders hold, for the message: "bundles".

    Raises:
        GraphRecError: As `error`: something has the name, maybe since another writer took it.
        FileAccessError: The system refuses to write; DiskFullError where there is no room.
    """
    refuse_existing(folder, error, what)
    with file_access("write", folder), made_folder(folder.parent), _scratch(folder) as scratch:
        unfinished = scratch / folder.name
        unfinished.mkdir()
        yield unfinished
        try:
            # Of all that can be there, a folder can only take the place of one that is empty.
            unfinished.rename(folder)
        except OSError as problem:
            if problem.errno not in _TAKEN:
                raise
            raise _taken(folder, error, what) from problem


@contextmanager
def atomic_file(path: Path, error: type[GraphRecError]) -> Iterator[Path]:
    """A path to write a file at, which takes the place of `path` when all went well.

    What was there before stays until then. The new file may be read by whom the old one could be.

    Args:
        path: The name, in a folder that exists. Only a file may be there, or nothing.

    Raises:
        GraphRecError: As `error`: a folder, a link or a device has the name.
        FileAccessError: The system refuses to write; DiskFullError where there is no room.
    """
    check_writable(path, error)
    with file_access("write", path), _scratch(path) as scratch:
        unfinished = scratch / path.name
        yield unfinished
        if path.exists():
            shutil.copymode(path, unfinished)
        sync(unfinished)
        _refuse_other_than_file(path, error)
        unfinished.replace(path)
        sync(path.parent)


def check_writable(path: Path, error: type[GraphRecError]) -> None:
    """Checks that `atomic_file` may write a file; to be asked before long work, too.

    Raises:
        GraphRecError: As `error`: a folder, a link or a device has the name.
        FileAccessError: There is no such folder, or the system will refuse to write in it.
    """
    with file_access("write", path):
        _refuse_other_than_file(path, error)
        if not path.parent.is_dir():
            raise FileAccessError(
                f"cannot write '{path}': there is no folder '{path.parent}'",
                next_step="choose a path in a folder that exists",
                value=str(path),
                errno=ENOENT,
            )
        for written in (path.parent, path):
            if written.exists() and not os.access(written, os.W_OK):
                is_read_only = os.statvfs(written).f_flag & os.ST_RDONLY
                raise OSError(EROFS if is_read_only else EACCES, "")


@contextmanager
def made_folder(folder: Path) -> Iterator[None]:
    """Makes a folder where there is none; it is gone again when something went wrong.

    Raises:
        FileAccessError: It cannot be made.
    """
    is_new = not os.path.lexists(folder)
    with file_access("make the folder", folder):
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except FileExistsError as problem:  # something other than a folder is there
            raise NotADirectoryError(ENOTDIR, "") from problem
    try:
        yield
    except BaseException:
        if is_new and not any(folder.iterdir()):
            folder.rmdir()
        raise


@contextmanager
def empty_folder(folder: Path, error: type[GraphRecError]) -> Iterator[Path]:
    """A folder to write into; what is in it moves to `folder` when all went well, else it is gone.

    For a folder that may exist beforehand and cannot be renamed, such as one that is mounted. It
    is made where it does not exist.

    Raises:
        GraphRecError: As `error`: it is no folder, or something is in it, such as what another
            writer writes there.
        FileAccessError: The system refuses to write; DiskFullError where there is no room.
    """
    unfinished = folder / f".unfinished{_ENDING}"
    with file_access("write into", folder), made_folder(folder):
        try:
            unfinished.mkdir(mode=0o700)  # which only one writer can
        except FileExistsError as problem:
            raise _not_empty(folder, error) from problem
        try:
            _refuse_others(unfinished, error)
            yield unfinished
            _refuse_others(unfinished, error)
            for path in sorted(unfinished.iterdir()):
                path.rename(folder / path.name)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)


def write_file(path: Path, content: str | bytes, error: type[GraphRecError]) -> None:
    """Writes a whole file by `atomic_file`; text as UTF-8."""
    with atomic_file(path, error) as unfinished:
        unfinished.write_bytes(content.encode() if isinstance(content, str) else content)


def refuse_existing(folder: Path, error: type[GraphRecError], what: str) -> None:
    """Raises `error` where anything has the name, a link that leads nowhere included."""
    if os.path.lexists(folder):
        raise _taken(folder, error, what)


def remove_folder(folder: Path) -> None:
    """Removes a folder; from its first moment on nobody finds a part of it."""
    with _scratch(folder) as scratch:
        folder.rename(scratch / folder.name)


def clear_leftovers(folder: Path) -> None:
    """Removes the scratch folders of killed writers, whatever they wrote in this folder."""
    for scratch in folder.glob(f".*{_ENDING}"):
        _remove_if_left(scratch)


def sync(path: Path) -> None:
    """Has what was written reach the disk, so that even a power cut loses nothing of it."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _scratch(target: Path) -> Iterator[Path]:
    """A folder beside the target that no other writer uses, and that is gone afterwards."""
    import fcntl  # not on every system; there, what others wrote can still be read

    beginning = f".{target.name[:_NAME_LENGTH]}."
    for left in target.parent.glob(f"{escape(beginning)}*{_ENDING}"):
        _remove_if_left(left)
    try:
        scratch = Path(tempfile.mkdtemp(_ENDING, beginning, target.parent))
    except OSError as problem:  # which names a folder that nobody knows
        raise OSError(problem.errno, problem.strerror, str(target)) from problem
    try:
        with (scratch / f"{_LOCK}ing").open("wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            # Only now does it bear the name by which others tell a scratch folder.
            (scratch / f"{_LOCK}ing").rename(scratch / _LOCK)
            yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)  # a failure here must not hide the one before


def _remove_if_left(scratch: Path) -> None:
    """Removes a scratch folder whose writer has ended; all else with such a name stays."""
    import fcntl

    lock = scratch / _LOCK
    if scratch.is_symlink() or lock.is_symlink() or not lock.is_file():
        return
    try:
        with lock.open("rb+") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(scratch, ignore_errors=True)
    except (BlockingIOError, FileNotFoundError, PermissionError):
        return  # its writer is at work, has just ended, or is another user's


def _refuse_other_than_file(path: Path, error: type[GraphRecError]) -> None:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISREG(mode):
        kind = "folder" if stat.S_ISDIR(mode) else "link" if stat.S_ISLNK(mode) else "device"
        raise error(
            f"'{path}' is a {kind}, which is not written over",
            expected="a file, or a path where nothing is yet",
            value=str(path),
        )


def _refuse_others(only: Path, error: type[GraphRecError]) -> None:
    if any(path != only for path in only.parent.iterdir()):
        raise _not_empty(only.parent, error)


def _not_empty(folder: Path, error: type[GraphRecError]) -> GraphRecError:
    return error(
        f"'{folder}' is not empty",
        expected="a new or empty folder",
        next_step="choose another name or empty it first",
        value=str(folder),
    )


def _taken(folder: Path, error: type[GraphRecError], what: str) -> GraphRecError:
    return error(
        f"'{folder}' exists already; {what} are never changed",
        next_step="choose another name or remove it first",
        value=str(folder),
    )
