"""RECOMMENDED relationships: drawn before their release is served, removed when it is no longer.

Each says of which release it is, so a reader who asks for those of the served one sees all of them
or none. Changing them in the transaction that serves the release would not do: Neo4j lets a reader
see a part of what a transaction commits.
"""

import pyarrow.compute as pc

from graphdb.errors import StoreError
from graphdb.schema_types import Schema
from graphdb.stores.neo4j.connection import Tx
from graphdb.stores.neo4j.publishing import statements
from graphdb.stores.neo4j.values import to_bolt
from graphdb.stores.neo4j.writing import CHUNK_ROWS
from graphdb.stores.publishing import RECOMMENDED_COLUMNS, Recommended, Release

MOST_ROWS = 100_000
"""Drawn in one transaction, which the server holds in its heap."""


def check(release: Release) -> None:
    """Raises StoreError where there are too many to draw at once."""
    wanted = num_rows(release)
    if wanted > MOST_ROWS:
        raise StoreError(
            f"{wanted:,} recommendations cannot be drawn in one transaction",
            expected=f"at most {MOST_ROWS:,}",
            next_step="give fewer seeds or a smaller k; vectors are there for all the others",
            value=wanted,
        )


def draw(tx: Tx, schema: Schema, release: Release) -> int:
    """Draws those of a release beside what it has already; returns how many found both ends.

    Those of the same query node and target type are replaced.
    """
    drawn = 0
    for recommended in release.recommended:
        _remove_of(tx, schema, release.release_id, recommended)
        query = statements.draw_recommended(schema, recommended.seed_type, recommended.target_type)
        for start in range(0, recommended.rows.num_rows, CHUNK_ROWS):
            part = recommended.rows.slice(start, CHUNK_ROWS)
            parameters = {name: to_bolt(part[name]) for name in RECOMMENDED_COLUMNS.names}
            made = tx.run(query, {**parameters, "release": release.release_id}).consume()
            drawn += made.counters.relationships_created
    return drawn


def remove(tx: Tx, release_id: str) -> int:
    """Removes those of a release; returns how many there were."""
    removed = tx.run(statements.remove_recommended(), release=release_id).consume()
    return removed.counters.relationships_deleted


def _remove_of(tx: Tx, schema: Schema, release_id: str, recommended: Recommended) -> None:
    query = statements.remove_recommended_of(schema, recommended.seed_type, recommended.target_type)
    seeds = to_bolt(pc.unique(recommended.rows["seed_id"]))
    tx.run(query, {"seeds": seeds, "release": release_id}).consume()


def num_rows(release: Release) -> int:
    return sum(recommended.rows.num_rows for recommended in release.recommended)
