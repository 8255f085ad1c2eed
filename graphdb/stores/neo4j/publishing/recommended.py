"""RECOMMENDED relationships: drawn before their release is served, removed when it is no longer.

Each says of which release it is, so a reader who asks for those of the served one sees all of them
or none. Changing them in the transaction that serves the release would not do: Neo4j lets a reader
see a part of what a transaction commits.
"""

from graphdb.errors import StoreError
from graphdb.schema_types import Schema
from graphdb.stores.neo4j.connection import Tx
from graphdb.stores.neo4j.publishing import statements
from graphdb.stores.neo4j.values import to_bolt
from graphdb.stores.neo4j.writing import CHUNK_ROWS
from graphdb.stores.publishing import RECOMMENDED_COLUMNS, Release

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
    """Draws those of a release, in place of any of it; returns how many found both ends."""
    remove(tx, release.release_id)
    drawn = 0
    for recommended in release.recommended:
        query = statements.draw_recommended(schema, recommended.seed_type, recommended.target_type)
        for start in range(0, recommended.rows.num_rows, CHUNK_ROWS):
            part = recommended.rows.slice(start, CHUNK_ROWS)
            parameters = {name: to_bolt(part[name]) for name in RECOMMENDED_COLUMNS.names}
            made = tx.run(query, {**parameters, "release": release.release_id}).consume()
            drawn += made.counters.relationships_created
    return drawn


def remove(tx: Tx, release_id: str) -> None:
    """Removes those of a release."""
    tx.run(statements.remove_recommended(), release=release_id).consume()


def num_rows(release: Release) -> int:
    return sum(recommended.rows.num_rows for recommended in release.recommended)
