"""Which way a question is answered, by who asks and for what."""

from collections.abc import Sequence
from dataclasses import replace

from graphdb.errors import QueryError
from graphrec.query.audience.lookalike import BUYERS, Size, audience_of_row, lookalikes
from graphrec.query.audience.matching import creators_for, for_creators, knows_goods
from graphrec.query.embeddings import NO_ROWS
from graphrec.query.engine import Engine
from graphrec.query.fold_in import Event
from graphrec.query.limits import MOST_RESULTS, check_count
from graphrec.query.names import Skipped
from graphrec.query.options import RankOptions
from graphrec.query.results import Outcome, Recommendations
from graphrec.query.seeds import popular_seed, seeds_by_id, vector_seed

_CREATOR, _USER = "Creator", "User"
_GOODS = ("Product", "Brand")
_FOR_CREATORS = ("Category", *_GOODS)


def answers(
    engine: Engine, seed_type: str, seed_ids: Sequence[str], target_type: str, question: RankOptions
) -> list[Recommendations]:
    """The answers for some seeds, in their order.

    Users for a brand or product are ranked by likeness to its buyers; creators by how like the
    buyers their followers are and by what they carry; what fits a creator by how the creator's
    audience differs from all users; all else by the dot product of the two nodes' vectors.

    Raises:
        UnknownIdError: A seed is not in the bundle, and the question does not say what then.
        QueryError: Nothing is known about a seed, and the question does not say what then.
    """
    targets = max(engine.release.bundle.num_nodes(target_type), 1)
    check_count("results", len(seed_ids) * min(question.k, targets), MOST_RESULTS)
    if question.on_unknown == "error":
        return _known_answers(engine, seed_type, seed_ids, target_type, question)
    return _answers_for_all(engine, seed_type, seed_ids, target_type, question)


def _known_answers(
    engine: Engine, seed_type: str, seed_ids: Sequence[str], target_type: str, question: RankOptions
) -> list[Recommendations]:
    if target_type == _USER and seed_type in BUYERS:
        return lookalikes(engine, seed_type, seed_ids, Size(question.k), question)
    if target_type == _CREATOR and seed_type in _GOODS:
        return creators_for(engine, seed_type, seed_ids, question)
    if seed_type == _CREATOR and target_type in _FOR_CREATORS:
        return for_creators(engine, seed_ids, target_type, question)
    seeds = seeds_by_id(engine.release, seed_type, seed_ids)
    return engine.answer(seeds, seed_ids, target_type, question)


def _answers_for_all(
    engine: Engine, seed_type: str, seed_ids: Sequence[str], target_type: str, question: RankOptions
) -> list[Recommendations]:
    """The known ones in one batch, for the others what is popular, or nothing."""
    known = [
        one for one in dict.fromkeys(seed_ids) if is_known(engine, seed_type, one, target_type)
    ]
    answered = _known_answers(engine, seed_type, known, target_type, question) if known else []
    found = dict(zip(known, answered, strict=True))
    for one in seed_ids:
        if one not in found:
            found[one] = _answer_for_unknown(engine, seed_type, one, target_type, question)
    return [found[one] for one in seed_ids]


def _answer_for_unknown(
    engine: Engine, seed_type: str, seed_id: str, target_type: str, question: RankOptions
) -> Recommendations:
    if question.on_unknown == "popular":
        popular = popular_seed(engine.release, seed_type, seed_id, target_type)
        return engine.answer(popular, [seed_id], target_type, question)[0]
    held = engine.release.bundle.find_row(seed_type, seed_id) is not None
    outcome = Outcome.NOTHING_KNOWN if held else Outcome.UNKNOWN_ID
    skipped = () if held else (Skipped("seeds", seed_type, seed_id),)
    return engine.no_answer(seed_type, seed_id, target_type, outcome, skipped)


def is_known(engine: Engine, seed_type: str, seed_id: str, target_type: str) -> bool:
    """Whether the bundle holds a seed, and enough is known about it to answer."""
    release = engine.release
    row = release.bundle.find_row(seed_type, seed_id)
    if row is None:
        return False
    if target_type == _USER and seed_type in BUYERS:
        return audience_of_row(release, seed_type, row).is_known
    if target_type == _CREATOR and seed_type in _GOODS:
        return knows_goods(release, seed_type, row)
    by_fans = seed_type == _CREATOR and target_type in _FOR_CREATORS
    space = release.audiences.creators().space if by_fans else release.space(seed_type)
    return not space.zero[row]


def answer_for_events(
    engine: Engine,
    events: Sequence[Event],
    target_type: str,
    half_life_days: float | None,
    question: RankOptions,
) -> Recommendations:
    """The answer for someone of whom only events are known, with an empty seed type and id.

    Raises:
        UnknownIdError: The bundle holds nothing that the events are about, and the question does
            not say what then.
        QueryError: A relation is none that a user has; or the events tell of no taste, and the
            question does not say what then.
    """
    fold_in = engine.release.fold_in
    held, skipped = fold_in.held(events)
    vector = fold_in.vector(held, half_life_days)
    had = fold_in.had(held, target_type) if question.exclude_seen else NO_ROWS
    if vector is not None:
        seed = vector_seed(vector, len(vector), had, skipped)
        return engine.answer(seed, [""], target_type, question)[0]
    if question.on_unknown == "error":
        if skipped and not held:
            engine.release.bundle.row_of(skipped[0].type, skipped[0].id)  # says it is unknown
        raise QueryError(
            "these events tell of no taste: nothing positive is left, or what they are about has "
            "no vector",
            expected="events with a behaviour weight above 0, such as a purchase, about nodes that "
            "the bundle holds",
            next_step='or ask with on_unknown="popular"',
            value=events,
        )
    if question.on_unknown == "skip":
        return engine.no_answer("", "", target_type, Outcome.NOTHING_KNOWN, skipped)
    popular = popular_seed(engine.release, _USER, "", target_type)
    popular = replace(popular, had=had, skipped=skipped)
    return engine.answer(popular, [""], target_type, question)[0]
