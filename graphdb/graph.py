"""Keeps a graph that is filled from frames in memory: the first step of everything in Python."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from graphdb.checked_schema import Schema
from graphdb.errors import MappingError, SchemaError
from graphdb.file_access import Closing, remove_with, scratch_folder
from graphdb.schema_types import EdgeType
from graphdb.snapshot import Snapshot, open_snapshot, write_snapshot
from graphdb.stores import GraphStore, open_store
from graphdb.tabular import html_table

if TYPE_CHECKING:
    from graphdb.ingestion import IngestReport, SourceTable
    from graphdb.io.mapped_tables import FrameMapping


class Graph(Closing):
    """A graph in a store, in memory unless a path says otherwise.

    Args:
        store: An open store; `close` closes it.

    Attributes:
        store: The store.
        report: What the last `ingest` did; None before the first.
    """

    def __init__(self, store: GraphStore) -> None:
        self.store = store
        self.report: IngestReport | None = None

    @classmethod
    def from_frames(
        cls,
        frames: Mapping[str, Any],
        *,
        mapping: "FrameMapping | None" = None,
        store: str = "duckdb:",
        schema: Schema | None = None,
        strict: bool = False,
        now: datetime | None = None,
    ) -> "Graph":
        """Makes a graph of frames of pandas or polars, or of tables of Arrow.

        A row that breaks a rule is set aside with the reason, see `rejects`; all others are used.

        Args:
            frames: By node type (User), relation (PURCHASED) or edge type (User-FOLLOWS-Brand). One
                frame may stand for several.
            mapping: Per frame, the column of each property, such as {"user_id": "customer"}; all
                other columns are ignored. Or the keys of a [[table]] of a mapping file, such as
                {"columns": {"brand_id": "maker"}, "distinct": True}. Frames without an entry have
                columns named after properties. user_id and product_id can stand for source_id and
                target_id.
            store: A path, or the URL of a store, see `open_store`; by default in memory.
            schema: The schema; by default that of the store, or `graphdb.SCHEMA`.
            strict: Stop at the first frame with a bad row, before any of its rows is written.
            now: Later events are rejected; by default the current time.

        Raises:
            SchemaError: A frame is named after no type.
            MappingError: The mapping does not fit, or edges end at nodes that no frame has.
            FileFormatError: A value is no frame.
            RejectedRowError: `strict` is on and a row breaks a rule.
            StoreError: The store cannot be opened.

        Example:
            >>> import pyarrow as pa
            >>> days = ["2026-05-01", "2026-05-02"]
            >>> orders = pa.table({"who": ["ann", "bob"], "sku": ["tea", "tea"], "day": days})
            >>> graph = Graph.from_frames(
            ...     {"User": orders, "Product": orders, "PURCHASED": orders},
            ...     mapping={
            ...         "User": {"user_id": "who"},
            ...         "Product": {"columns": {"product_id": "sku"}, "distinct": True},
            ...         "PURCHASED": {"user_id": "who", "product_id": "sku", "at": "day"},
            ...     },
            ... )
            >>> graph
            <Graph: 2 User, 1 Product; 2 edges>
        """
        graph = cls(open_store(store, schema=schema))
        try:
            graph.ingest(frames, mapping=mapping, strict=strict, now=now)
        except BaseException:
            graph.close()
            raise
        return graph

    def ingest(
        self,
        frames: Mapping[str, Any],
        *,
        mapping: "FrameMapping | None" = None,
        strict: bool = False,
        now: datetime | None = None,
    ) -> "IngestReport":
        """Adds the rows of more frames, or updates those with the same keys; see `from_frames`.

        Returns:
            What happened to the rows of each frame; also kept as `report`.

        Raises:
            GraphRecError: As `from_frames`.
        """
        # Imported here, so that serving a bundle never loads DuckDB.
        from graphdb.ingestion import ingest
        from graphdb.io.mapped_tables import frame_tables

        tables = frame_tables(frames, self.schema, mapping)
        self._check_ends(tables)
        self.report = ingest(tables, self.store, strict=strict, now=now)
        return self.report

    @property
    def schema(self) -> Schema:
        """The node types, relations and properties that the graph can hold."""
        return self.store.schema

    def rejects(self) -> pa.Table:
        """Returns the rows that broke a rule: `file` is the frame, `row` counts from 1.

        Returns:
            The columns table_name, file, row, code and reason.
        """
        return self.store.read_rejects()

    def snapshot(
        self, folder: str | Path | None = None, *, cutoff: datetime | None = None
    ) -> Snapshot:
        """Writes the graph as a snapshot, which training and evaluation read.

        Args:
            folder: A new folder; by default a temporary one, which is removed when the snapshot is
                no longer used.
            cutoff: A time with a timezone; nothing at or after it is written.

        Raises:
            SnapshotError: The folder exists, or the cut-off has no timezone.
        """
        if folder is not None:
            return write_snapshot(self.store, folder, cutoff=cutoff)
        with scratch_folder("graphrec-snapshot-") as scratch:
            snapshot = write_snapshot(self.store, scratch / "snapshot", cutoff=cutoff)
        remove_with(snapshot, scratch)
        return snapshot

    def close(self) -> None:
        """Closes the store; a graph in memory is lost."""
        self.store.close()

    def __repr__(self) -> str:
        nodes = ", ".join(f"{number:,} {of}" for of, number in self._counts(str)) or "no nodes"
        edges = sum(number for _, number in self._counts(EdgeType))
        return f"<Graph: {nodes}; {edges:,} edges{self._rejected()}>"

    def _repr_html_(self) -> str:
        rows = [
            {"type": str(of), "rows": number}
            for kind in (str, EdgeType)
            for of, number in self._counts(kind)
        ]
        return html_table(f"Graph{self._rejected()}", rows)

    def _counts(self, kind: type) -> Iterator[tuple[str | EdgeType, int]]:
        """Types of one kind that have rows, with their number."""
        for of, number in self.store.counts().items():
            if isinstance(of, kind) and number:
                yield of, number

    def _rejected(self) -> str:
        if self.report is None or not self.report.rejected:
            return ""
        rows = "1 row" if self.report.rejected == 1 else f"{self.report.rejected:,} rows"
        return f"; {rows} rejected, see rejects()"

    def _check_ends(self, tables: "list[SourceTable]") -> None:
        """Refuses edges whose nodes are nowhere, all of which would be rejected."""
        given = {table.of for table in tables}
        held = {of for of, _ in self._counts(str)}
        for table in tables:
            ends = (table.of.source, table.of.target) if isinstance(table.of, EdgeType) else ()
            for end in ends:
                if end not in given | held:
                    key = self.schema.node_type(end).key
                    raise MappingError(
                        f"'{table.file}' needs {end} nodes, and there are none",
                        expected=f"a frame '{end}'",
                        next_step=f"it can be the same frame again: mapping={{'{end}': "
                        f"{{'columns': {{'{key}': 'COLUMN'}}, 'distinct': True}}}}",
                        value=end,
                    )


def snapshot_of(data: Graph | Snapshot | str | Path) -> Snapshot:
    """Returns a snapshot: itself, the one in a folder, or a temporary one of a graph.

    Raises:
        SnapshotError: The folder holds no snapshot that can be used.
        SchemaError: It is none of these.
    """
    if isinstance(data, Graph):
        return data.snapshot()
    if isinstance(data, str | Path):
        return open_snapshot(data)
    if not isinstance(data, Snapshot):
        raise SchemaError(
            f"a {type(data).__name__} is no snapshot",
            expected="a Graph, a Snapshot or the folder of one",
            next_step="make a graph of frames with Graph.from_frames",
            value=type(data).__name__,
        )
    return data
