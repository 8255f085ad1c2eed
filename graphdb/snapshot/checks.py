"""What a file of a snapshot has to hold: other programs write snapshots, too."""

from contextlib import AbstractContextManager
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from graphdb import parquet
from graphdb.errors import SnapshotError
from graphdb.schema_types import EdgeType
from graphdb.snapshot.manifest import FileEntry


def readable(path: Path) -> AbstractContextManager[None]:
    """Turns what Arrow says of a damaged file into a SnapshotError."""
    return parquet.readable(path, SnapshotError, "write the snapshot again or copy it whole")


def check_table(path: Path, entry: FileEntry, declared: pa.Schema) -> None:
    """Compares a file's rows, columns and types with what it has to hold.

    Raises:
        SnapshotError: Names the file, the column and what was expected.
    """
    with readable(path), pq.ParquetFile(path) as file:
        found, rows = file.schema_arrow, file.metadata.num_rows
    if rows != entry.rows:
        raise SnapshotError(
            f"'{path}' has {rows} rows", expected=f"{entry.rows}, as the manifest says"
        )
    columns = {column.name: column.type for column in found}
    for column in declared:
        if columns.get(column.name) != column.type:
            raise SnapshotError(
                f"'{path}' has '{column.name}' as {columns.get(column.name, 'no column')}",
                expected=f"{column.type}",
                next_step="docs/formats.md says how each kind is written",
                value=column.name,
            )
    if len(columns) != len(found.names):
        raise SnapshotError(
            f"'{path}' has the columns {found.names}", expected="each of them once", value=str(path)
        )
    for name in found.names:
        if name not in declared.names:
            raise SnapshotError(
                f"'{path}' has a column '{name}' that the schema does not declare",
                next_step="leave it out, or declare it in graph_schema",
                value=name,
            )


def check_keys(path: Path, key: str, ids: pa.Array) -> None:
    """Checks the keys of a node file: none is empty, each stands once, and they are sorted.

    Raises:
        SnapshotError: Names the file and the key.
    """
    if ids.null_count:
        raise SnapshotError(f"a {key} is empty in '{path}'", expected="a key in every row")
    if len(ids) < 2 or pc.all(pc.less(ids[:-1], ids[1:])).as_py():
        return
    if pc.count_distinct(ids).as_py() != len(ids):
        raise SnapshotError(f"a {key} stands twice in '{path}'", expected="each key once")
    raise SnapshotError(
        f"'{path}' is not sorted by {key}", expected="keys in the order of their code points"
    )


def check_ends(
    edge_type: EdgeType, ids: pa.ChunkedArray, node_type: str, known: pa.Array
) -> pa.Array:
    """The rows of the nodes at an end.

    Raises:
        SnapshotError: The snapshot does not have one of them.
    """
    rows = pc.index_in(ids, value_set=known)
    if rows.null_count:
        lost = ids.filter(pc.is_null(rows))[0].as_py()
        raise SnapshotError(
            f"{edge_type} ends at {node_type} '{lost}', which the snapshot does not have",
            value=lost,
        )
    return rows
