"""What to show to a user, and what a creator should carry: `recommend`, and its questions by name.

A creator's vector says how the audience differs from all users: the followers, and where few are
known the audience that the creator's own vector predicts; see `CreatorAudiences`.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, Unpack

import numpy as np
import numpy.typing as npt

from graphdb.errors import QueryError
from graphrec.query.audience.lookalike import BUYERS, Size, audience_of_row, lookalikes
from graphrec.query.audience.matching import (
    creators_for,
    for_creators,
    knows_products,
)
from graphrec.query.audience.matching import for_creator_rows as rows_for_creators
from graphrec.query.embeddings import NO_ROWS, Rows, Similarity
from graphrec.query.engine import Engine
from graphrec.query.fold_in import Event
from graphrec.query.limits import MOST_RESULTS
from graphrec.query.names import Skipped, excluded_rows
from graphrec.query.options import (
    REPEATS,
    BatchOptions,
    Options,
    RankOptions,
    SimilarOptions,
    as_ids,
    check_choice,
    check_count,
)
from graphrec.query.release import popular_query, queries_by_id, queries_by_row, vector_query
from graphrec.query.results import Batch, Outcome, Recommendations
from graphrec.query.topk import Scores

_CREATOR, _USER = "Creator", "User"
DEFAULT_HALF_LIFE_DAYS = 30.0  # for someone unknown
_CARRIED = ("Product", "Brand")
_FOR_CREATORS = ("Category", *_CARRIED)


def recommend(
    engine: Engine,
    query_type: str,
    query_id: str,
    target_type: str,
    *,
    recent_events: Sequence[Event] = (),
    **options: Unpack[Options],
) -> Recommendations:
    """Returns the best targets for one query node.

    Users for a brand or product are ranked by similarity to its buyers. Creators, and targets for
    creators, are ranked by followers and by the products that the creator carries. All other
    targets are ranked by the dot product of vectors.

    Args:
        recent_events: What a user did since the bundle was trained, as for `recommend_for_events`.
            Repeats, and the block for what comes next, follow as if training had known the events;
            in any case their targets count as seen. For unknown users, they are all that is known.

    Raises:
        UnknownIdError: No node of that type has that id.
        InvalidFilterError: A filter names something that does not exist.
        QueryError: The bundle has no vectors for a type, or knows nothing about the query node, or
            an option does not exist, or events are given for a node that is no user.
    """
    engine.check_types(query_type, target_type)
    question = RankOptions.of(options)
    if len(recent_events):
        query = query_type, query_id
        return _answer_after(engine, query, target_type, recent_events, question)
    return _answers(engine, query_type, [query_id], target_type, question)[0]


def recommend_many(
    engine: Engine,
    query_type: str,
    query_ids: Sequence[str],
    target_type: str,
    *,
    on_unknown: Literal["error", "popular", "skip"] = "skip",
    **options: Unpack[BatchOptions],
) -> Batch:
    """Returns for every query node the same as `recommend`, to the last bit, but faster.

    Args:
        query_ids: The ids, in the order of the answers.
        on_unknown: What to do about query nodes that the bundle does not hold or knows nothing
            about: 'skip' them and return empty answers whose `outcome` says why, raise an 'error'
            as `recommend` does, or return the most 'popular' targets that pass.

    Returns:
        A list of the answers that is also one table: `.to_pandas()`, `.to_polars()` and
        `.to_arrow()` give the rows of all answers, `.outcomes` says what became of each query node.
    """
    question = RankOptions.of({"on_unknown": on_unknown, **options})
    ids = as_ids(query_ids, "query_ids")
    engine.check_types(query_type, target_type)
    columns = engine.release.answer_columns(target_type)
    return Batch(_answers(engine, query_type, ids, target_type, question), columns)


def recommend_for_events(
    engine: Engine,
    events: Sequence[Event],
    target_type: str,
    *,
    half_life_days: float | None = DEFAULT_HALF_LIFE_DAYS,
    **options: Unpack[Options],
) -> Recommendations:
    """Returns the best targets for a user whom the bundle does not hold, from recent events.

    Args:
        events: A list such as [("PURCHASED", "p1"), ("VIEWED", "p2", moment)]. Their targets count
            as seen. Events about nodes that the bundle does not hold are skipped and listed in the
            trace.
        half_life_days: The age at which an event counts half, back from the newest one; None for
            never. Events without a time count as the newest.

    Returns:
        The same as `recommend`, with an empty query type and id, and without reasons. All rules of
        the policy apply, whatever their scope.

    Raises:
        InvalidFilterError: A filter names something that does not exist.
        QueryError: A relation is none of a user, or the events say nothing about taste, and
            `on_unknown` is "error".
    """
    question = RankOptions.of(options)
    engine.check_types(target_type)
    return _answer_for_events(engine, events, target_type, half_life_days, question)


def recommend_vector(
    engine: Engine,
    vector: npt.NDArray[np.float32],
    target_type: str,
    *,
    exclude_ids: Sequence[str] = (),
    **options: Unpack[SimilarOptions],
) -> Recommendations:
    """Returns the best targets for a vector, such as one of `embed_new`.

    Args:
        vector: float32 [dim].
        exclude_ids: Targets to exclude, such as what a new user already bought. Ids that the bundle
            does not hold are skipped and listed in the trace.

    Returns:
        The same as `recommend`, with an empty query type and id, and without reasons.

    Raises:
        UnknownIdError: One of `exclude_ids` is known, but in another spelling.
        InvalidFilterError: A filter names something that does not exist.
        QueryError: The vector has another length, is zero or not finite, or the target type has no
            vectors.
    """
    engine.check_types(target_type)
    question = RankOptions.of(options)
    columns, dim = engine.release.columns, engine.release.space(target_type).dim
    ids = as_ids(exclude_ids, "exclude_ids")
    excluded, skipped = excluded_rows(columns, target_type, "exclude_ids", ids)
    query = vector_query(vector, dim, excluded, skipped)
    return engine.answer(query, [""], target_type, question)[0]


def top_rows(
    engine: Engine,
    query_type: str,
    query_rows: npt.NDArray[np.int64],
    target_type: str,
    **options: Unpack[Options],
) -> tuple[Rows, Scores]:
    """Returns the best targets by dot product as rows and scores, for evaluation and bulk work.

    This is what `recommend_many` ranks for most target types. Exceptions are audiences of brands
    and products (`lookalike_rows`), their creators (`creator_rows`), and what fits a creator
    (`for_creator_rows`).

    Args:
        query_rows: int64 [num_queries], rows of the bundle.

    Returns:
        Rows int64 [num_queries, k], padded with -1, and scores float64 [num_queries, k], padded
        with -inf. A query node with a zero vector gets no targets, because nothing is known about
        it.
    """
    engine.check_types(query_type, target_type)
    question = RankOptions.of(options)
    queries = queries_by_row(engine.release, query_type, query_rows)
    rows, scores, _ = engine.rank(queries, target_type, question, Similarity.DOT)
    return rows, scores


def for_creator_rows(
    engine: Engine,
    creator_rows: npt.NDArray[np.int64],
    target_type: str,
    **options: Unpack[Options],
) -> tuple[Rows, Scores]:
    """Ranks like `products_for_creator` and its siblings, as rows and scores only.

    Args:
        creator_rows: int64 [num_queries].
        target_type: 'Product', 'Brand' or 'Category'.

    Returns:
        Rows int64 [num_queries, k], padded with -1, and scores float64 [num_queries, k], padded
        with -inf. A creator of whom nothing is known gets no targets.
    """
    engine.check_types(_CREATOR, target_type)
    return rows_for_creators(engine, creator_rows, target_type, RankOptions.of(options))


def knows(engine: Engine, query_type: str, query_id: str, target_type: str) -> bool:
    """Returns whether `recommend` can answer for this query node, with the given target type."""
    engine.check_types(query_type, target_type)
    return _is_known(engine, query_type, query_id, target_type)


def products_for_user(
    engine: Engine,
    user_id: str,
    *,
    recent_events: Sequence[Event] = (),
    **options: Unpack[Options],
) -> Recommendations:
    """Returns products for a user; by default ones that the user never bought.

    Args:
        recent_events: As for `recommend`: what the user did since the bundle was trained.
    """
    return recommend(engine, "User", user_id, "Product", recent_events=recent_events, **options)


def products_for_events(
    engine: Engine,
    events: Sequence[Event],
    *,
    half_life_days: float | None = DEFAULT_HALF_LIFE_DAYS,
    **options: Unpack[Options],
) -> Recommendations:
    """Returns products for an unknown user, from recent events.

    Args:
        events: As for `recommend_for_events`, such as [("PURCHASED", "p1")].
        half_life_days: The age at which an event counts half, back from the newest one; None for
            never.
    """
    return recommend_for_events(engine, events, "Product", half_life_days=half_life_days, **options)


def brands_for_user(engine: Engine, user_id: str, **options: Unpack[Options]) -> Recommendations:
    """Returns brands for a user; by default ones that the user never bought from."""
    return recommend(engine, "User", user_id, "Brand", **options)


def creators_for_user(engine: Engine, user_id: str, **options: Unpack[Options]) -> Recommendations:
    """Returns creators for a user; by default ones that the user does not follow."""
    return recommend(engine, "User", user_id, "Creator", **options)


def contents_for_user(engine: Engine, user_id: str, **options: Unpack[Options]) -> Recommendations:
    """Returns short videos and live sessions; by default ones that the user did not watch."""
    return recommend(engine, "User", user_id, "Content", **options)


def categories_for_creator(
    engine: Engine, creator_id: str, **options: Unpack[Options]
) -> Recommendations:
    """Returns categories for a creator; by default ones the creator carries nothing of."""
    return recommend(engine, "Creator", creator_id, "Category", **options)


def products_for_creator(
    engine: Engine, creator_id: str, **options: Unpack[Options]
) -> Recommendations:
    """Returns products for a creator; by default ones the creator does not carry yet."""
    return recommend(engine, "Creator", creator_id, "Product", **options)


def brands_for_creator(
    engine: Engine, creator_id: str, **options: Unpack[Options]
) -> Recommendations:
    """Returns brands for a creator; by default ones the creator carries nothing of."""
    return recommend(engine, "Creator", creator_id, "Brand", **options)


def _answers(
    engine: Engine,
    query_type: str,
    query_ids: Sequence[str],
    target_type: str,
    question: RankOptions,
) -> list[Recommendations]:
    """The answers for some queries, in their order.

    Users for a brand or product are ranked by similarity to its buyers; creators by how like the
    buyers their followers are and by what they carry; what fits a creator by how the creator's
    audience differs from all users; all else by the dot product of the two nodes' vectors.

    Raises:
        UnknownIdError: A query node is not in the bundle, and the question does not say what then.
        QueryError: Nothing is known about a query node, and the question does not say what then.
    """
    targets = max(engine.release.bundle.num_nodes(target_type), 1)
    check_count("results", len(query_ids) * min(question.k, targets), MOST_RESULTS)
    if question.on_unknown == "error":
        return _known_answers(engine, query_type, query_ids, target_type, question)
    return _answers_for_all(engine, query_type, query_ids, target_type, question)


def _known_answers(
    engine: Engine,
    query_type: str,
    query_ids: Sequence[str],
    target_type: str,
    question: RankOptions,
) -> list[Recommendations]:
    if target_type == _USER and query_type in BUYERS:
        return lookalikes(engine, query_type, query_ids, Size(question.k), question)
    if target_type == _CREATOR and query_type in _CARRIED:
        return creators_for(engine, query_type, query_ids, question)
    if query_type == _CREATOR and target_type in _FOR_CREATORS:
        return for_creators(engine, query_ids, target_type, question)
    queries = queries_by_id(engine.release, query_type, query_ids)
    return engine.answer(queries, query_ids, target_type, question)


def _answers_for_all(
    engine: Engine,
    query_type: str,
    query_ids: Sequence[str],
    target_type: str,
    question: RankOptions,
) -> list[Recommendations]:
    """The known ones in one batch, for the others what is popular, or nothing."""
    known = [
        one for one in dict.fromkeys(query_ids) if _is_known(engine, query_type, one, target_type)
    ]
    answered = _known_answers(engine, query_type, known, target_type, question) if known else []
    found = dict(zip(known, answered, strict=True))
    for one in query_ids:
        if one not in found:
            found[one] = _answer_for_unknown(engine, query_type, one, target_type, question)
    return [found[one] for one in query_ids]


def _answer_for_unknown(
    engine: Engine, query_type: str, query_id: str, target_type: str, question: RankOptions
) -> Recommendations:
    if question.on_unknown == "popular":
        popular = popular_query(engine.release, query_type, query_id, target_type)
        return engine.answer(popular, [query_id], target_type, question)[0]
    held = engine.release.bundle.find_row(query_type, query_id) is not None
    outcome = Outcome.NOTHING_KNOWN if held else Outcome.UNKNOWN_ID
    skipped = () if held else (Skipped("queries", query_type, query_id),)
    return engine.no_answer(query_type, query_id, target_type, outcome, skipped)


def _is_known(engine: Engine, query_type: str, query_id: str, target_type: str) -> bool:
    """Whether the bundle holds a query node, and enough is known about it to answer."""
    release = engine.release
    row = release.bundle.find_row(query_type, query_id)
    if row is None:
        return False
    if target_type == _USER and query_type in BUYERS:
        return audience_of_row(release, query_type, row).is_known
    if target_type == _CREATOR and query_type in _CARRIED:
        return knows_products(release, query_type, row)
    by_followers = query_type == _CREATOR and target_type in _FOR_CREATORS
    space = release.audiences.creators().space if by_followers else release.space(query_type)
    return not space.zero[row]


def _answer_for_events(
    engine: Engine,
    events: Sequence[Event],
    target_type: str,
    half_life_days: float | None,
    question: RankOptions,
) -> Recommendations:
    """The answer for someone of whom only events are known, with an empty query node type and id.

    Raises:
        UnknownIdError: The bundle holds nothing that the events are about, and the question does
            not say what then.
        QueryError: A relation is none that a user has, or only repeats are asked for; or the
            events tell of no taste, and the question does not say what then.
    """
    check_choice("repeats", question.repeats, REPEATS[:2], "ask for a user of the bundle")
    fold_in = engine.release.fold_in
    held, skipped = fold_in.held(events)
    vector = fold_in.vector(held, half_life_days)
    seen = fold_in.seen(held, target_type) if question.repeated == "exclude" else NO_ROWS
    if vector is not None:
        query = vector_query(vector, len(vector), seen, skipped)
        return engine.answer(query, [""], target_type, question)[0]
    if question.on_unknown == "error":
        if skipped and not held:
            engine.release.bundle.row_of(skipped[0].type, skipped[0].id)  # says it is unknown
        raise QueryError(
            "these events tell of no taste: nothing positive is left, or what they are about has "
            "no vector",
            expected="events with an event weight above 0, such as a purchase, about nodes that "
            "the bundle holds",
            next_step='or ask with on_unknown="popular"',
            value=events,
        )
    if question.on_unknown == "skip":
        return engine.no_answer("", "", target_type, Outcome.NOTHING_KNOWN, skipped)
    popular = popular_query(engine.release, _USER, "", target_type)
    popular = replace(popular, excluded=seen, skipped=skipped)
    return engine.answer(popular, [""], target_type, question)[0]


def _answer_after(
    engine: Engine,
    query: tuple[str, str],
    target_type: str,
    events: Sequence[Event],
    question: RankOptions,
) -> Recommendations:
    """The answer for a user, given as type and id, of whom recent events are known as well."""
    query_type, query_id = query
    if query_type != _USER:
        raise QueryError(
            f"recent_events are given for a {query_type}",
            expected="a User",
            next_step="leave recent_events out",
            value=query_type,
        )
    fold_in = engine.release.fold_in
    row = engine.release.bundle.find_row(_USER, query_id)
    if row is None:
        return _answer_for_events(engine, events, target_type, DEFAULT_HALF_LIFE_DAYS, question)
    held, skipped = fold_in.held(events)
    vector = fold_in.updated(row, held)
    if not vector.any():
        return _answers(engine, query_type, [query_id], target_type, question)[0]
    seen = fold_in.seen(held, target_type) if question.repeated == "exclude" else NO_ROWS
    asked = vector_query(vector, len(vector), seen, skipped)
    asked = replace(asked, type=_USER, nodes=np.array([row]), recent=fold_in.steps(held))
    return engine.answer(asked, [query_id], target_type, question)[0]
