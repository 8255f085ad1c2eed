"""Publishes a release: vectors, then indexes, then one small transaction that all readers feel."""

from graphdb.errors import SchemaError, StoreError
from graphdb.schema_types import Schema
from graphdb.stores.neo4j.connection import Connection, Tx
from graphdb.stores.neo4j.publishing import cleanup, indexes, recommended, releases
from graphdb.stores.neo4j.publishing.lifted import MOST_EXTRA, Lifted
from graphdb.stores.neo4j.publishing.vectors import write_vectors
from graphdb.stores.publishing import RECOMMENDED, OnProgress, PublishReport, Release

OLDEST_SERVER = (5, 23)
"""The first whose vector indexes can be told how to be built."""


def publish(
    connection: Connection, schema: Schema, release: Release, on_progress: OnProgress
) -> PublishReport:
    """See `PublishingStore.publish`."""
    _check_release(schema, release)
    _check_server(connection)
    lifted = {name: Lifted.of(name, kept.vectors) for name, kept in release.embeddings.items()}
    connection.write(lambda tx: releases.claim(tx, release))
    types = {
        name: write_vectors(connection, schema, release, name, vectors, on_progress)
        for name, vectors in lifted.items()
    }
    if not any(done.written + done.kept for done in types.values()):
        raise StoreError(
            f"{connection.settings.uri} has none of the nodes of release {release.release_id}",
            expected="the graph that the model learned from",
            next_step="check bundle and store; what was served before still is",
            value=release.release_id,
        )
    indexes.create(connection, release, on_progress)

    def draw(tx: Tx) -> int:
        releases.hold(tx, release)
        return recommended.draw(tx, schema, release)

    def serve(tx: Tx) -> str | None:
        releases.hold(tx, release)
        return releases.serve(tx, release, lifted)

    wanted = recommended.num_rows(release)
    drawn = connection.write(draw, wanted)
    replaced = connection.write(serve)
    cleanup.wait_for_readers(connection)
    removed = cleanup.remove_stale(connection, schema, on_progress)
    return PublishReport(release.release_id, replaced, types, drawn, wanted - drawn, removed)


def _check_release(schema: Schema, release: Release) -> None:
    for node_type in release.embeddings:
        if node_type not in schema.node_types:
            raise SchemaError(
                f"the release has vectors for {node_type}, a type that the store does not know",
                expected="vectors for some of " + ", ".join(schema.node_types),
                next_step="train on a snapshot of this store",
                value=node_type,
            )
    if RECOMMENDED in schema.relations:
        raise SchemaError(
            f"the store's schema has a relation {RECOMMENDED}, a name that publishing needs",
            next_step="give the relation another name",
            value=RECOMMENDED,
        )
    if indexes.num_dimensions(release.dim) > indexes.MOST_DIMENSIONS:
        raise StoreError(
            f"vectors of length {release.dim:,} do not fit into Neo4j's vector index",
            expected=f"at most {indexes.MOST_DIMENSIONS - MOST_EXTRA:,}"
            f" ({MOST_EXTRA} numbers are added)",
            next_step="train with a smaller --dim",
            value=release.dim,
        )
    recommended.check(release)


def _check_server(connection: Connection) -> None:
    ((version,),) = connection.read(
        "CALL dbms.components() YIELD name, versions WHERE name = 'Neo4j Kernel' RETURN versions[0]"
    )
    if tuple(map(int, version.split(".")[:2])) < OLDEST_SERVER:
        raise StoreError(
            f"{connection.settings.uri} is Neo4j {version}",
            expected="Neo4j {}.{} or newer to publish into".format(*OLDEST_SERVER),
            next_step="upgrade it to 5 LTS (5.26)",
            value=version,
        )
