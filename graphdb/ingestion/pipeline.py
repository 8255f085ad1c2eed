"""Validates tables, writes them into a store (nodes first, then edges) and reports on each.

Bad rows are set aside as rejects.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from graphdb.errors import RejectedRowError
from graphdb.ingestion.price_bands import price_bands
from graphdb.ingestion.staging import FORGOTTEN, MERGED, SUPERSEDED, Staging
from graphdb.ingestion.typed_rows import SKIPPED
from graphdb.io.source import SourceTable
from graphdb.schema_types import TARGET_ID, EdgeType
from graphdb.stores.protocol import GraphStore, UpsertCounts, is_consequence
from graphdb.tabular import Tabular, html_table


@dataclass(frozen=True, slots=True)
class TableReport:
    """What an ingest did with the rows of one table.

    `read` = accepted + superseded + forgotten + rejected + merged + skipped.

    Args:
        read: The rows read; each part of a split cell counts.
        counts: Added, updated, unchanged, superseded and forgotten rows. Superseded rows are older
            than others with the same key, in the table or in the store; forgotten ones name a
            forgotten node.
        rejected: The rows that broke a rule; the store keeps them as rejects.
        merged: The rows that repeat the key of an earlier one, in a `distinct` table or a split
            cell.
        skipped: The rows without a key in a `skip_missing` table.
        reject_codes: The number of rejected rows per code.
        lost_values: The number of bad values per optional property. Their rows are accepted
            without them; the store keeps them as rejects, too.
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
    lost_values: dict[str, int] = field(default_factory=dict)

    @property
    def accepted(self) -> int:
        """The number of rows that the store now holds."""
        return sum(self.counts) - self.counts.superseded - self.counts.forgotten

    @property
    def lost_every_row(self) -> bool:
        """Whether rows were rejected and none was accepted or superseded."""
        return self.rejected > 0 and not sum(self.counts)


@dataclass(frozen=True, slots=True)
class IngestWarning:
    """An unusual finding that does not stop the ingest, such as implausible times.

    Args:
        table: The name of the table.
        column: The property; None for the file as a whole.
        message: The values and the next step.
    """

    table: str
    column: str | None
    message: str

    def __str__(self) -> str:
        return f"{self.table}: {self.message}"


@dataclass(slots=True)
class IngestReport(Tabular):
    """The result of an ingest: its tables, in the order of writing, and warnings."""

    tables: list[TableReport] = field(default_factory=list)
    warnings: list[IngestWarning] = field(default_factory=list)

    @property
    def counts(self) -> UpsertCounts:
        """The counts of all tables together."""
        return sum((table.counts for table in self.tables), UpsertCounts())

    @property
    def rejected(self) -> int:
        return sum(table.rejected for table in self.tables)

    @property
    def reject_codes(self) -> Counter[str]:
        """The number of rejected rows per code, over all tables; consequences come last."""
        codes = sum((Counter(table.reject_codes) for table in self.tables), Counter[str]())
        return Counter({code: codes[code] for code in sorted(codes, key=is_consequence)})

    @property
    def lost_tables(self) -> list[TableReport]:
        """The tables that lost every row."""
        return [table for table in self.tables if table.lost_every_row]

    def to_dict(self) -> dict[str, Any]:
        """Returns plain data for JSON."""
        return {
            **self.counts._asdict(),
            "rejected": self.rejected,
            "warnings": [asdict(warning) for warning in self.warnings],
            "tables": [
                {**asdict(table), "counts": table.counts._asdict()} for table in self.tables
            ],
        }

    def to_arrow(self) -> pa.Table:
        """Returns one row per table: rows read, added, updated and so on, and rejects by code."""
        return pa.Table.from_pylist(list(self._rows()), schema=_REPORT_COLUMNS)

    def _rows(self) -> Iterator[dict[str, Any]]:
        for table in self.tables:
            codes = ", ".join(f"{code} {number:,}" for code, number in table.reject_codes.items())
            row = {name: getattr(table, name) for name in ("of", "file", "read", "rejected")}
            row |= {"merged": table.merged, "skipped": table.skipped, "reject_codes": codes}
            yield row | table.counts._asdict()

    def __repr__(self) -> str:
        return f"<{self._summary()}>"

    def _repr_html_(self) -> str:
        note = " ".join(map(str, self.warnings))
        return html_table(self._summary(), list(self._rows()), note=note)

    def _summary(self) -> str:
        read = sum(table.read for table in self.tables)
        said = [f"{read:,} rows read", f"{self.counts.added:,} added"]
        if self.rejected:
            codes = ", ".join(f"{code} {number:,}" for code, number in self.reject_codes.items())
            said.append(f"{self.rejected:,} rejected ({codes})")
        if self.warnings:
            said.append(f"{len(self.warnings):,} warnings")
        return ", ".join(said)


_REPORT_COLUMNS = pa.schema(
    [
        ("of", pa.string()),
        ("file", pa.string()),
        *((name, pa.int64()) for name in ("read", *UpsertCounts._fields)),
        *((name, pa.int64()) for name in ("rejected", "merged", "skipped")),
        ("reject_codes", pa.string()),
    ]
)


OnProgress = Callable[[SourceTable, str, int], None]
"""Called with a table, its step ("read", "write") and the rows done since the last call."""


