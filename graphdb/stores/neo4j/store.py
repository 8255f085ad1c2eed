"""Stores the graph in Neo4j for exploring. `GraphStore` documents the methods."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import pyarrow as pa

from graphdb.checked_schema import Schema
from graphdb.errors import DataError
from graphdb.file_access import Closing
from graphdb.schema_types import EdgeType, Property
from graphdb.stores.deletion import DeleteReport
from graphdb.stores.neo4j import deletion, reading, writing
from graphdb.stores.neo4j.connection import Connection, Tx
from graphdb.stores.neo4j.maintenance import adopt_schema
from graphdb.stores.neo4j.publishing import drawn_queries, publish
from graphdb.stores.neo4j.settings import Neo4jSettings
from graphdb.stores.protocol import UpsertCounts, check_rows, wanted_columns, with_event_ids
from graphdb.stores.publishing import DrawnQuery, OnProgress, PublishedRelease, PublishReport


class Neo4jStore(Closing):
    """A graph in a Neo4j database, with nodes and edges as its Browser shows them.

    Each call is one transaction, which Neo4j holds in its heap until the end. A batch that does not
    fit is refused completely. Writers of one table wait for each other; writers of different tables
    do not.

    Args:
        settings: The connection; see `Neo4jSettings.from_environment`.
        schema: See `open_store`.
        create: Create a store in an empty database.
        beside_others: Create a store even in a database that holds other data.
    """

    batch_rows = 50_000
    """The recommended rows per call: they fit into a heap of 512 MB, and larger transactions are
    slower (docs/adr/009-neo4j-writes.md)."""

    def __init__(
        self,
        settings: Neo4jSettings,
        *,
        schema: Schema | None = None,
        create: bool = True,
        beside_others: bool = False,
    ) -> None:
        self.settings = settings
        self._connection = Connection(settings)
        try:
            self._schema = adopt_schema(
                self._connection, schema, create=create, beside_others=beside_others
            )
        except BaseException:
            self._connection.close()
            raise

    @property
    def url(self) -> str:
        return self.settings.uri

    @property
    def schema(self) -> Schema:
        return self._schema

    def upsert_nodes(self, node_type: str, rows: pa.Table) -> UpsertCounts:
        check_rows(self.schema, node_type, rows)
        refuse_duplicates(self.schema, node_type, rows)

        def work(tx: Tx) -> UpsertCounts:
            return writing.upsert_nodes(tx, self.schema, node_type, rows)

        return self._connection.write(work, rows.num_rows)

    def upsert_edges(
        self, edge_type: EdgeType, rows: pa.Table, *, as_newest: bool = False
    ) -> UpsertCounts:
        edge_type = self.schema.edge_type(edge_type.relation, edge_type.source, edge_type.target)
        if self.schema.relation(edge_type.relation).repeats:
            rows = with_event_ids(rows)
        check_rows(self.schema, edge_type, rows)
        refuse_duplicates(self.schema, edge_type, rows)

        def work(tx: Tx) -> UpsertCounts:
            return writing.upsert_edges(tx, self.schema, edge_type, rows, as_newest=as_newest)

        return self._connection.write(work, rows.num_rows)

    def read_nodes(
        self,
        node_type: str,
        *,
        columns: Sequence[str] | None = None,
        cutoff: datetime | None = None,
    ) -> pa.RecordBatchReader:
        wanted = wanted_columns(self.schema, node_type, columns)
        batches = reading.read_nodes(self._connection, self.schema, node_type, wanted, cutoff)
        return pa.RecordBatchReader.from_batches(_arrow_schema(wanted), batches)

    def read_edges(
        self,
        edge_type: EdgeType,
        *,
        columns: Sequence[str] | None = None,
        cutoff: datetime | None = None,
    ) -> pa.RecordBatchReader:
        wanted = wanted_columns(self.schema, edge_type, columns)
        batches = reading.read_edges(self._connection, self.schema, edge_type, wanted, cutoff)
        return pa.RecordBatchReader.from_batches(_arrow_schema(wanted), batches)

    def edges_between(self, edge_type: EdgeType, pairs: pa.Table) -> pa.Table:
        edge_type = self.schema.edge_type(edge_type.relation, edge_type.source, edge_type.target)
        return reading.edges_between(self._connection, self.schema, edge_type, pairs)

    def delete_nodes(
        self, node_type: str, ids: Iterable[str], *, forget: bool = False, dry_run: bool = False
    ) -> DeleteReport:
        name = self.schema.node_type(node_type).name
        return deletion.delete_nodes(
            self._connection, self.schema, name, ids, forget=forget, dry_run=dry_run
        )

    def delete_edges(
        self, edge_type: EdgeType, edges: pa.Table, *, dry_run: bool = False
    ) -> DeleteReport:
        edge_type = self.schema.edge_type(edge_type.relation, edge_type.source, edge_type.target)
        return deletion.delete_edges(
            self._connection, self.schema, edge_type, edges, dry_run=dry_run
        )

    def lift_forgotten(self, node_type: str, ids: Iterable[str]) -> int:
        return deletion.lift(self._connection, self.schema.node_type(node_type).name, ids)

    def read_forgotten(self) -> pa.Table:
        return deletion.read(self._connection)

    def counts(self) -> Mapping[str | EdgeType, int]:
        def work(tx: Tx) -> Mapping[str | EdgeType, int]:
            return {of: writing.count(tx, self.schema, of) for of in self.schema.tables()}

        return self._connection.write(work)

    def replace_rejects(self, table_name: str, file: str, rejected: Iterable[pa.Table]) -> None:
        tables = list(rejected)  # the transaction may restart

        def work(tx: Tx) -> None:
            writing.replace(tx, table_name, file, tables)

        self._connection.write(work, sum(table.num_rows for table in tables))

    def read_rejects(self) -> pa.Table:
        return writing.read(self._connection)

    def drawn_queries(self) -> tuple[str | None, list[DrawnQuery]]:
        """See `PublishingStore`."""
        return drawn_queries(self._connection, self.schema)

    def publish(
        self, release: PublishedRelease, on_progress: OnProgress | None = None
    ) -> PublishReport:
        """See `PublishingStore`."""
        return publish(self._connection, self.schema, release, on_progress or (lambda *_: None))

    def close(self) -> None:
        self._connection.close()


def refuse_duplicates(schema: Schema, of: str | EdgeType, rows: pa.Table) -> None:
    """Raises DataError if a key is duplicated in a batch."""
    key = list(schema.key(of))
    counted = rows.select(key).group_by(key).aggregate([([], "count_all")])
    if counted.num_rows == rows.num_rows:
        return
    twice = counted.filter(pa.compute.greater(counted["count_all"], 1)).select(key)
    first = twice.slice(0, 1).to_pylist()[0]
    raise DataError(
        f"{of}: the key {first} is duplicated in one batch", value=tuple(first.values())
    )


def _arrow_schema(columns: Sequence[Property]) -> pa.Schema:
    return pa.schema([(column.name, column.kind.arrow) for column in columns])
