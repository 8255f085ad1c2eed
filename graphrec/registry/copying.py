"""Brings a bundle into a registry, whole or not at all."""

import shutil
from pathlib import Path

from graphdb.atomic import atomic_folder, sync
from graphdb.errors import RegistryError
from graphrec.bundle import Bundle
from graphrec.bundle.manifest import MANIFEST_NAME
from graphrec.bundle.reader import open_bundle


def copy_in(bundle: Bundle, folder: Path, *, verify: bool) -> None:
    """Copies a bundle's files to a new folder.

    Only what the manifest lists comes along. The copy is checked before it gets its name.

    Raises:
        BundleError: A file is gone or, with `verify`, is not what the manifest says.
    """
    with atomic_folder(folder, RegistryError, "releases") as unfinished:
        for name in [*bundle.manifest.files, MANIFEST_NAME]:
            target = unfinished / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile((bundle.folder / name).resolve(), target)
            sync(target)
        open_bundle(unfinished, verify=verify)
    sync(folder.parent)