def ingest(
    tables: Iterable[SourceTable],
    store: GraphStore,
    *,
    strict: bool = False,
    now: datetime | None = None,
    batch_rows: int | None = None,
    on_progress: OnProgress | None = None,
) -> IngestReport:
    """Checks tables and upserts their rows into a store.

    Ingesting the same tables again changes nothing; after an interruption, it completes the work.
    Bad rows go to the rejects of the store, with file, row number and reason.

    Args:
        tables: The tables in any order; node tables are read before edge tables.
        strict: Stop at the first table with a bad row, before any of its rows is written.
        now: Later events are rejected; by default the current time.
        batch_rows: Rows per transaction; by default the store's choice.
        on_progress: Called as rows are read and written.

    Raises:
        RejectedRowError: `strict` is on and a row breaks a rule.
        FileFormatError: A file cannot be read.
        FileAccessError: The system refuses to read or write a file; DiskFullError if there is no
            space in the folder of the store or of temporary files (TMPDIR).
    """
    tables = list(tables)
    nodes = [table for table in tables if not isinstance(table.of, EdgeType)]
    edges = [table for table in tables if isinstance(table.of, EdgeType)]
    report = IngestReport()
    rejected: dict[tuple[str, str], list[pa.Table]] = {}
    with Staging(store.schema, now or datetime.now(UTC)) as staging, staging.failures():
        for table in nodes + edges:
            conflicts, odd_scales = _stage(table, store, staging, on_progress)
            rejects = staging.rejects()
            if strict and rejects.num_rows:
                _stop(rejects)
            counts = _write(table, store, staging, batch_rows or store.batch_rows, on_progress)
            # A mapping may take one type from one file twice; the rejects of both are kept.
            of_file = rejected.setdefault((table.name, table.file), [])
            of_file.append(rejects)
            store.replace_rejects(table.name, table.file, of_file)
            report.tables.append(_report(table, staging, counts))
            report.warnings += _warnings(table, staging)
            report.warnings += [IngestWarning(table.name, TARGET_ID, text) for text in conflicts]
            report.warnings += [IngestWarning(table.name, *odd) for odd in odd_scales]
    return report


def _stage(
    table: SourceTable, store: GraphStore, staging: Staging, on_progress: OnProgress | None
) -> tuple[list[str], list[tuple[str, str]]]:
    """Stages a table; returns what is unusual about its edges, and properties on another scale."""
    staging.begin(table)
    for batch in table.batches(staging.add_unreadable):
        staging.add(batch)
        if on_progress:
            on_progress(table, "read", batch.num_rows)
    staging.pass_over_forgotten(store.read_forgotten())
    odd_scales = staging.check_scales()
    if isinstance(table.of, EdgeType):
        for node_type in {table.of.source, table.of.target}:
            if not staging.has_keys(node_type):
                key = store.schema.node_type(node_type).key
                staging.set_keys(node_type, store.read_nodes(node_type, columns=[key]))
        staging.check_ends(table.of)
    conflicts = staging.conflicting_targets()
    staging.check_keys()  # nulls sort last: an open end must not replace a known one
    if not isinstance(table.of, EdgeType):
        staging.remember_lost_nodes()
    return conflicts, odd_scales


def _write(
    table: SourceTable,
    store: GraphStore,
    staging: Staging,
    batch_rows: int,
    on_progress: OnProgress | None,
) -> UpsertCounts:
    counts = UpsertCounts()
    for rows in staging.accepted(batch_rows):
        if isinstance(table.of, EdgeType):
            counts += store.upsert_edges(table.of, rows)
        else:
            counts += store.upsert_nodes(table.of, rows)
            if table.of == "Product" and "price" in rows.column_names:
                _write_price_bands(rows, store)
        if on_progress:
            on_progress(table, "write", rows.num_rows)
    return counts


def _write_price_bands(products: pa.Table, store: GraphStore) -> None:
    bands, edges = price_bands(products)
    if edges.num_rows:
        store.upsert_nodes("PriceBand", bands)
        # The price was just written, so its edge wins over older ones.
        store.upsert_edges(store.schema.edge_type("IN_PRICE_BAND"), edges, as_newest=True)


def _stop(rejects: pa.Table) -> None:
    first = rejects.slice(0, 1).to_pylist()[0]
    raise RejectedRowError(
        f"{first['file']}, row {first['row']}: {first['reason']}",
        next_step="correct the file, or ingest without strict, which sets such rows aside",
        value=first,
    )


def _warnings(table: SourceTable, staging: Staging) -> Iterator[IngestWarning]:
    if table.warning is not None:
        yield IngestWarning(table.name, None, table.warning)
    if table.condition is not None and not staging.tallies():
        yield IngestWarning(table.name, None, f"no row has {table.condition}; is it spelled right?")
    for column, message in staging.implausible_times():
        yield IngestWarning(table.name, column, message)
    for lost in staging.lost_values():
        values = "1 value is" if lost.number == 1 else f"{lost.number:,} values are"
        message = f"{values} left out and the rows kept, such as row {lost.row}: {lost.reason}"
        yield IngestWarning(table.name, lost.column, message)


def _report(table: SourceTable, staging: Staging, counts: UpsertCounts) -> TableReport:
    tallies = dict(staging.tallies())
    read = sum(tallies.values())
    tallies.pop(None, None)
    merged, skipped = tallies.pop(MERGED, 0), tallies.pop(SKIPPED, 0)
    counts += UpsertCounts(
        superseded=tallies.pop(SUPERSEDED, 0), forgotten=tallies.pop(FORGOTTEN, 0)
    )
    codes = {str(code): number for code, number in sorted(tallies.items(), key=str)}
    return TableReport(
        name=table.name,
        of=str(table.of),
        file=table.file,
        read=read,
        counts=counts,
        rejected=sum(codes.values()),
        merged=merged,
        skipped=skipped,
        reject_codes=codes,
        lost_values={lost.column: lost.number for lost in staging.lost_values()},
    )
