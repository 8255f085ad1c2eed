"""Brings a bundle into a registry, whole or not at all."""

import shutil
from errno import EINVAL, ENOSYS, ENOTTY, EOPNOTSUPP, EXDEV
from pathlib import Path

from graphdb.atomic import atomic_folder, sync
from graphdb.errors import RegistryError
from graphrec.bundle import Bundle
from graphrec.bundle.manifest import MANIFEST_NAME
from graphrec.bundle.reader import open_bundle

_FICLONE = 0x40049409
"""Linux's request for a copy that shares blocks with its source until one of them is written."""

_CANNOT_CLONE = {EINVAL, ENOSYS, ENOTTY, EOPNOTSUPP, EXDEV}


def copy_in(bundle: Bundle, folder: Path, *, verify: bool) -> None:
    """Copies a bundle's files to a new folder: what happens to the source later changes nothing.

    Only what the manifest lists comes along. The copy is checked before it gets its name, and is
    on the disk by then.

    Raises:
        BundleError: A file is gone or, with `verify`, is not what the manifest says.
        RegistryError: The bundle was written anew meanwhile.
    """
    with atomic_folder(folder, RegistryError, "releases") as unfinished:
        for name in [*bundle.manifest.files, MANIFEST_NAME]:
            target = unfinished / name
            target.parent.mkdir(parents=True, exist_ok=True)
            _copy(bundle.file(name), target)
        for path in [*unfinished.rglob("*"), unfinished]:
            sync(path)
        copied = open_bundle(unfinished, verify=verify).manifest.release_id
        if copied != bundle.manifest.release_id:
            raise RegistryError(
                f"'{bundle.folder}' was written anew while it was copied",
                expected=f"the release {bundle.manifest.release_id}, as it was before",
                next_step="promote it again when nothing writes to it any more",
                value=copied,
            )
    sync(folder.parent)


def _copy(source: Path, target: Path) -> None:
    """Copies the content: no link to the source, which may be changed or cut short later."""
    import fcntl  # not on every system; there, registries can still be read

    with source.open("rb") as read, target.open("xb") as write:
        try:
            fcntl.ioctl(write, _FICLONE, read.fileno())
        except OSError as error:
            if error.errno not in _CANNOT_CLONE:
                raise
            shutil.copyfileobj(read, write, 1 << 20)
