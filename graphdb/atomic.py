"""Writes files and folders atomically, even if several processes write at once.

Every writer gets its own scratch folder beside its target, `.NAME.XXXXXXXX.partial`, readable by
its user only. One rename moves the finished file or folder to its name. The writer holds a lock in
the scratch folder while it runs. The next writer of the same name removes the scratch folders
without a lock: those that a killed writer left.
"""

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from errno import EACCES, EEXIST, ENOENT, ENOTDIR, ENOTEMPTY, EROFS
from glob import escape
from pathlib import Path

from graphdb.errors import FileAccessError, GraphRecError
from graphdb.file_access import file_access, spare_descriptors

_ENDING = ".partial"
_NAME_LENGTH = 48  # characters of the target that the scratch name repeats: names have 255 bytes
_LOCK = "graphrec.lock"
_TAKEN = {EEXIST, ENOTDIR, ENOTEMPTY}


@contextmanager
def atomic_folder(folder: Path, error: type[GraphRecError], what: str) -> Iterator[Path]:
    """Gives an empty folder to write into; renames it on success, removes it on an error.

    Args:
        folder: The final name. It must not exist, neither at the beginning nor at the end.
        what: What such folders hold, for the message, such as "bundles".

    Raises:
        GraphRecError: As `error`: the name exists, maybe because another writer took it.
        FileAccessError: The system refuses to write; DiskFullError where there is no room.
    """
    refuse_existing(folder, error, what)
    with file_access("write", folder), made_folder(folder.parent), _scratch(folder) as scratch:
        unfinished = scratch / folder.name
        unfinished.mkdir()
        yield unfinished
        try:
            # A rename can replace only one kind of target: an empty folder.
            unfinished.rename(folder)
        except OSError as problem:
            if problem.errno not in _TAKEN:
                raise
            raise _taken(folder, error, what) from problem


@contextmanager
def atomic_file(path: Path, error: type[GraphRecError]) -> Iterator[Path]:
    """Gives a path to write a file at, and moves that file to `path` on success.

    The old file stays until then, and the new one gets its permissions.

    Args:
        path: The final name, in an existing folder: a new name or that of a file.

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
    """Checks that `atomic_file` may write a file. Call it before long work, too.

    Raises:
        GraphRecError: As `error`: a folder, a link or a device has the name.
        FileAccessError: The folder does not exist, or the system does not allow writing in it.
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
    """Creates a folder if it is missing, and removes it again on an error.

    Raises:
        FileAccessError: The folder cannot be created.
    """
    is_new = not os.path.lexists(folder)
    with file_access("make the folder", folder):
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except FileExistsError as problem:  # the name belongs to something other than a folder
            raise NotADirectoryError(ENOTDIR, "") from problem
    try:
        yield
    except BaseException:
        if is_new:
            with suppress(OSError):  # others have written into it
                folder.rmdir()
        raise


@contextmanager
def empty_folder(folder: Path, error: type[GraphRecError]) -> Iterator[Path]:
    """Gives a folder to write into; moves its content to `folder` on success, else removes it.

    For a folder that may exist already and cannot be renamed, such as a mounted one. A missing
    folder is created.

    Raises:
        GraphRecError: As `error`: it is not a folder, or not empty, maybe because another writer
            uses it.
        FileAccessError: The system refuses to write; DiskFullError where there is no room.
    """
    unfinished = folder / f".unfinished{_ENDING}"
    with file_access("write into", folder), made_folder(folder), spare_descriptors() as spare:
        try:
            unfinished.mkdir(mode=0o700)  # only one writer can do this
        except FileExistsError as problem:
            raise _not_empty(folder, error) from problem
        try:
            _refuse_others(unfinished, error)
            yield unfinished
            _refuse_others(unfinished, error)
            for path in sorted(unfinished.iterdir()):
                path.rename(folder / path.name)
        finally:
            spare.close()
            shutil.rmtree(unfinished, ignore_errors=True)


def write_file(path: Path, content: str | bytes, error: type[GraphRecError]) -> None:
    """Writes a file with `atomic_file`; text as UTF-8."""
    with atomic_file(path, error) as unfinished:
        unfinished.write_bytes(content.encode() if isinstance(content, str) else content)


def refuse_existing(folder: Path, error: type[GraphRecError], what: str) -> None:
    """Raises `error` if the name exists, even as a broken link."""
    if os.path.lexists(folder):
        raise _taken(folder, error, what)


def remove_folder(folder: Path) -> None:
    """Removes a folder atomically: no reader ever sees a part of it."""
    with _scratch(folder) as scratch:
        folder.rename(scratch / folder.name)


def clear_leftovers(folder: Path) -> None:
    """Removes the scratch folders that killed writers left in this folder."""
    for scratch in folder.glob(f".*{_ENDING}"):
        _remove_if_left(scratch)


def sync(path: Path) -> None:
    """Flushes a file or folder to disk, so that it survives a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _scratch(target: Path) -> Iterator[Path]:
    """Gives a scratch folder of this writer beside the target, and removes it at the end."""
    import fcntl  # Not every system allows this; files of other users are still readable there.

    beginning = f".{target.name[:_NAME_LENGTH]}."
    for left in target.parent.glob(f"{escape(beginning)}*{_ENDING}"):
        _remove_if_left(left)
    with spare_descriptors() as spare:
        try:
            scratch = Path(tempfile.mkdtemp(_ENDING, beginning, target.parent))
        except OSError as problem:  # the scratch folder's name, which means nothing to the user
            raise OSError(problem.errno, problem.strerror, str(target)) from problem
        try:
            with (scratch / f"{_LOCK}ing").open("wb") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                # From here on, its name tells other writers that it is a scratch folder.
                (scratch / f"{_LOCK}ing").rename(scratch / _LOCK)
                yield scratch
        finally:
            spare.close()
            # a failure here must not hide the first error
            shutil.rmtree(scratch, ignore_errors=True)


def _remove_if_left(scratch: Path) -> None:
    """Removes a scratch folder whose writer has ended, and nothing else."""
    import fcntl

    lock = scratch / _LOCK
    if scratch.is_symlink() or lock.is_symlink() or not lock.is_file():
        return
    try:
        with lock.open("rb+") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(scratch, ignore_errors=True)
    except (BlockingIOError, FileNotFoundError, PermissionError):
        return  # its writer still runs, has just ended, or belongs to another user


def _refuse_other_than_file(path: Path, error: type[GraphRecError]) -> None:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISREG(mode):
        kind = "folder" if stat.S_ISDIR(mode) else "link" if stat.S_ISLNK(mode) else "device"
        raise error(
            f"'{path}' is a {kind} and is not overwritten",
            expected="a file or a new path",
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
