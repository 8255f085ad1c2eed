"""Arrow tables that are already in memory, as a source."""

from collections.abc import Iterator, Mapping

import numpy as np
import pyarrow as pa

from graphdb.files.plain_columns import lists_of, plain_batch
from graphdb.ingest.source import ROW, Column, OnBadRow, SourceTable
from graphdb.schema_types import EdgeType

_BATCH_ROWS = 500_000


def arrow_tables(
    tables: Mapping[str, pa.Table] | Mapping[EdgeType, pa.Table], origin: str
) -> list[SourceTable]:
    """Tables whose columns are named after properties, ready for `ingest`.

    Args:
        tables: By node type or edge type.
        origin: What reports and rejects call the file.
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
