"""Opens a source by its name, or Arrow tables in memory, as tables ready for `ingest`."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa

from graphdb.checked_schema import Schema
from graphdb.errors import DataError
from graphdb.io.mapped_tables import folder_tables
from graphdb.io.plain_columns import lists_of, plain_batch
from graphdb.io.source import ROW, Column, OnBadRow, SourceTable
from graphdb.schema_types import EdgeType
from graphdb.sources.complete_journey import complete_journey_tables
from graphdb.sources.synthetic import WorldConfig, generate_world

_BATCH_ROWS = 500_000


def arrow_tables(
    tables: Mapping[str, pa.Table] | Mapping[EdgeType, pa.Table], origin: str
) -> list[SourceTable]:
    """Prepares tables for `ingest` whose columns are named after properties.

    Args:
        tables: By node type or edge type.
        origin: The name of the file in reports and rejects.
    """
    return [_source_table(of, table, origin) for of, table in tables.items()]


def _source_table(of: str | EdgeType, table: pa.Table, origin: str) -> SourceTable:
    def batches(on_bad_row: OnBadRow) -> Iterator[pa.RecordBatch]:
        first_row = 1
        for batch in table.to_batches(max_chunksize=_BATCH_ROWS):
            rows = np.arange(first_row, first_row + batch.num_rows)
            yield plain_batch(batch.append_column(ROW, pa.array(rows)), origin, on_bad_row)
            first_row += batch.num_rows

    return SourceTable(
        name=str(of),
        of=of,
        file=origin,
        columns={name: Column(name) for name in table.column_names},
        batches=batches,
        num_rows=table.num_rows,
        lists=lists_of(table.schema),
    )


COMPLETE_JOURNEY = "complete-journey"
_SYNTHETIC = "synthetic:"
_MIN_EDGES, _MAX_EDGES = 100, 100_000_000


def open_source(name: str, schema: Schema, mapping: str | Path | None = None) -> list[SourceTable]:
    """Returns the tables of a source, ready for `ingest`.

    Args:
        name: A folder, 'complete-journey', 'synthetic:EDGES' or 'synthetic:EDGES:SEED'.
        mapping: The mapping file of a folder; by default its mapping.toml.

    Raises:
        DataError: The source is unknown, or takes no mapping.
    """
    if name != COMPLETE_JOURNEY and not name.startswith(_SYNTHETIC):
        return folder_tables(name, schema, mapping)
    if mapping is not None:
        raise DataError(f"'{name}' takes no mapping; its tables are fixed", value=str(mapping))
    if name == COMPLETE_JOURNEY:
        return complete_journey_tables(schema)
    return _synthetic(name)


def _synthetic(name: str) -> list[SourceTable]:
    parts = name.removeprefix(_SYNTHETIC).split(":")
    numbers = [int(part) if part.isdecimal() else -1 for part in parts]
    if len(numbers) > 2 or min(numbers) < 0 or not _MIN_EDGES <= numbers[0] <= _MAX_EDGES:
        raise DataError(
            f"'{name}' is not a synthetic world",
            expected=f"synthetic:EDGES or synthetic:EDGES:SEED, {_MIN_EDGES} to {_MAX_EDGES} edges",
            value=name,
        )
    seed = numbers[1] if len(numbers) == 2 else 0
    world = generate_world(WorldConfig(num_edges=numbers[0], seed=seed))
    return arrow_tables(world.nodes, name) + arrow_tables(world.edges, name)
