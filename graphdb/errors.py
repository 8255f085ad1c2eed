"""The one error tree of graphrec; the command line maps it to exit codes.

    GraphRecError                     exit 1
    ├── SchemaError                   exit 3   the declaration of types is wrong
    ├── DataError                     exit 4   input that cannot be used
    │   ├── MappingError                       a mapping file (TOML) is wrong
    │   ├── FileFormatError                    a table file cannot be read
    │   ├── RejectedRowError                   `strict` ingest met a bad row
    │   ├── PolicyError                        a policy (governance rules) is wrong
    │   └── SnapshotError                      a snapshot is missing, changed or of another version
    ├── StoreError                    exit 5   the graph store refused
    │   ├── StoreDamagedError                  its file cannot be read any more
    │   └── StoreUnavailableError              ... for now; retryable
    ├── TrainingError                 exit 6   a model could not be trained or evaluated
    │   ├── InsufficientDataError                 too little to train or to hold out
    │   ├── InsufficientMemoryError                    it would take more memory than there is
    │   ├── DivergedError                      the loss is no number any more
    │   ├── CheckpointError                    there is nothing to go on from
    │   ├── EvaluationError                    results that cannot be read, or be put side by side
    │   ├── DataLeakageError                          a model was shown what it is asked for
    │   └── WorkerLostError                   one of several that train together; retryable
    ├── BundleError                   exit 7   a model release cannot be used
    │   ├── BundleMissingError
    │   ├── BundleVersionError
    │   ├── BundleCorruptError
    │   └── RegistryError                      a registry of releases that refuses
    │       └── UnknownReleaseError
    ├── QueryError                    exit 8   a question that has no answer
    │   ├── UnknownIdError
    │   └── InvalidFilterError
    └── FileAccessError               exit 9   the operating system refused a file
        └── DiskFullError                      ... because there is no room

Exit 2 is the command line's own (a wrong option), as is usual. Every docstring says what the error
means and, in its second paragraph, what to do about it; docs/errors.md is made of them.
"""

from difflib import get_close_matches
from reprlib import Repr

from graphdb.printable import redacted


class GraphRecError(Exception):
    """Root of every error this project raises on purpose.

    Do what the last part of the message says. No message shows a password in an address.

    Args:
        what: What happened, with the offending value in it.
        expected: What would have been right.
        next_step: What the reader can do about it.
        value: The offending value, kept as an attribute for programs.
    """

    exit_code = 1
    retryable = False

    def __init__(
        self,
        what: str,
        *,
        expected: str | None = None,
        next_step: str | None = None,
        value: object = None,
    ) -> None:
        self.what = what = _readable(redacted(what))
        self.expected = expected = redacted(expected) if expected else expected
        self.next_step = next_step = redacted(next_step) if next_step else next_step
        self.value = redacted(value) if isinstance(value, str) else value
        parts = [what]
        if expected:
            parts.append(f"expected {expected}")
        if next_step:
            parts.append(next_step)
        super().__init__("; ".join(parts))


class SchemaError(GraphRecError):
    """A node type, relation or property is declared or named wrongly.

    Use the name that the message suggests; docs/schema.md lists all of them.
    """

    exit_code = 3


class DataError(GraphRecError):
    """Input data that cannot be used.

    Correct the file that the message names, and run the same command again.
    """

    exit_code = 4


class MappingError(DataError):
    """A mapping file does not describe a valid way from its tables to the schema.

    Correct the line that the message names; docs/own-data.md shows every form.
    """


class FileFormatError(DataError):
    """A table file is missing, unreadable or not what its name says.

    Check the path and the file's ending, or write the file again.
    """


class RejectedRowError(DataError):
    """A strict ingest met a row that breaks a rule.

    Correct the row, or leave out `--strict`: then bad rows are set aside.
    """


class PolicyError(DataError):
    """A policy names what does not exist or is not well formed; the one before it still holds.

    Correct the line that the message names; docs/governance.md shows every form.
    """


class SnapshotError(DataError):
    """A snapshot folder is missing, incomplete, changed since, or of another version.

    Write the snapshot again with `graphrec snapshot`, or copy the folder whole.
    """


class StoreError(GraphRecError):
    """The graph store refused an operation; nothing of it was written.

    Read what the store answered; after correcting it, the same call may be repeated.
    """

    exit_code = 5


class StoreDamagedError(StoreError):
    """The file of an embedded store is cut short, overwritten or otherwise changed.

    Take a copy of it from before, or ingest the tables into a new store.
    """


class StoreUnavailableError(StoreError):
    """The store cannot be reached or is held by another process. Trying again may help.

    Try again; if it stays so, see that the server runs and nobody else holds the file.
    """

    retryable = True


class TrainingError(GraphRecError):
    """A model could not be trained or evaluated.

    Change the setting or install the package that the message names.
    """

    exit_code = 6


