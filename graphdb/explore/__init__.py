"""Explores the graph with saved queries, their answers, and links to Neo4j Browser.

Nothing here imports the Neo4j driver until a query is run.
"""

from graphdb.explore.answers import Answer, FoundEdge, FoundNode, FoundPath
from graphdb.explore.browser_link import browser_address, browser_link, write_browser_files
from graphdb.explore.saved_queries import (
    NEIGHBORS,
    SavedQuery,
    ask,
    nearest,
    queries_for,
    saved_queries,
)

__all__ = [
    "NEIGHBORS",
    "Answer",
    "FoundEdge",
    "FoundNode",
    "FoundPath",
    "SavedQuery",
    "ask",
    "browser_address",
    "browser_link",
    "nearest",
    "queries_for",
    "saved_queries",
    "write_browser_files",
]
