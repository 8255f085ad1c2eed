"""What an ingest did, table by table."""

from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any

from graphdb.stores.protocol import UpsertCounts


@dataclass(frozen=True, slots=True)
class TableReport:
    """One table's way into the store.

    `read` = accepted + superseded + rejected + merged + skipped.

    Args:
        read: Rows found, counting each part of a split cell.
        counts: What the store did; superseded rows are older than others of the same key, in the
            table or in the store.
        rejected: Rows that broke a rule; they stand in the store's rejects.
        merged: Rows that repeat the key of an earlier one in a `distinct` table or a split cell.
        skipped: Rows without a key in a `skip_missing` table.
        reject_codes: Number of rejects per code.
    """

    name: str
    of: str
    file: str
    read: int
    counts: UpsertCounts
    rejected: int
    merged: int
    skipped: int
    reject_codes: dict[str, int]

    @property
    def accepted(self) -> int:
        """Rows that are in the store as they are."""
        return sum(self.counts) - self.counts.superseded


@dataclass(frozen=True, slots=True)
class IngestWarning:
    """Something odd that stops nothing, such as times that are hardly meant.

    Args:
        table: The table's name.
        column: The property; None where it is about the file as a whole.
        message: The values, and what to do about them.
    """

    table: str
    column: str | None
    message: str

    def __str__(self) -> str:
        return f"{self.table}: {self.message}"


@dataclass(slots=True)
class IngestReport:
    """All tables of one ingest, in the order they were written, and what was odd about them."""

    tables: list[TableReport] = field(default_factory=list)
    warnings: list[IngestWarning] = field(default_factory=list)

    @property
    def counts(self) -> UpsertCounts:
        """What the whole ingest did to the store."""
        return sum((table.counts for table in self.tables), UpsertCounts())

    @property
    def rejected(self) -> int:
        return sum(table.rejected for table in self.tables)

    @property
    def reject_codes(self) -> Counter[str]:
        """Number of rejects per code over all tables."""
        return sum((Counter(table.reject_codes) for table in self.tables), Counter())

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            **self.counts._asdict(),
            "rejected": self.rejected,
            "warnings": [asdict(warning) for warning in self.warnings],
            "tables": [
                {**asdict(table), "counts": table.counts._asdict()} for table in self.tables
            ],
        }
