"""From a URL to an open store."""

from graphdb.errors import StoreError
from graphdb.schema_types import Schema
from graphdb.stores.protocol import GraphStore

_DUCKDB = "duckdb:"


def open_store(url: str, *, schema: Schema | None = None, create: bool = True) -> GraphStore:
    """Opens a graph store.

    Args:
        url: A file path or `duckdb:PATH` for the embedded store; `duckdb:` alone is an empty
            store in memory.
        schema: The schema to work under. By default a store keeps the one it was made with, and
            a new store gets `graphdb.SCHEMA`. A schema that adds to the store's is taken over.
        create: Make the store where there is none.

    Raises:
        StoreError: The URL names no kind of store, nothing is there and `create` is off, or what
            is there is not a graph store.
        StoreUnavailableError: Another process holds the store.
        SchemaError: `schema` lacks or changes something that the store has.

    Example:
        >>> with open_store("duckdb:") as store:
        ...     store.counts()["User"]
        0
    """
    if "://" in url:
        raise StoreError(
            f"'{url.split('://')[0]}' stores are not known",
            expected="a file path or duckdb:PATH",
            value=url,
        )
    # Imported here, so that answering from a bundle never loads a database.
    from graphdb.stores.duckdb_store import DuckDBStore

    path = url.removeprefix(_DUCKDB) or ":memory:"
    return DuckDBStore(path, schema=schema, create=create)
