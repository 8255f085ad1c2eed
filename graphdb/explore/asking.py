"""Runs a query that may only read the graph."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from graphdb.errors import StoreError
from graphdb.explore.answers import Answer
from graphdb.stores.opening import NEO4J_SCHEMES, neo4j_driver_wanted


def ask(
    store_url: str,
    cypher: str,
    parameters: Mapping[str, Any] | None = None,
    *,
    limit: int = 1000,
    timeout_s: float = 60.0,
    database: str | None = None,
) -> Answer:
    """Runs a query on a Neo4j server that may only read the graph.

    The server refuses every write. A query that does something else than read the graph is not
    run: LOAD CSV, ending transactions, commands about the server and its users, and procedures
    other than those that search indexes or describe the graph.

    User and password stand in NEO4J_USER and NEO4J_PASSWORD (or its _FILE).

    Args:
        parameters: Values for the query's `$names`; they are sent bound, never as text.
        limit: Rows to fetch at most.
        timeout_s: The server ends the query after so many seconds.
        database: The database to read; by default that of NEO4J_DATABASE, or the usual one.

    Raises:
        StoreError: The store is not a Neo4j server or holds no graph of ours, or the query is
            wrong, writes, does more than read the graph, or takes too long.
        StoreUnavailableError: The server cannot be reached.
    """
    scheme, separator, _ = store_url.partition("://")
    if not separator or scheme not in NEO4J_SCHEMES:
        raise StoreError(
            f"'{store_url}' cannot run Cypher",
            expected="a Neo4j server: neo4j://HOST:PORT or bolt://HOST:PORT",
            value=store_url,
        )
    with neo4j_driver_wanted():
        from graphdb.stores.neo4j import Neo4jSettings
        from graphdb.stores.neo4j.exploring import explore
    settings = Neo4jSettings.from_environment(store_url)
    if database:
        settings = replace(settings, database=database)
    return explore(settings, cypher, parameters or {}, limit=limit, timeout_s=timeout_s)
