"""Snapshots: immutable folders of Parquet files, the input of training."""

from graphdb.snapshot.reader import Snapshot, open_snapshot
from graphdb.snapshot.writer import write_snapshot

__all__ = ["Snapshot", "open_snapshot", "write_snapshot"]
