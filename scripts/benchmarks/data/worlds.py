"""Tables and nodes of made-up worlds."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import pyarrow as pa

from graphdb import SCHEMA, Snapshot, open_store, write_snapshot
from graphdb.checked_schema import Schema
from graphdb.ingestion import ingest
from graphdb.io.source import SourceTable

STORE, SNAPSHOT = "store.duckdb", "snapshot"


def snapshot_of(tables: Sequence[SourceTable], folder: Path, *, strict: bool = False) -> Snapshot:
    """The snapshot of some tables; the store that they went through stays beside it."""
    with open_store(str(folder / STORE)) as store:
        ingest(tables, store, strict=strict)
        return write_snapshot(store, folder / SNAPSHOT)


def bare_nodes(node_type: str, ids: Iterable[str], schema: Schema = SCHEMA) -> pa.Table:
    """Nodes of which nothing is known but their ids."""
    arrow = schema.arrow_schema(node_type)
    key, keys = schema.node_type(node_type).key, pa.array(ids, pa.string())
    columns = [keys if field.name == key else pa.nulls(len(keys), field.type) for field in arrow]
    return pa.table(columns, schema=arrow)
