"""Resolves the address of a bundle: a folder, or a release of a registry, written REGISTRY@NAME."""

from pathlib import Path
from shlex import quote

from graphdb.errors import BundleCorruptError, RegistryError, UnknownReleaseError, nearest
from graphdb.file_access import inside
from graphrec.bundle.manifest import read_manifest
from graphrec.registry.promotions import CURRENT, Promotion, is_release_name, read_current

RELEASES = "releases"
MARK = "@"


def split_address(address: str | Path) -> tuple[Path, str] | None:
    """Returns registry and name of a release, or None for a plain path.

    An existing path is always a path, whatever characters it contains.

    >>> split_address("shop/releases@current")
    (PosixPath('shop/releases'), 'current')
    >>> split_address("runs@home/bundle") is None
    True
    """
    if MARK not in Path(address).name or "://" in str(address) or Path(address).exists():
        return None
    registry, _, name = str(address).rpartition(MARK)
    return Path(registry), name


def bundle_folder(address: str | Path) -> Path:
    """Returns the bundle folder of an address; a plain path stays.

    Raises:
        RegistryError: The registry is missing, or has no current release.
        BundleError: The current release differs from the promoted one.
        UnknownReleaseError: The registry has no release with that name.
    """
    split = split_address(address)
    if split is None:
        return Path(address)
    registry, name = split
    if not (registry / RELEASES).is_dir():
        raise RegistryError(
            f"'{address}' is neither a folder nor a release: there is no registry at '{registry}'",
            expected="REGISTRY@current or REGISTRY@NAME",
            next_step=f"make one with `graphrec promote {quote(str(registry))} BUNDLE`",
            value=str(address),
        )
    if name != CURRENT:
        return release_folder(registry, name)
    current = read_current(registry)
    if current is None:
        raise RegistryError(
            f"the registry '{registry}' has no current release",
            next_step=f"graphrec promote {quote(str(registry))} BUNDLE_OR_NAME",
            value=str(address),
        )
    folder = place(registry, current.name)
    if not folder.is_dir():
        raise UnknownReleaseError(
            f"the current release of '{registry}', '{current.name}', is missing",
            next_step=f"graphrec rollback {registry}, or promote another one",
            value=current.name,
        )
    check_unchanged(address, folder, current)
    return folder


def check_unchanged(address: str | Path, folder: Path, promoted: Promotion) -> None:
    """Checks that a release is the promoted one and was not replaced.

    Raises:
        BundleError: It is not, or its manifest cannot be read.
    """
    found = read_manifest(folder).release_id
    if found != promoted.release_id:
        raise BundleCorruptError(
            f"'{address}' is not the promoted release: '{promoted.name}' holds the release {found}",
            expected=promoted.release_id,
            next_step="promote another one of "
            f"`graphrec releases {quote(str(folder.parent.parent))}`",
            value=found,
        )


def release_folder(registry: Path, name: str) -> Path:
    """Returns the folder of a release in a registry.

    Raises:
        UnknownReleaseError: There is none with that name.
    """
    known = release_names(registry)
    if name not in known:
        raise UnknownReleaseError(
            f"the registry '{registry}' has no release '{name}'",
            expected="one of " + ", ".join(known) if known else None,
            next_step=nearest(name, known) or f"see `graphrec releases {quote(str(registry))}`",
            value=name,
        )
    return place(registry, name)


def release_names(registry: Path) -> list[str]:
    """Returns the releases in a registry, by name, without unfinished copies."""
    folders = (registry / RELEASES).iterdir()
    return sorted(one.name for one in folders if one.is_dir() and is_release_name(one.name))


def place(registry: Path, name: str) -> Path:
    """Returns the path of a release with that name, existing or new.

    Raises:
        RegistryError: A link there leads out of the registry.
    """
    return inside(registry, f"{RELEASES}/{name}", RegistryError)
