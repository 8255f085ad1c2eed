"""Opens a store by its URL."""

from collections.abc import Iterator
from contextlib import contextmanager

from graphdb.checked_schema import Schema
from graphdb.errors import StoreError
from graphdb.stores.protocol import GraphStore

_DUCKDB = "duckdb:"
NEO4J_SCHEMES = ("neo4j", "neo4j+s", "neo4j+ssc", "bolt", "bolt+s", "bolt+ssc")


def open_store(
    url: str,
    *,
    schema: Schema | None = None,
    create: bool = True,
    read_only: bool = False,
    beside_others: bool = False,
) -> GraphStore:
    """Opens a graph store.

    Args:
        url: A file path or `duckdb:PATH` for the embedded store; `duckdb:` alone is an empty store
            in memory. `neo4j://HOST:PORT`, `bolt://HOST:PORT` or one of them with TLS (`+s`) for a
            Neo4j server, with user and password in NEO4J_USER and NEO4J_PASSWORD.
        schema: The schema to use. By default, a store keeps the schema that it was made with, and a
            new store gets `graphdb.SCHEMA`. Additions to the schema of the store are adopted.
        create: Create the store if it is missing.
        read_only: Create nothing, and write nothing to an embedded store. Its file can be
            read-only, and several processes can read it at once.
        beside_others: In Neo4j, create the store even if the database holds other data.

    Raises:
        StoreError: The kind of store is unknown, the store is missing and `create` is off, or the
            target is not a graph store.
        StoreDamagedError: The file of an embedded store is damaged.
        StoreUnavailableError: Another process uses the store, or its server cannot be reached.
        SchemaError: `schema` lacks or changes something that the store has.

    Example:
        >>> with open_store("duckdb:") as store:
        ...     store.counts()["User"]
        0
    """
    scheme, separator, _ = url.partition("://")
    if scheme in NEO4J_SCHEMES and separator:
        create = create and not read_only
        return _open_neo4j(url, schema=schema, create=create, beside_others=beside_others)
    if separator:
        raise StoreError(
            f"'{scheme}' stores are not known",
            expected="a file path, duckdb:PATH or neo4j://HOST:PORT",
            value=scheme,
        )
    if url.partition(":")[0] in NEO4J_SCHEMES:  # otherwise it would become a file name
        raise StoreError(
            f"'{url}' is not the address of a Neo4j server",
            expected="neo4j://HOST:PORT or bolt://HOST:PORT",
            value=url,
        )
    # Imported here, so that serving a bundle never loads DuckDB.
    from graphdb.stores.duckdb_store import DuckDBStore

    path = ":memory:" if is_in_memory(url) else url.removeprefix(_DUCKDB)
    return DuckDBStore(path, schema=schema, create=create, read_only=read_only)


def is_in_memory(url: str) -> bool:
    """Returns whether a store is in memory and lost when it is closed.

    >>> is_in_memory("duckdb:"), is_in_memory("duckdb:shop.duckdb")
    (True, False)
    """
    return url in (_DUCKDB, ":memory:", f"{_DUCKDB}:memory:")


@contextmanager
def neo4j_driver_wanted() -> Iterator[None]:
    """Says how to install Neo4j's driver if an import inside fails without it."""
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name != "neo4j":
            raise
        raise StoreError(
            "Neo4j's driver is not installed", next_step="pip install 'graphrec[neo4j]'"
        ) from error


def _open_neo4j(
    url: str, *, schema: Schema | None, create: bool, beside_others: bool
) -> GraphStore:
    with neo4j_driver_wanted():
        from graphdb.stores.neo4j import Neo4jSettings, Neo4jStore
    return Neo4jStore(
        Neo4jSettings.from_environment(url),
        schema=schema,
        create=create,
        beside_others=beside_others,
    )
