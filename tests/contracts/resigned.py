"""Changes the content of a bundle or snapshot and signs it again, as a forger would."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

Forgery = Callable[[Path], object]


def change_array(folder: Path, name: str, change: Callable[[Any], Any]) -> None:
    """Writes what `change` makes of a copy of an array."""
    np.save(folder / name, change(np.array(np.load(folder / name))))


def change_table(folder: Path, name: str, change: Callable[[pa.Table], pa.Table]) -> None:
    """Writes what `change` makes of a table."""
    path = folder / name
    pq.write_table(change(pq.ParquetFile(path).read()), path)


def change_column(
    folder: Path, name: str, column: str, change: Callable[[list[Any]], list[Any]]
) -> None:
    """Writes a table with other values in a column, of the same type."""

    def changed(table: pa.Table) -> pa.Table:
        values = pa.array(change(table[column].to_pylist()), table.schema.field(column).type)
        return table.set_column(table.column_names.index(column), column, values)

    change_table(folder, name, changed)


def change_manifest(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Writes what `change` makes of the manifest, NaN and Infinity included."""
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    change(manifest)
    path.write_text(json.dumps(manifest))


def array(name: str, change: Callable[[Any], Any]) -> Forgery:
    """`change_array`, to be done to a folder later; so `table`, `column` and `manifest`."""
    return lambda folder: change_array(folder, name, change)


def table(name: str, change: Callable[[pa.Table], pa.Table]) -> Forgery:
    return lambda folder: change_table(folder, name, change)


def column(name: str, column_name: str, change: Callable[[list[Any]], list[Any]]) -> Forgery:
    return lambda folder: change_column(folder, name, column_name, change)


def manifest(change: Callable[[dict[str, Any]], object]) -> Forgery:
    return lambda folder: change_manifest(folder, change)


def put(position: int, value: object) -> Callable[[Any], Any]:
    """A change of one value."""

    def change(values: Any) -> Any:
        values[position] = value
        return values

    return change


def sign_again(folder: Path) -> None:
    """Sets the hashes, and the numbers of rows, that the files have now."""

    def sign(manifest: dict[str, Any]) -> None:
        for name in manifest.get("files", ()):
            manifest["files"][name] = _digest(folder / name)
        for kind in ("nodes", "edges"):
            for name, entry in manifest.get(kind, {}).items():
                path = folder / kind / f"{name}.parquet"
                entry["sha256"] = _digest(path)
                entry["rows"] = _rows(path)

    change_manifest(folder, sign)


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _rows(path: Path) -> int:
    try:
        return int(pq.read_metadata(path).num_rows)
    except (pa.ArrowInvalid, OSError):
        return 0
