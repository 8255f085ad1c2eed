"""Defines all errors of graphrec; the command line maps them to exit codes.

    GraphRecError                     exit 1
    ├── SchemaError                   exit 3   a type is declared or named wrongly
    ├── DataError                     exit 4   input data cannot be used
    │   ├── MappingError                       a mapping file (TOML) is wrong
    │   ├── FileFormatError                    a table file cannot be read
    │   ├── RejectedRowError                   a strict ingest found a bad row
    │   ├── PolicyError                        a policy (governance rules) is wrong
    │   └── SnapshotError                      a snapshot is missing, changed or of another version
    ├── StoreError                    exit 5   the graph store refused
    │   ├── StoreDamagedError                  its file cannot be read any more
    │   └── StoreUnavailableError              it cannot be reached now; retryable
    ├── TrainingError                 exit 6   a model could not be trained or evaluated
    │   ├── InsufficientDataError              too little data to train or to hold out
    │   ├── InsufficientMemoryError            training needs more memory than there is
    │   ├── DivergedError                      the loss became NaN or infinite
    │   ├── CheckpointError                    a run cannot be resumed
    │   ├── EvaluationError                    results cannot be read or compared
    │   ├── DataLeakageError                   a model has seen what is held out
    │   └── WorkerLostError                    another training process ended; retryable
    ├── BundleError                   exit 7   a model release cannot be used
    │   ├── BundleMissingError
    │   ├── BundleVersionError
    │   ├── BundleCorruptError
    │   └── RegistryError                      a registry of releases refused
    │       └── UnknownReleaseError
    ├── QueryError                    exit 8   a query has no answer
    │   ├── UnknownIdError
    │   └── InvalidFilterError
    └── FileAccessError               exit 9   the operating system refused a file
        └── DiskFullError                      there is no space left

Exit 2 means a wrong command-line option. The first paragraph of each docstring says what the error
means, the second what to do about it; docs/errors.md is generated from them.
"""

import re
from collections.abc import Mapping
from difflib import get_close_matches
from reprlib import Repr
from unicodedata import normalize

from graphdb.printable import redacted


class GraphRecError(Exception):
    """The root of all errors that graphrec raises on purpose.

    Do what the last part of the message says. No message shows a password in an address.

    Args:
        what: What happened, including the wrong value.
        expected: The correct form.
        next_step: What the reader can do about it.
        value: The wrong value, as an attribute for programs.
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

    Use the name that the message suggests. docs/schema.md lists all names.
    """

    exit_code = 3


class DataError(GraphRecError):
    """The input data cannot be used.

    Correct the file that the message names, and run the same command again.
    """

    exit_code = 4


class MappingError(DataError):
    """A mapping file does not map its tables to the schema correctly.

    Correct the line that the message names. docs/own-data.md shows every form.
    """


class FileFormatError(DataError):
    """A table file is missing, unreadable, or not in the format that its name says.

    Check the path and the ending of the file, or write the file again.
    """


class RejectedRowError(DataError):
    """A strict ingest found a row that breaks a rule.

    Correct the row, or ingest without `--strict`, which sets bad rows aside.
    """


class PolicyError(DataError):
    """A policy is malformed or names something that does not exist; the old one stays active.

    Correct the line that the message names. docs/governance.md shows every form.
    """


class SnapshotError(DataError):
    """A snapshot folder is missing, incomplete, changed, or of another version.

    Write the snapshot again with `graphrec snapshot`, or copy the whole folder.
    """


class StoreError(GraphRecError):
    """The graph store refused an operation; it wrote nothing.

    Correct what the store's answer names, and repeat the call.
    """

    exit_code = 5


class StoreDamagedError(StoreError):
    """The file of an embedded store is truncated, overwritten or otherwise damaged.

    Restore a backup of the file, or ingest the tables into a new store.
    """


class StoreUnavailableError(StoreError):
    """The store cannot be reached, or another process uses it.

    Try again. If the error stays, check that the server runs and that no other process has the file
    open.
    """

    retryable = True


class TrainingError(GraphRecError):
    """A model could not be trained or evaluated.

    Change the config key, or install the package, that the message names.
    """

    exit_code = 6


class InsufficientDataError(TrainingError):
    """There are too few nodes or edges to train or measure on.

    Use more data or, if the message says so, hold out fewer days (`--holdout-days`,
    `--no-holdout`).
    """


class InsufficientMemoryError(TrainingError):
    """Training needs more memory than the device has free, so it did not start.

    Lower the config keys that the message names, above all `dim`. See docs/training.md.
    """


class DivergedError(TrainingError):
    """The loss became NaN or infinite; the state of the last complete epoch is kept.

    Lower `learning_rate`, and train again.
    """


class CheckpointError(TrainingError):
    """A checkpoint is missing, damaged, or belongs to another model.

    Use another run folder, or delete this one and start again.
    """


class EvaluationError(TrainingError):
    """Evaluation results are missing, of another version, or not comparable.

    Evaluate again with this version, on the same snapshot and with the same cut-off.
    """


class DataLeakageError(TrainingError):
    """The model to evaluate was trained on the holdout.

    Exclude what the message names, and train again.
    """


