"""Chooses the folder of a bundle in a registry and copies the bundle there, atomically."""

import shutil
from errno import EINVAL, ENOSYS, ENOTTY, EOPNOTSUPP, EXDEV
from pathlib import Path

from graphdb.atomic import atomic_folder, sync
from graphdb.errors import BundleError, RegistryError, UnknownReleaseError, nearest
from graphrec.bundle import Bundle
from graphrec.bundle.manifest import MANIFEST_NAME, read_manifest
from graphrec.bundle.reader import open_bundle
from graphrec.registry.address import (
    MARK,
    RELEASES,
    bundle_folder,
    place,
    release_folder,
    release_names,
)
from graphrec.registry.promotions import CURRENT, Promotion, is_release_name


def meant(registry: Path, bundle_or_name: str | Path) -> Path:
    """Returns the folder of the bundle to promote: in the registry, or elsewhere.

    Raises:
        RegistryError: It is both the name of a release and a path.
        UnknownReleaseError: It is neither.
    """
    text, path = str(bundle_or_name), Path(bundle_or_name)
    names = release_names(registry) if (registry / RELEASES).is_dir() else []
    if text in names:
        if path.exists():
            raise RegistryError(
                f"'{text}' is both a release of '{registry}' and a path",
                next_step=f"write {registry}{MARK}{text} for the release, ./{text} for the path",
                value=text,
            )
        return release_folder(registry, text)
    if path.exists() or MARK in path.name:
        return bundle_folder(bundle_or_name)
    raise UnknownReleaseError(
        f"'{text}' is neither a bundle nor a release of '{registry}'",
        expected="one of " + ", ".join(names) if names else None,
        next_step=nearest(text, names) or "give the folder that `graphrec train` wrote",
        value=text,
    )


def make_registry(folder: Path) -> None:
    """Creates the missing folders of a registry.

    Raises:
        RegistryError: The folder is not a registry.
    """
    releases = folder / RELEASES
    found = ""
    if folder.exists() and not folder.is_dir():
        found = "is a file"
    elif folder.exists() and not releases.is_dir() and any(folder.iterdir()):
        found = "holds other files"
    if found:
        raise RegistryError(
            f"'{folder}' is not a registry: it {found}",
            expected="a registry, an empty folder, or a new path",
            value=str(folder),
        )
    releases.mkdir(parents=True, exist_ok=True)


def place_for(registry: Path, bundle: Bundle, name: str | None) -> Path:
    """Returns the folder of a bundle in the registry, existing or new.

    Raises:
        RegistryError: The name is not valid for a release.
    """
    if name is None and bundle.folder.parent.resolve() == (registry / RELEASES).resolve():
        name = bundle.folder.name
    if name is None:
        name = f"{bundle.manifest.created_at:%Y-%m-%d}-{bundle.manifest.release_id}"
    if not is_release_name(name):
        raise RegistryError(
            f"'{name}' is not a valid name for a release",
            expected=f"up to 100 letters, digits and . _ -, the first a letter or digit, and not "
            f"'{CURRENT}'",
            value=name,
        )
    return place(registry, name)


def stands(folder: Path, bundle: Bundle) -> bool:
    """Returns whether the release is already in the registry.

    Raises:
        RegistryError: Another one has its name.
    """
    if not folder.exists():
        return False
    try:
        there = read_manifest(folder).release_id
    except BundleError as error:
        raise RegistryError(
            f"the release '{folder.name}' already exists and is damaged: {error}",
            next_step=f"choose another --name, or remove '{folder}' first",
            value=folder.name,
        ) from error
    if there != bundle.manifest.release_id:
        raise RegistryError(
            f"there is another release named '{folder.name}': {there}",
            expected=f"{bundle.manifest.release_id}, the one to promote",
            next_step="choose another --name; releases are never changed",
            value=folder.name,
        )
    return True


def check_schema(bundle: Bundle, registry: Path, current: Promotion) -> None:
    """Refuses a release whose graph schema differs from the current one's.

    Raises:
        RegistryError: It does; the message names the differences.
    """
    if current.schema_fingerprint == bundle.manifest.schema_fingerprint:
        return
    try:
        serving = read_manifest(release_folder(registry, current.name)).read_schema()
        names = [{*one.node_types, *one.relations} for one in (serving, bundle.schema)]
        differing = ", ".join(sorted(names[0] ^ names[1]))
    except BundleError:  # a missing or damaged release does not restrict the next one
        differing = ""
    raise RegistryError(
        "the release has another graph schema than the current one, "
        + (f"which differs in {differing}" if differing else "with other properties"),
        expected=f"schema {current.schema_fingerprint}, as '{current.name}' has it",
        next_step="programs and policies that name types or properties may fail; if they are "
        "prepared for it, promote with --new-schema",
        value=bundle.manifest.schema_fingerprint,
    )


_FICLONE = 0x40049409
"""Linux's ioctl for a copy that shares blocks with its source until one of them is written."""

_CANNOT_CLONE = {EINVAL, ENOSYS, ENOTTY, EOPNOTSUPP, EXDEV}


def copy_in(
    bundle: Bundle,
    folder: Path,
    *,
    verify: bool,
    error: type[BundleError] = RegistryError,
    what: str = "releases",
) -> None:
    """Copies a bundle's files to a new folder, independent of later changes of the source.

    It copies only the files of the manifest, checks them and flushes them to disk before the folder
    gets its name.

    Args:
        error: What to raise if the folder exists or the bundle was overwritten meanwhile.
        what: What such folders hold, for the message.

    Raises:
        BundleError: As `error`; or a file is missing or, with `verify`, does not match the
            manifest.
    """
    with atomic_folder(folder, error, what) as unfinished:
        for name in [*bundle.manifest.files, MANIFEST_NAME]:
            target = unfinished / name
            target.parent.mkdir(parents=True, exist_ok=True)
            _copy(bundle.file(name), target)
        for path in [*unfinished.rglob("*"), unfinished]:
            sync(path)
        copied = open_bundle(unfinished, verify=verify).manifest.release_id
        if copied != bundle.manifest.release_id:
            raise error(
                f"'{bundle.folder}' was overwritten during the copy",
                expected=f"the release {bundle.manifest.release_id}, as it was before",
                next_step="copy it again when no process writes to it",
                value=copied,
            )
    sync(folder.parent)


def _copy(source: Path, target: Path) -> None:
    """Copies the content: a link would follow later changes of the source."""
    import fcntl  # Not every system allows this; registries are still readable there.

    with source.open("rb") as read, target.open("xb") as write:
        try:
            fcntl.ioctl(write, _FICLONE, read.fileno())
        except OSError as error:
            if error.errno not in _CANNOT_CLONE:
                raise
            shutil.copyfileobj(read, write, 1 << 20)
