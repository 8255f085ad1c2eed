"""Brings a bundle into a registry, whole or not at all."""

import os
import shutil
from pathlib import Path

from graphrec.bundle import Bundle
from graphrec.bundle.manifest import MANIFEST_NAME
from graphrec.bundle.reader import open_bundle
from graphrec.registry.promotions import sync

_UNFINISHED = ".unfinished-"


def copy_in(bundle: Bundle, folder: Path, *, verify: bool) -> None:
    """Copies a bundle's files to a new folder; hard links where the file system allows.

    Only what the manifest lists comes along. The copy is checked before it gets its name.

    Raises:
        BundleError: A file is gone or, with `verify`, is not what the manifest says.
    """
    partial = _unfinished(folder)
    for name in [*bundle.manifest.files, MANIFEST_NAME]:
        target = partial / name
        target.parent.mkdir(parents=True, exist_ok=True)
        _link_or_copy((bundle.folder / name).resolve(), target)
        sync(target)
    open_bundle(partial, verify=verify)
    partial.rename(folder)
    sync(folder.parent)


def remove(folder: Path) -> None:
    """Removes a release; from its first moment on nobody finds a part of it."""
    gone = _unfinished(folder)
    folder.rename(gone)
    shutil.rmtree(gone)


def clear_unfinished(releases: Path) -> None:
    """Removes what an interrupted copy or removal has left."""
    for left in releases.glob(f"{_UNFINISHED}*"):
        shutil.rmtree(left)


def _unfinished(folder: Path) -> Path:
    return folder.with_name(_UNFINISHED + folder.name)


def _link_or_copy(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # another disk, or a file system without links: copying says what else is wrong
        shutil.copyfile(source, target)
