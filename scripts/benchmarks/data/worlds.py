"""Tables and nodes of made-up worlds."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pyarrow as pa

from graphdb import SCHEMA, Snapshot, open_store, write_snapshot
from graphdb.checked_schema import Schema
from graphdb.ingestion import ingest
from graphdb.io.source import SourceTable
from graphdb.schema_types import EdgeType

STORE, SNAPSHOT = "store.duckdb", "snapshot"


def snapshot_of(tables: Sequence[SourceTable], folder: Path, *, strict: bool = False) -> Snapshot:
    """The snapshot of some tables; the store that they went through stays beside it."""
    with open_store(str(folder / STORE)) as store:
        ingest(tables, store, strict=strict)
        return write_snapshot(store, folder / SNAPSHOT)


def bare_nodes(node_type: str, ids: Iterable[str], schema: Schema = SCHEMA) -> pa.Table:
    """Nodes of which nothing is known but their ids."""
    key = schema.node_type(node_type).key
    return full_table(node_type, {key: pa.array(ids, pa.string())}, schema)


def full_table(
    of: str | EdgeType, given: Mapping[str, pa.Array], schema: Schema = SCHEMA
) -> pa.Table:
    """A table with all columns of a type; what is not given is empty."""
    declared = schema.arrow_schema(of)
    num_rows = len(next(iter(given.values())))
    arrays = [
        given[field.name].cast(field.type)
        if field.name in given
        else pa.nulls(num_rows, field.type)
        for field in declared
    ]
    return pa.table(arrays, schema=declared)
