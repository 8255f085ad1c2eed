"""The way into a store: every row is checked; good ones are written, bad ones set aside."""

from graphdb.ingestion.pipeline import IngestReport, IngestWarning, OnProgress, TableReport, ingest
from graphdb.io.source import ROW, Column, SourceTable

__all__ = [
    "ROW",
    "Column",
    "IngestReport",
    "IngestWarning",
    "OnProgress",
    "SourceTable",
    "TableReport",
    "ingest",
]
