"""A registry of immutable releases, one of which is served."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from shlex import quote

from graphdb.atomic import clear_leftovers, remove_folder
from graphdb.errors import RegistryError
from graphdb.file_access import file_access, inside
from graphdb.locking import locked
from graphrec.bundle import Bundle
from graphrec.bundle.reader import open_bundle
from graphrec.registry.address import MARK, RELEASES, check_unchanged, release_folder
from graphrec.registry.places import check_schema, copy_in, make_registry, meant, place_for, stands
from graphrec.registry.promotions import (
    Action,
    Promotion,
    came_before,
    make_current,
    read_history,
)
from graphrec.registry.repairing import Listed, Repair, Tenure, listed, repair, tenures

LEAST_KEPT = 2
LOCK_NAME = "lock"


@dataclass(frozen=True, slots=True)
class Switch:
    """The result of a promotion or a rollback.

    Args:
        current: The release that is current now.
        before: The one that was current before; None if none was.
        added: Whether the release was copied in.
    """

    current: str
    before: str | None
    added: bool

    @property
    def changed(self) -> bool:
        """Whether the current release changed."""
        return self.current != self.before


class Registry:
    """A folder of releases. Every method reads the folder again, so an object stays valid."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    @file_access("read or write")
    def releases(self) -> tuple[Listed, ...]:
        """Returns the releases in the registry, newest first.

        Raises:
            RegistryError: There is no registry, or its files are damaged.
        """
        self._must_exist()
        return listed(self.folder, read_history(self.folder))

    @file_access("read or write")
    def history(self) -> tuple[Tenure, ...]:
        """Returns the times in which each release was current, oldest first.

        Raises:
            RegistryError: There is no registry, or its files are damaged.
        """
        self._must_exist()
        return tenures(read_history(self.folder))

    @file_access("read or write")
    def promote(
        self,
        bundle_or_name: str | Path,
        *,
        name: str | None = None,
        new_schema: bool = False,
        verify: bool = True,
    ) -> Switch:
        """Makes a release current: a bundle, which it copies in, or a release in the registry.

        It creates a missing registry. Promoting the current release changes nothing.

        Args:
            bundle_or_name: A folder, REGISTRY@NAME, or the name of a release of this registry.
            name: The name for a bundle that is copied in; by default the day on which it was made
                and its release id.
            new_schema: Whether the release may have another graph schema than the current one.
            verify: Whether to compare every file with its hash first.

        Raises:
            RegistryError: The folder holds other things, the name is taken by other content or
                invalid, or the schema is another one.
            UnknownReleaseError: There is neither such a release nor such a bundle.
            BundleError: The bundle cannot be used; nothing has changed.
        """
        bundle = open_bundle(meant(self.folder, bundle_or_name), verify=False)
        make_registry(self.folder)
        with self._locked():
            clear_leftovers(self.folder / RELEASES)
            history = read_history(self.folder)
            if history and not new_schema:
                check_schema(bundle, self.folder, history[-1])
            folder = place_for(self.folder, bundle, name)
            added = not stands(folder, bundle)
            if added:
                copy_in(bundle, folder, verify=verify)
            else:
                open_bundle(folder, verify=verify)
            return self._switch(folder.name, bundle, "promote", history, added=added)

    @file_access("read or write")
    def rollback(self, *, to: str | None = None, verify: bool = True) -> Switch:
        """Makes the previous release current again, or an earlier one.

        Each rollback goes one step further back: it undoes the promotions since.

        Args:
            to: The release to go back to; by default the previous one.
            verify: Whether to compare every file with its hash first.

        Raises:
            RegistryError: No release was current before, or not this one.
            UnknownReleaseError: The release was removed.
            BundleError: The release cannot be used; nothing has changed.
        """
        self._must_exist()
        with self._locked():
            history = read_history(self.folder)
            folder = release_folder(self.folder, self._to_go_back_to(came_before(history), to))
            promoted = next(one for one in reversed(history) if one.name == folder.name)
            check_unchanged(f"{self.folder}{MARK}{folder.name}", folder, promoted)
            bundle = open_bundle(folder, verify=verify)
            return self._switch(folder.name, bundle, "rollback", history, added=False)

    @file_access("read or write")
    def prune(self, keep_last: int) -> tuple[str, ...]:
        """Removes old releases, and keeps those that were current last.

        The current release and the one to roll back to always stay. Before a release is removed,
        processes that serve it must be reloaded.

        Args:
            keep_last: How many releases stay, 2 or more.

        Returns:
            The names of the removed releases.

        Raises:
            RegistryError: There is no registry, or `keep_last` is too small.
        """
        self._must_exist()
        if keep_last < LEAST_KEPT:
            raise RegistryError(
                f"keep_last is {keep_last}",
                expected=f"{LEAST_KEPT} or more: the current one and the one before",
                value=keep_last,
            )
        with self._locked():
            clear_leftovers(self.folder / RELEASES)
            history = read_history(self.folder)
            standing = [one.name for one in listed(self.folder, history)]
            last_first = [one.name for one in reversed(history)]
            worth = [*last_first[:1], *came_before(history)[:1], *last_first, *standing]
            kept = [name for name in dict.fromkeys(worth) if name in standing][:keep_last]
            gone = tuple(name for name in standing if name not in kept)
            for name in gone:
                remove_folder(self.folder / RELEASES / name)
        return gone

    @file_access("read or write")
    def repair(self) -> Repair:
        """Repairs `current.json` and the history from their readable parts.

        A replaced file is kept under another name. If nothing is damaged, nothing changes.

        Raises:
            RegistryError: There is no registry.
            FileAccessError: The system refuses to read or write a file.
        """
        self._must_exist()
        with self._locked():
            return repair(self.folder)

    def _locked(self) -> AbstractContextManager[None]:
        return locked(inside(self.folder, LOCK_NAME, RegistryError))

    def _must_exist(self) -> None:
        if not (self.folder / RELEASES).is_dir():
            raise RegistryError(
                f"there is no registry at '{self.folder}'",
                next_step=f"make one with `graphrec promote {quote(str(self.folder))} BUNDLE`",
                value=str(self.folder),
            )

    def _to_go_back_to(self, before: list[str], to: str | None) -> str:
        if not before:
            raise RegistryError(
                f"no release of '{self.folder}' was current before this one",
                next_step=f"see `graphrec releases {quote(str(self.folder))} --history`",
                value=to,
            )
        if to is not None and to not in before:
            raise RegistryError(
                f"'{to}' is not one of the releases that were current before this one",
                expected="one of " + ", ".join(dict.fromkeys(before)),
                next_step="to make another one current: "
                f"graphrec promote {quote(str(self.folder))} {quote(to)}",
                value=to,
            )
        return before[0] if to is None else to

    def _switch(
        self, name: str, bundle: Bundle, action: Action, history: list[Promotion], *, added: bool
    ) -> Switch:
        before = history[-1].name if history else None
        if name != before:
            promotion = Promotion(
                number=history[-1].number + 1 if history else 1,
                name=name,
                release_id=bundle.manifest.release_id,
                schema_fingerprint=bundle.manifest.schema_fingerprint,
                at=datetime.now(UTC),
                action=action,
            )
            make_current(self.folder, promotion, history)
        return Switch(name, before, added)
