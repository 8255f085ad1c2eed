"""Ingests tables into a store: checks every row, writes good ones and sets bad ones aside."""

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
