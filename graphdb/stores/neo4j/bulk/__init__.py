"""Bulk load: import files out of tables, and neo4j-admin on the data of a stopped server."""

from graphdb.stores.neo4j.bulk.files import ImportFiles, write_import_files
from graphdb.stores.neo4j.bulk.load import (
    AdminTool,
    BulkReport,
    bulk_import,
    bulk_ingest,
    refuse_running_server,
    write_bulk_files,
)

__all__ = [
    "AdminTool",
    "BulkReport",
    "ImportFiles",
    "bulk_import",
    "bulk_ingest",
    "refuse_running_server",
    "write_bulk_files",
    "write_import_files",
]
