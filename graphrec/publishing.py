"""Publishes a bundle into the graph store, for exploring."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import pyarrow as pa

from graphdb import open_store
from graphdb.errors import StoreError
from graphdb.stores import (
    RECOMMENDED_COLUMNS,
    Embedding,
    PublishedRelease,
    PublishingStore,
    PublishReport,
    Recommended,
)
from graphdb.stores.publishing import OnProgress
from graphrec.query import Recommender


class QueryNode(NamedTuple):
    """A query node, and the node type to recommend."""

    query_type: str
    query_id: str
    target_type: str


def publish(
    recommender: Recommender,
    store_url: str,
    *,
    queries: Sequence[QueryNode] = (),
    k: int = 10,
    redraw: bool = True,
    on_progress: OnProgress | None = None,
) -> PublishReport:
    """Writes a bundle's vectors to the nodes of a store, with an index to search them.

    Readers get the previous release or this one, never a mixture.

    Args:
        queries: The query nodes whose best targets, as ranked by `recommend`, become relationships.
            Those that this release wrote before stay. A query node without known data gets none.
        k: The maximum of targets per query node.
        redraw: Recommend again, with this release, to the query nodes to which the release served
            so far recommends, as many targets each. Its own relationships are removed.

    Raises:
        UnknownIdError: A query node is not in the bundle.
        SchemaError: The bundle's types do not fit the store's.
        StoreError: The store does not support releases, or refuses this one.
    """
    release = make_release(recommender, queries, k)
    with open_store(store_url, create=False) as store:
        if not isinstance(store, PublishingStore):
            raise StoreError(
                f"'{store_url}' is an embedded store, which cannot search vectors",
                expected="a Neo4j server, such as neo4j://localhost:7687",
                next_step="fill one with `graphrec ingest SOURCE neo4j://HOST:PORT`, then publish"
                " into it; `graphrec recommend` needs no store at all",
                value=store_url,
            )
        again: dict[int, list[QueryNode]] = {}
        if redraw:
            again = _drawn_before(recommender, store, release, queries)
            for number, some in again.items():
                more = _recommended(recommender, some, number)
                release = replace(release, recommended=[*release.recommended, *more])
        report = store.publish(release, on_progress)
        return replace(report, redrawn=sum(map(len, again.values())))


def _drawn_before(
    recommender: Recommender,
    store: PublishingStore,
    release: PublishedRelease,
    queries: Sequence[QueryNode],
) -> dict[int, list[QueryNode]]:
    """Returns the other query nodes that the served release recommends to, by number of targets.

    Those that the bundle does not know are left out.
    """
    served, drawn = store.drawn_queries()
    found: dict[int, list[QueryNode]] = {}
    if served == release.release_id:
        return found  # they stay
    bundle = recommender.bundle
    for query_type, query_id, target_type, number in drawn:
        query = QueryNode(query_type, query_id, target_type)
        is_served = bundle.has_vectors(query_type) and bundle.has_vectors(target_type)
        if query not in queries and is_served and bundle.find_row(query_type, query_id) is not None:
            found.setdefault(number, []).append(query)
    return found


def make_release(
    recommender: Recommender, queries: Sequence[QueryNode] = (), k: int = 10
) -> PublishedRelease:
    """Returns the release of a bundle for a store."""
    bundle = recommender.bundle
    return PublishedRelease(
        release_id=bundle.manifest.release_id,
        snapshot_id=bundle.manifest.snapshot_id,
        trained_at=bundle.manifest.created_at,
        dim=bundle.manifest.dim,
        embeddings={
            node_type: Embedding(bundle.ids(node_type), bundle.vectors(node_type))
            for node_type in bundle.node_types
            if bundle.has_vectors(node_type)
        },
        recommended=_recommended(recommender, queries, k),
    )


def _recommended(
    recommender: Recommender, queries: Sequence[QueryNode], k: int
) -> list[Recommended]:
    """Returns the best targets of the query nodes, by type; repeated query nodes count once."""
    kinds: dict[tuple[str, str], list[str]] = {}
    for query in dict.fromkeys(queries):
        kinds.setdefault((query.query_type, query.target_type), []).append(query.query_id)
    return [
        Recommended(query_type, target_type, _top(recommender, query_type, ids, target_type, k))
        for (query_type, target_type), ids in kinds.items()
    ]


def _top(
    recommender: Recommender, query_type: str, query_ids: list[str], target_type: str, k: int
) -> pa.Table:
    """Returns rows of RECOMMENDED_COLUMNS; none for queries without known data."""
    for query_id in query_ids:
        recommender.bundle.row_of(query_type, query_id)  # an unknown id is an error
    answers = recommender.recommend_many(query_type, query_ids, target_type, k=k)
    found = [(answer.query_id, item) for answer in answers for item in answer]
    return pa.table(
        {
            "query_id": [query_id for query_id, _ in found],
            "target_id": [item.id for _, item in found],
            "rank": [item.rank for _, item in found],
            "score": [item.score for _, item in found],
        },
        schema=RECOMMENDED_COLUMNS,
    )
