"""Sources of tables: a folder of files, Complete Journey, or a synthetic world."""

from graphdb.sources.opening import open_source

__all__ = ["open_source"]
