"""What an ingest did, table by table."""

from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any

from graphdb.stores.protocol import UpsertCounts


@dataclass(frozen=True, slots=True)
class TableReport:
    """One table's way into the store. `read` = accepted + rejected + merged + skipped.

    Args:
        read: Rows found, counting each part of a split cell.
        rejected: Rows that broke a rule; they stand in the store's rejects.
        merged: Rows that repeat the key of an earlier one in a `distinct` table.
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
        return sum(self.counts)


@dataclass(slots=True)
class IngestReport:
    """All tables of one ingest, in the order they were written."""

    tables: list[TableReport] = field(default_factory=list)

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
            "tables": [
                {**asdict(table), "counts": table.counts._asdict()} for table in self.tables
            ],
        }
