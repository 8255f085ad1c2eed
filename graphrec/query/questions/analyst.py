"""What an analyst asks about a node: what is similar to it, what it has seen, and why.

`embed_new` computes the vector of a node that the bundle does not hold.
"""

from dataclasses import replace
from typing import TYPE_CHECKING, Unpack

import numpy as np
import numpy.typing as npt

from graphdb.errors import QueryError, shown
from graphrec.query.cold_start import Neighbors
from graphrec.query.embeddings import Similarity
from graphrec.query.engine import Engine
from graphrec.query.facts import Language
from graphrec.query.options import RankOptions, SimilarOptions
from graphrec.query.reasons import Fields
from graphrec.query.release import queries_by_id
from graphrec.query.results import Recommendations
from graphrec.query.seen import USUAL_RULE, Seen

if TYPE_CHECKING:
    from graphrec.explain import EdgeSource, Explanation


def similar(
    engine: Engine, node_type: str, node_id: str, **options: Unpack[SimilarOptions]
) -> Recommendations:
    """Returns the nodes of the same type that are most similar, by shrunk cosine.

    Lengths of vectors carry popularity, so they do not count, except that very short vectors have
    little evidence and count less. Users are compared by how their scores for products differ from
    the average user. Brands, categories and other groups of products are compared by how they
    differ from the average group. The node itself and unknown nodes are never returned.

    Raises:
        UnknownIdError: No node of that type has that id.
        QueryError: The vector of the node is zero.
    """
    question = RankOptions.of({**options, "exclude_seen": False})
    release = engine.check_types(node_type).release
    queries = queries_by_id(release, node_type, [node_id])
    space = release.similarity_space(node_type)
    if space is not queries.space:
        queries = replace(queries, space=space, targets=space)
    return engine.answer(queries, [node_id], node_type, question, Similarity.COSINE)[0]


def similar_products(
    engine: Engine, product_id: str, **options: Unpack[SimilarOptions]
) -> Recommendations:
    """Returns products that are similar to a product."""
    return similar(engine, "Product", product_id, **options)


def similar_creators(
    engine: Engine, creator_id: str, **options: Unpack[SimilarOptions]
) -> Recommendations:
    """Returns creators that are similar to a creator."""
    return similar(engine, "Creator", creator_id, **options)


def similar_brands(
    engine: Engine, brand_id: str, **options: Unpack[SimilarOptions]
) -> Recommendations:
    """Returns brands that are similar to a brand."""
    return similar(engine, "Brand", brand_id, **options)


def similar_users(
    engine: Engine, user_id: str, **options: Unpack[SimilarOptions]
) -> Recommendations:
    """Returns users that are similar to a user."""
    return similar(engine, "User", user_id, **options)


def seen(
    engine: Engine, query_type: str, query_id: str, target_type: str, rule: Seen = USUAL_RULE
) -> tuple[str, ...]:
    """Returns the ids that a query node has seen, such as products a user bought, in order.

    Args:
        rule: What counts as seen; by default purchases and the like, see `Seen`.

    Raises:
        UnknownIdError: No node of that type has that id.
        QueryError: The bundle lacks the edges that would say so.
    """
    release = engine.check_types(query_type, target_type).release
    if not isinstance(rule, Seen):
        raise QueryError(f"rule is {shown(rule)}", expected="Seen(...)", value=rule)
    seen_by = release.seen_rows(query_type, target_type, rule)
    rows = seen_by.of(release.bundle.row_of(query_type, query_id))
    return tuple(release.bundle.id_of(target_type, row) for row in rows)


def fields(engine: Engine, node_type: str, node_id: str) -> Fields:
    """Returns the display fields of a node, the same that a recommendation of it has."""
    release = engine.check_types(node_type).release
    return release.display.fields(node_type, release.bundle.row_of(node_type, node_id))


def explain(
    engine: Engine,
    query_type: str,
    query_id: str,
    target_type: str,
    target_id: str,
    *,
    k: int = 3,
    max_hops: int = 4,
    evidence: "EdgeSource | None" = None,
    language: Language = "en",
) -> "Explanation":
    """Returns the strongest paths between a query node and a target.

    Nodes that the policy excludes for this query node are on none of them.

    Args:
        k: How many sequences of node types, 1 or more.
        max_hops: The longest paths to look for, 1 to 4 edges.
        evidence: A snapshot or an open store, to tell how often, last when, for how much. It also
            moves the paths with more behind them ahead of others of their sequence.
        language: Of the sentences: "en" or "zh".

    Raises:
        UnknownIdError: No node of that type has that id.
        QueryError: Query node and target are one node, or a number is out of range.
    """
    engine.check_types(query_type, target_type)
    return engine.release.explainer().explain(
        (query_type, query_id),
        (target_type, target_id),
        k=k,
        max_hops=max_hops,
        evidence=evidence,
        allowed=engine.allowed_for(query_type, query_id),
        language=language,
    )


def embed_new(engine: Engine, node_type: str, neighbors: Neighbors) -> npt.NDArray[np.float32]:
    """Computes a vector for a node that the bundle does not hold, from its neighbors.

    It aggregates the vectors of its neighbors and siblings by the rules of the bundle, and changes
    nothing in the bundle. The dot product with the vector of another node is the score, as for all
    nodes.

    Args:
        neighbors: Per edge type, such as 'Product-MADE_BY-Brand', the ids of the nodes at the other
            end, in any order; duplicates count once. An edge type with this type at both ends
            counts in either direction.

    Returns:
        float32 [dim].

    Raises:
        UnknownIdError: A neighbor is not in the bundle.
        QueryError: No neighbor has a vector, or an edge type has no rule for this type, or the
            bundle was trained without rules for new items.
    """
    engine.check_types(node_type)
    return engine.release.cold_start.embed(node_type, neighbors)
