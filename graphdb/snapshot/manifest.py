"""Defines the manifest of a snapshot, with which a reader checks the folder."""

import hashlib
import json
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from graphdb.checked_schema import Schema
from graphdb.documents import read_json
from graphdb.errors import SchemaError, SnapshotError
from graphdb.file_access import file_access, inside
from graphdb.schema_types import EdgeType

FORMAT = "graphrec-snapshot"
FORMAT_VERSION = 2
MANIFEST_NAME = "manifest.json"


class FileEntry(BaseModel):
    """One Parquet file: its rows and the sha256 of its bytes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rows: int
    sha256: str


class SnapshotManifest(BaseModel):
    """The content of `manifest.json`.

    Args:
        snapshot_id: sha256 over the schema and every file's hash. It depends only on graph and
            cut-off, not on the store or the time of writing.
        cutoff: Events at or after this time are excluded; None without a cut-off.
        nodes: File entry per node type.
        edges: File entry per edge type, written 'User-PURCHASED-Product'.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    format: str = FORMAT
    format_version: int = FORMAT_VERSION
    snapshot_id: str
    created_at: AwareDatetime
    cutoff: AwareDatetime | None
    graph_schema: dict[str, Any]
    nodes: dict[str, FileEntry]
    edges: dict[str, FileEntry]

    @property
    def schema_declared(self) -> Schema:
        """The schema the snapshot was written under.

        Raises:
            SnapshotError: It is not a schema.
        """
        try:
            return Schema.from_dict(self.graph_schema)
        except SchemaError as error:
            raise SnapshotError(
                f"the snapshot's schema cannot be read: {error}", value=error.value
            ) from error


def node_file(folder: Path, node_type: str) -> Path:
    return inside(folder, f"nodes/{node_type}.parquet", SnapshotError)


def edge_file(folder: Path, edge_type: EdgeType | str) -> Path:
    return inside(folder, f"edges/{edge_type}.parquet", SnapshotError)


def snapshot_id(
    schema: Schema,
    cutoff: datetime | None,
    nodes: dict[str, FileEntry],
    edges: dict[str, FileEntry],
) -> str:
    """Identifies the content: schema, cut-off and every file."""
    content = {
        "schema": schema.fingerprint,
        "cutoff": cutoff.isoformat() if cutoff else None,
        "nodes": {name: entry.sha256 for name, entry in nodes.items()},
        "edges": {name: entry.sha256 for name, entry in edges.items()},
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def sha256_of(path: Path) -> str:
    """The hash of a file's bytes, in hexadecimal digits.

    Raises:
        FileAccessError: It cannot be read.
    """
    with file_access("read", path), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_manifest(folder: Path) -> SnapshotManifest:
    """Reads and checks `manifest.json`.

    Raises:
        SnapshotError: It is missing, not readable, or of another format version.
    """
    path = inside(folder, MANIFEST_NAME, SnapshotError)
    if not path.is_file():
        raise SnapshotError(
            f"no snapshot at '{folder}': {MANIFEST_NAME} is missing",
            next_step="write one with `graphrec snapshot`",
            value=str(folder),
        )
    try:
        with file_access("read", path):
            raw = read_json(path.read_bytes())
    except ValueError as error:
        raise SnapshotError(f"'{path}' is not valid JSON: {error}", value=str(path)) from error
    found = (raw.get("format"), raw.get("format_version")) if isinstance(raw, dict) else None
    if found != (FORMAT, FORMAT_VERSION):
        raise SnapshotError(
            f"'{path}' says format {found}",
            expected=f"{(FORMAT, FORMAT_VERSION)}",
            next_step="write the snapshot again with this version of graphrec",
            value=found,
        )
    try:
        return SnapshotManifest.model_validate(raw)
    except ValidationError as error:
        raise SnapshotError(f"'{path}' is damaged: {error}", value=str(path)) from error
