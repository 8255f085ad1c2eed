"""Creators for products, and products for creators, by who follows them and what they carry."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from graphdb.errors import QueryError
from graphrec.query.audience.lookalike import audience_of_row
from graphrec.query.embeddings import NO_ROWS, EmbeddingMatrix, Rows, Similarity
from graphrec.query.engine import Engine
from graphrec.query.metapaths import MAKES
from graphrec.query.options import RankOptions
from graphrec.query.release import QueryNodes, ServedBundle
from graphrec.query.results import Recommendations
from graphrec.query.topk import Scores

DOUBT_COSTS = 0.2
"""By how many standard deviations among users an unknown audience is taken to be worse than an
average one. About what creators differ by; chosen on synthetic worlds, see docs/history."""


def creators_for(
    engine: Engine, query_type: str, query_ids: Sequence[str], question: RankOptions
) -> list[Recommendations]:
    """Creators for products or brands; a score is the sum of three parts.

    How much more like the buyers the creator's followers are than the average user, in standard
    deviations among users (see `Audience`), as far as it is sure; `DOUBT_COSTS` times the doubt is
    taken away (see `CreatorAudiences`); and the share of what the creator carries that is of the
    product's category, or of the brand's, is added (see `Niches`).

    Creators of whom nothing is known, nor of any follower, are not returned.

    Raises:
        QueryError: Nothing is known about a product or brand.
    """
    rows = np.array([engine.release.bundle.row_of(query_type, one) for one in query_ids], np.int64)
    queries = _product_queries(engine.release, query_type, rows)
    for query_id, is_zero in zip(query_ids, queries.space.zero, strict=True):
        if is_zero:
            raise QueryError(
                f"the bundle knows nothing about {query_type} '{query_id}' or any buyer",
                next_step="train on a snapshot in which it has edges",
                value=query_id,
            )
    return engine.answer(queries, query_ids, "Creator", question)


def creator_rows(
    engine: Engine, query_type: str, query_rows: Rows, question: RankOptions
) -> tuple[Rows, Scores]:
    """The same as rows int64 [num_queries, k], padded with -1, and scores, padded with -inf."""
    queries = _product_queries(engine.release, query_type, np.asarray(query_rows, dtype=np.int64))
    rows, scores, _ = engine.rank(queries, "Creator", question, Similarity.DOT)
    return rows, scores


def knows_products(release: ServedBundle, query_type: str, row: int) -> bool:
    """Whether anything tells which creators fit a product or brand."""
    return bool(_product_vectors(release, query_type, np.array([row])).any())


def for_creators(
    engine: Engine, creator_ids: Sequence[str], target_type: str, question: RankOptions
) -> list[Recommendations]:
    """Products, categories or brands for creators, by how their audiences differ from all users.

    Raises:
        QueryError: Nothing is known of a creator, nor of any follower.
    """
    release = engine.release
    rows = np.array([release.bundle.row_of("Creator", one) for one in creator_ids], np.int64)
    space = release.audiences.creators().space
    for creator_id, is_zero in zip(creator_ids, space.zero[rows], strict=True):
        if is_zero:
            raise QueryError(
                f"the bundle knows nothing about Creator '{creator_id}' or any follower",
                next_step="train on a snapshot in which it has edges",
                value=creator_id,
            )
    return engine.answer(QueryNodes("Creator", space, rows), creator_ids, target_type, question)


def for_creator_rows(
    engine: Engine, creator_rows: Rows, target_type: str, question: RankOptions
) -> tuple[Rows, Scores]:
    """The same as rows int64 [num_queries, k], padded with -1, and scores, padded with -inf."""
    space = engine.release.audiences.creators().space
    queries = QueryNodes("Creator", space, np.asarray(creator_rows, dtype=np.int64))
    rows, scores, _ = engine.rank(queries, target_type, question, Similarity.DOT)
    return rows, scores


def _product_queries(release: ServedBundle, query_type: str, rows: Rows) -> QueryNodes:
    """Products or brands as queries for creators."""
    space = EmbeddingMatrix.of(_product_vectors(release, query_type, rows))
    audiences = release.audiences
    unknown, targets = audiences.unknown_creators(), audiences.carriers()
    return QueryNodes(
        query_type, space, np.arange(len(rows)), excluded=unknown, targets=targets, nodes=rows
    )


def _product_vectors(release: ServedBundle, query_type: str, rows: Rows) -> npt.NDArray[np.float32]:
    """Their buyers, their categories, what doubt costs; zero where nothing is known."""
    carriers, niches = release.audiences.carriers(), release.audiences.niches()
    vectors = np.zeros((len(rows), carriers.dim), dtype=np.float32)
    for position, row in enumerate(rows.tolist()):
        buyers = audience_of_row(release, query_type, row).vector
        categories = niches.of_products(_products_of(release, query_type, row))
        vectors[position, :-1] = np.concatenate([buyers, categories])
    vectors[vectors.any(axis=1), -1] = -DOUBT_COSTS
    return vectors


def _products_of(release: ServedBundle, query_type: str, row: int) -> Rows:
    if query_type == "Product":
        return np.array([row])
    if not release.paths.holds(MAKES):
        return NO_ROWS
    return release.paths.reach(MAKES, row)