class InsufficientDataError(TrainingError):
    """There are too few nodes or edges for what was asked.

    Give it more data, or, where the message says so, hold out fewer days (`--holdout-days`,
    `--no-holdout`).
    """


class InsufficientMemoryError(TrainingError):
    """Training would take more memory than the device has free; it has not begun.

    Lower the settings that the message names, `dim` above all; see docs/training.md.
    """


class DivergedError(TrainingError):
    """The loss became infinite or no number; the last whole epoch's state is kept.

    Lower `learning_rate`, and train again.
    """


class CheckpointError(TrainingError):
    """A checkpoint is missing, damaged, or of another model than the one to go on with.

    Keep the run in another folder, or delete this one and begin anew.
    """


class EvaluationError(TrainingError):
    """The results of an evaluation are missing, of another version, or do not fit together.

    Evaluate again with this version, on the same snapshot and the same cut-off.
    """


class DataLeakageError(TrainingError):
    """A model that is to be measured was shown what it is asked for.

    Leave out what the message names, and train again.
    """


class WorkerLostError(TrainingError):
    """Another one of the processes that train together has ended or cannot be reached.

    Give the same command again: it goes on from the state that `--run-dir` names.
    """

    retryable = True


class BundleError(GraphRecError):
    """A model bundle cannot be used.

    Read which part does not fit, and write the bundle again.
    """

    exit_code = 7


class BundleMissingError(BundleError):
    """There is no bundle at the given path, or a file of it is gone.

    Check the path, copy the folder whole, or train again.
    """


class BundleVersionError(BundleError):
    """The bundle was written in a format this version does not read.

    Train again with this version, or use the version that wrote it.
    """


class BundleCorruptError(BundleError):
    """A file of the bundle does not match its manifest.

    Copy the folder whole, or train again.
    """


class RegistryError(BundleError):
    """A registry of releases is missing or damaged, or refuses what was asked; nothing changed.

    Do what the message says; `graphrec releases REGISTRY` shows what stands in it.
    """


class UnknownReleaseError(RegistryError):
    """The registry holds no release of that name.

    Look it up with `graphrec releases REGISTRY`; the message names the nearest.
    """


class QueryError(GraphRecError):
    """A question that this bundle cannot answer as asked.

    Ask for what the message says that there is.
    """

    exit_code = 8


class UnknownIdError(QueryError):
    """No node of that type has that id.

    Check the id; for strangers, set `on_unknown` or give their events.
    """


class InvalidFilterError(QueryError):
    """A filter names a field or a value that does not exist.

    Use the field or value that the message suggests.
    """


class FileAccessError(GraphRecError):
    """The operating system refused to read or write a file; nothing half-written is left.

    Do what the message says, then run the same again.

    Args:
        errno: The system's number of what is wrong, as in `errno`; None where it gave none.
        retryable: Whether it may work in a moment with nothing changed: too many open files, for
            example.
    """

    exit_code = 9

    def __init__(
        self,
        what: str,
        *,
        expected: str | None = None,
        next_step: str | None = None,
        value: object = None,
        errno: int | None = None,
        retryable: bool = False,
    ) -> None:
        super().__init__(what, expected=expected, next_step=next_step, value=value)
        self.errno = errno
        self.retryable = retryable


class DiskFullError(FileAccessError):
    """There is no room for what was being written: a full disk, a quota, or a limit on file sizes.

    Free some space, or write to another disk; TMPDIR says where temporary files go.
    """


def shown(value: object) -> str:
    """A value as a message shows it: its repr, cut where it is long or deep.

    >>> shown("p1"), shown(float("nan"))
    ("'p1'", 'nan')
    """
    if isinstance(value, int) and value.bit_length() > _MOST_BITS:
        return f"a whole number of {value.bit_length():,} bits"
    return _SHORT.repr(value)


_MOST_BITS = 256
_SHORT = Repr()
_SHORT.maxlevel = 4
_SHORT.maxstring = _SHORT.maxother = 120
_MOST_CHARACTERS = 1_000


def _readable(text: str) -> str:
    """A text that can be written anywhere: not endless, and without halves of characters."""
    text = text.encode(errors="backslashreplace").decode()
    if len(text) <= _MOST_CHARACTERS:
        return text
    return f"{text[: _MOST_CHARACTERS // 2]} ... {text[-_MOST_CHARACTERS // 4 :]}"


def nearest(name: str, known: list[str]) -> str | None:
    """The closest known name as a phrase for a message, or None when nothing is close.

    >>> nearest("Prodct", ["Product", "Brand"])
    "did you mean 'Product'?"
    >>> nearest("zzz", ["Product", "Brand"]) is None
    True
    """
    if not isinstance(name, str) or len(name) > _MOST_CHARACTERS:
        return None
    folded = {candidate.casefold(): candidate for candidate in known}
    matches = get_close_matches(name.casefold(), list(folded), n=1)
    return f"did you mean '{folded[matches[0]]}'?" if matches else None
