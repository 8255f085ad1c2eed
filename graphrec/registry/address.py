"""Where a bundle lies: a folder, or a release of a registry, written REGISTRY@NAME."""

from pathlib import Path
from shlex import quote

from graphdb.errors import BundleCorruptError, RegistryError, UnknownReleaseError, nearest
from graphdb.file_access import inside
from graphrec.bundle.manifest import read_manifest
from graphrec.registry.promotions import CURRENT, Promotion, is_release_name, read_current

RELEASES = "releases"
MARK = "@"


def split_address(address: str | Path) -> tuple[Path, str] | None:
    """Registry and name of a release; None where the address is a plain path.

    What exists as it is written is a path, whatever signs are in it.

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
    """The folder of the bundle that an address names; a plain path is given back as it is.

    Raises:
        RegistryError: There is no such registry, or nothing in it is current.
        BundleError: What is current is not the release that was promoted.
        UnknownReleaseError: The registry holds no release of that name, or no longer.
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
            f"nothing is current in the registry '{registry}'",
            next_step=f"graphrec promote {quote(str(registry))} BUNDLE_OR_NAME",
            value=str(address),
        )
    folder = place(registry, current.name)
    if not folder.is_dir():
        raise UnknownReleaseError(
            f"the current release of '{registry}', '{current.name}', is gone",
            next_step=f"graphrec rollback {registry}, or promote another one",
            value=current.name,
        )
    check_unchanged(address, folder, current)
    return folder


def check_unchanged(address: str | Path, folder: Path, promoted: Promotion) -> None:
    """Checks that a release is what was promoted: another one may have been put in its place.

    Raises:
        BundleError: It is not, or its manifest cannot be read.
    """
    found = read_manifest(folder).release_id
    if found != promoted.release_id:
        raise BundleCorruptError(
            f"'{address}' is not what was promoted: '{promoted.name}' holds the release {found}",
            expected=promoted.release_id,
            next_step="promote another one of "
            f"`graphrec releases {quote(str(folder.parent.parent))}`",
            value=found,
        )


def release_folder(registry: Path, name: str) -> Path:
    """The folder of a release that stands in a registry.

    Raises:
        UnknownReleaseError: None of that name does.
    """
    known = release_names(registry)
    if name not in known:
        raise UnknownReleaseError(
            f"the registry '{registry}' holds no release '{name}'",
            expected="one of " + ", ".join(known) if known else None,
            next_step=nearest(name, known) or f"see `graphrec releases {quote(str(registry))}`",
            value=name,
        )
    return place(registry, name)


def release_names(registry: Path) -> list[str]:
    """The releases that stand in a registry, by name; one that is being copied is none yet."""
    folders = (registry / RELEASES).iterdir()
    return sorted(one.name for one in folders if one.is_dir() and is_release_name(one.name))


def place(registry: Path, name: str) -> Path:
    """Where a release of that name lies, or is to lie.

    Raises:
        RegistryError: A link there leads out of the registry.
    """
    return inside(registry, f"{RELEASES}/{name}", RegistryError)
