"""Reads table files (CSV, Parquet, Arrow) as raw batches with row numbers."""

from graphdb.io.table_files import TableFile, open_table_file

__all__ = ["TableFile", "open_table_file"]
