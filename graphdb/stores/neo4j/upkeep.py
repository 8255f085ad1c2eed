"""What the store keeps about itself in the database: its format, its schema, the locks."""

import json

from graphdb.errors import StoreError
from graphdb.schema import SCHEMA
from graphdb.schema_types import Schema
from graphdb.stores.neo4j import cypher
from graphdb.stores.neo4j.connection import Connection, Tx
from graphdb.stores.schema_growth import additions

FORMAT_VERSION = "1"
_STORE = "store"


def adopt_schema(
    connection: Connection, wanted: Schema | None, *, create: bool, beside_others: bool
) -> Schema:
    """The schema to work under: the database's own, grown as wanted, or that of a new store.

    Raises:
        StoreError: There is no store and `create` is off, the database holds something else and
            `beside_others` is off, or the store has another format.
        SchemaError: `wanted` lacks or changes something that the store has.
    """
    kept = _kept_schema(connection)
    if kept is None:
        _refuse_foreign(connection, create=create, beside_others=beside_others)
        schema = wanted or SCHEMA
    elif wanted is None or wanted.fingerprint == kept.fingerprint:
        return kept
    else:
        additions(kept, wanted)
        schema = wanted
    connection.change_schema(cypher.constraints(schema))
    connection.write(lambda tx: _write_meta(tx, schema))
    return schema


def read_schema(connection: Connection) -> Schema:
    """The schema of the store in the database, found without writing anything.

    Raises:
        StoreError: There is no store, or it has another format.
    """
    kept = _kept_schema(connection)
    if kept is None:
        raise _nothing_there(connection.settings.uri)
    return kept


def _write_meta(tx: Tx, schema: Schema) -> None:
    tx.run(
        f"MERGE (m:{cypher.META} {{name: $name}}) SET m.format_version = $version,"
        " m.graph_schema = $schema",
        name=_STORE,
        version=FORMAT_VERSION,
        schema=json.dumps(schema.to_dict()),
    ).consume()
    names = [str(of) for of in schema.tables()]
    tx.run(f"UNWIND $names AS name MERGE (:{cypher.META} {{name: name}})", names=names).consume()


def _kept_schema(connection: Connection) -> Schema | None:
    found = connection.read(
        f"MATCH (m:{cypher.META} {{name: $name}}) RETURN m.format_version, m.graph_schema",
        {"name": _STORE},
    )
    if not found:
        return None
    ((version, declared),) = found
    if version != FORMAT_VERSION:
        raise StoreError(
            f"the graph in {connection.settings.uri} has store format {version}",
            expected=f"format {FORMAT_VERSION}",
            next_step="open it with the version of graphrec that made it",
            value=version,
        )
    return Schema.from_dict(json.loads(declared))


def _refuse_foreign(connection: Connection, *, create: bool, beside_others: bool) -> None:
    uri = connection.settings.uri
    ((nodes,),) = connection.read("MATCH (n) RETURN count(n)")
    if not create:
        raise _nothing_there(uri)
    if nodes and not beside_others:
        raise StoreError(
            f"the database at {uri} holds {nodes:,} nodes that graphrec did not write",
            expected="an empty database",
            next_step="choose another one; nothing was written to this one"
            " (open_store(..., beside_others=True) moves in with them)",
            value=nodes,
        )


def _nothing_there(uri: str) -> StoreError:
    return StoreError(
        f"there is no graph of graphrec in {uri}",
        next_step="fill it with `graphrec ingest`",
        value=uri,
    )
