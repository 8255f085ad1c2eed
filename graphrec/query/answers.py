"""Which way a question is answered, by who asks and for what."""

from collections.abc import Sequence
from dataclasses import replace

from graphdb.errors import QueryError
from graphrec.query.audience.lookalike import BUYERS, Size, audience_of_row, lookalikes
from graphrec.query.audience.matching import creators_for, for_creators, knows_products
from graphrec.query.embeddings import NO_ROWS
from graphrec.query.engine import Engine
from graphrec.query.fold_in import Event
from graphrec.query.limits import MOST_RESULTS, check_count
from graphrec.query.names import Skipped
from graphrec.query.options import RankOptions
from graphrec.query.query_nodes import popular_query, queries_by_id, vector_query
from graphrec.query.results import Outcome, Recommendations

_CREATOR, _USER = "Creator", "User"
_GOODS = ("Product", "Brand")
_FOR_CREATORS = ("Category", *_GOODS)


def answers(
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
    if target_type == _CREATOR and query_type in _GOODS:
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
        one for one in dict.fromkeys(query_ids) if is_known(engine, query_type, one, target_type)
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


def is_known(engine: Engine, query_type: str, query_id: str, target_type: str) -> bool:
    """Whether the bundle holds a query node, and enough is known about it to answer."""
    release = engine.release
    row = release.bundle.find_row(query_type, query_id)
    if row is None:
        return False
    if target_type == _USER and query_type in BUYERS:
        return audience_of_row(release, query_type, row).is_known
    if target_type == _CREATOR and query_type in _GOODS:
        return knows_products(release, query_type, row)
    by_followers = query_type == _CREATOR and target_type in _FOR_CREATORS
    space = release.audiences.creators().space if by_followers else release.space(query_type)
    return not space.zero[row]


def answer_for_events(
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
        QueryError: A relation is none that a user has; or the events tell of no taste, and the
            question does not say what then.
    """
    fold_in = engine.release.fold_in
    held, skipped = fold_in.held(events)
    vector = fold_in.vector(held, half_life_days)
    seen = fold_in.seen(held, target_type) if question.exclude_seen else NO_ROWS
    if vector is not None:
        query = vector_query(vector, len(vector), seen, skipped)
        return engine.answer(query, [""], target_type, question)[0]
    if question.on_unknown == "error":
        if skipped and not held:
            engine.release.bundle.row_of(skipped[0].type, skipped[0].id)  # says it is unknown
        raise QueryError(
            "these events tell of no taste: nothing positive is left, or what they are about has "
            "no vector",
            expected="events with a event weight above 0, such as a purchase, about nodes that "
            "the bundle holds",
            next_step='or ask with on_unknown="popular"',
            value=events,
        )
    if question.on_unknown == "skip":
        return engine.no_answer("", "", target_type, Outcome.NOTHING_KNOWN, skipped)
    popular = popular_query(engine.release, _USER, "", target_type)
    popular = replace(popular, excluded=seen, skipped=skipped)
    return engine.answer(popular, [""], target_type, question)[0]