class WorkerLostError(TrainingError):
    """Another one of the processes that train together has ended or cannot be reached.

    Run the same command again: it resumes from the state in `--run-dir`.
    """

    retryable = True


class BundleError(GraphRecError):
    """A model bundle cannot be used.

    Write the bundle again; the message names the wrong part.
    """

    exit_code = 7


class BundleMissingError(BundleError):
    """There is no bundle at the path, or one of its files is missing.

    Check the path, copy the whole folder, or train again.
    """


class BundleVersionError(BundleError):
    """This version of graphrec cannot read the format of the bundle.

    Train again with this version, or use the version that wrote the bundle.
    """


class BundleCorruptError(BundleError):
    """A file of the bundle does not match its manifest.

    Copy the whole folder, or train again.
    """


class RegistryError(BundleError):
    """A release registry is missing, damaged, or refused the request; nothing changed.

    Do what the message says. `graphrec releases REGISTRY` lists the content.
    """


class UnknownReleaseError(RegistryError):
    """The registry has no release with that name.

    List the names with `graphrec releases REGISTRY`; the message suggests the closest.
    """


class QueryError(GraphRecError):
    """The bundle cannot answer the query as asked.

    Change the query as the message says.
    """

    exit_code = 8


class UnknownIdError(QueryError):
    """No node of this type has this id.

    Check the id. For users that the bundle does not know, set `on_unknown` or give their events.
    """


class InvalidFilterError(QueryError):
    """A filter names a field or a value that does not exist.

    Use the field or value that the message suggests.
    """


class FileAccessError(GraphRecError):
    """The operating system refused to read or write a file; no partial file is left.

    Do what the message says, then repeat the call.

    Args:
        errno: The system's error number, as in `errno`, or None.
        retryable: Whether the same call can succeed later, such as with too many open files.
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
    """There is no space to write: a full disk, a quota, or a limit on file sizes.

    Free some space, or write to another disk. TMPDIR sets the folder for temporary files.
    """


def shown(value: object) -> str:
    """Returns the repr of a value for a message, shortened if it is long or deep.

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
    """Returns a text that can be written anywhere: of limited length, without lone surrogates."""
    text = text.encode(errors="backslashreplace").decode()
    if len(text) <= _MOST_CHARACTERS:
        return text
    return f"{text[: _MOST_CHARACTERS // 2]} ... {text[-_MOST_CHARACTERS // 4 :]}"


def nearest(name: str, known: list[str]) -> str | None:
    """Returns what may be meant by an unknown name, as a phrase for a message, or None.

    In this order: the same in another spelling (case, spaces, leading zeros), nearly the same, up
    to three that the name is a part of or that are a part of it, and the most similar one.

    >>> nearest("Prodct", ["Product", "Brand"]), nearest("U3", ["U00003", "U3x"])
    ("did you mean 'Product'?", "did you mean 'U00003'?")
    >>> nearest("汉服", ["汉服 Hanfu", "汉堡"]), nearest("cup", ["Water cups", "Cap"])
    ("did you mean '汉服 Hanfu'?", "did you mean 'Water cups'?")
    >>> nearest("zzz", ["Product", "Brand"]) is None
    True
    """
    if not isinstance(name, str) or len(name) > _MOST_CHARACTERS:
        return None
    plain = {candidate: _plain(candidate) for candidate in known}
    wanted = _plain(name)
    found = [candidate for candidate, text in plain.items() if text == wanted][:1]
    found = found or _similar(wanted, plain, _NEARLY_SAME)
    found = found or _sharing_a_part(wanted, plain)
    found = found or _similar(wanted, plain, _SIMILAR)
    return f"did you mean {' or '.join(map(_quoted, found))}?" if found else None


_NEARLY_SAME, _SIMILAR = 0.8, 0.6
_MOST_PARTS = 3
_LEADING_ZEROS = re.compile(r"(?<!\d)0+(?=\d)")


def _plain(text: str) -> str:
    """A text without case, spaces around it, forms of characters and leading zeros."""
    return _LEADING_ZEROS.sub("", normalize("NFKC", text).casefold().strip())


def _similar(wanted: str, plain: Mapping[str, str], cutoff: float) -> list[str]:
    of_text = {text: candidate for candidate, text in plain.items()}
    return [of_text[text] for text in get_close_matches(wanted, of_text, n=1, cutoff=cutoff)]


def _sharing_a_part(wanted: str, plain: Mapping[str, str]) -> list[str]:
    """The shortest candidates first, those that begin with the name before others."""
    parts = [
        candidate
        for candidate, text in plain.items()
        if _is_part(wanted, text) or _is_part(text, wanted)
    ]
    parts.sort(key=lambda one: (not plain[one].startswith(wanted), len(one), one))
    return parts[:_MOST_PARTS]


def _is_part(part: str, whole: str) -> bool:
    """Whether a text contains another one from the start of a word; Chinese words have no start."""
    if part.isascii():
        return len(part) > 2 and re.search(rf"(?<![^\W_]){re.escape(part)}", whole) is not None
    return len(part) > 1 and part in whole


def _quoted(text: str) -> str:
    return f"'{text}'"
