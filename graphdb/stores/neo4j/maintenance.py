"""Manages the store's metadata in the database: format, schema, locks and indexes."""

import json
import logging
from functools import partial

from graphdb.checked_schema import Schema
from graphdb.errors import StoreError
from graphdb.schema import SCHEMA
from graphdb.stores.neo4j import cypher
from graphdb.stores.neo4j.connection import Connection, Tx, rows
from graphdb.stores.protocol import STORE_FORMAT, additions, kept_schema, upgraded_schema

_UPGRADED_AT_ONCE = 50_000  # nodes or relationships that one transaction renames a property of
_STORE = "store"
_LOGGER = logging.getLogger(__name__)


def adopt_schema(
    connection: Connection, wanted: Schema | None, *, create: bool, beside_others: bool
) -> Schema:
    """Returns the schema to use: the database's own with the wanted additions, or a new one.

    Dropped constraints are created again, with a warning.

    Raises:
        StoreError: The store is missing and `create` is off, the database holds other data and
            `beside_others` is off, the store has another format, or its keys are not unique.
        SchemaError: `wanted` lacks or changes something that the store has.
    """
    kept = _kept_schema(connection, upgrade=True)
    if kept is None:
        _refuse_foreign(connection, create=create, beside_others=beside_others)
        schema = wanted or SCHEMA
    elif wanted is None or wanted.fingerprint == kept.fingerprint:
        _repair(connection, kept)
        return kept
    else:
        additions(kept, wanted)
        schema = wanted
    ensure_constraints(connection, schema)
    connection.write(lambda tx: _write_meta(tx, schema))
    return schema


def ensure_constraints(connection: Connection, schema: Schema) -> list[str]:
    """Creates missing uniqueness constraints and indexes.

    Returns:
        The labels that lacked one, in the order of the schema.

    Raises:
        StoreError: A key is duplicated, or something else prevents a constraint.
    """
    missing = _missing(connection, schema)
    if not missing:  # a read-only database can still be opened
        return []
    connection.change_schema([index.create() for index in missing])
    still = _missing(connection, schema)
    if still:
        label = still[0].label
        raise StoreError(
            f"the constraint or index 'graphrec {label}' in {connection.settings.uri} has a"
            f" reserved name but is not on {label}({', '.join(still[0].properties)})",
            next_step="drop it, then open the store again",
            value=label,
        )
    return [index.label for index in missing]


def _missing(connection: Connection, schema: Schema) -> list[cypher.Index]:
    found = connection.read(
        "SHOW INDEXES YIELD type, entityType, labelsOrTypes, properties, owningConstraint, state"
        " WHERE type = 'RANGE' AND entityType = 'NODE' AND state <> 'FAILED'"
        " RETURN labelsOrTypes[0], properties, owningConstraint IS NOT NULL"
    )
    there = {(label, tuple(properties), unique) for label, properties, unique in found}
    return [
        index
        for index in cypher.indexes(schema)
        if (index.label, index.properties, index.unique) not in there
    ]


def _repair(connection: Connection, schema: Schema) -> None:
    """Warns: lookups without an index are very slow, and keys without a constraint may repeat."""
    made = ensure_constraints(connection, schema)
    if made:
        _LOGGER.warning(
            "the graph in %s lacks constraints or indexes, which are created now: %s",
            connection.settings.uri,
            ", ".join(made),
        )


def meta_node(schema: Schema) -> dict[str, str]:
    """Returns the metadata of a store, which are one node."""
    return {
        "name": _STORE,
        "format_version": STORE_FORMAT,
        "graph_schema": json.dumps(schema.to_dict()),
    }


def read_schema(connection: Connection) -> Schema:
    """Returns the schema of the store in the database, without writing anything.

    Raises:
        StoreError: The store is missing or has another format.
    """
    kept = _kept_schema(connection, upgrade=False)
    if kept is None:
        raise _nothing_there(connection.settings.uri)
    return kept


def _write_meta(tx: Tx, schema: Schema) -> None:
    query = f"MERGE (m:{cypher.META} {{name: $name}}) SET m += $node"
    tx.run(query, name=_STORE, node=meta_node(schema)).consume()


def _kept_schema(connection: Connection, *, upgrade: bool) -> Schema | None:
    found = connection.read(
        f"MATCH (m:{cypher.META} {{name: $name}}) RETURN m.format_version, m.graph_schema",
        {"name": _STORE},
    )
    if not found:
        return None
    ((version, declared),) = found
    if version == "1" and upgrade:
        return _upgraded(connection, declared)
    if version != STORE_FORMAT:
        raise StoreError(
            f"the graph in {connection.settings.uri} has store format {version}",
            expected=f"format {STORE_FORMAT}",
            next_step="open it for writing: the next `graphrec ingest` into it converts it"
            if version == "1"
            else "open it with the version of graphrec that made it",
            value=version,
        )
    return kept_schema(declared, connection.settings.uri)


def _upgraded(connection: Connection, declared: str) -> Schema:
    """Brings a store of format 1 to today's, and gives its schema.

    Properties are renamed in many transactions; after an interruption, the next opening continues.
    """
    schema, renamed = upgraded_schema(declared, connection.settings.uri)
    for query in (cypher.rename_property(*one) for one in renamed):
        changed = 1
        while changed:
            rename = partial(rows, query=query, parameters={"limit": _UPGRADED_AT_ONCE})
            ((changed,),) = connection.write(rename)
    connection.write(lambda tx: _write_meta(tx, schema))
    return schema


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
            " (open_store(..., beside_others=True) adds the graph to them)",
            value=nodes,
        )


def _nothing_there(uri: str) -> StoreError:
    return StoreError(
        f"there is no graph of graphrec in {uri}",
        next_step="fill it with `graphrec ingest`",
        value=uri,
    )
