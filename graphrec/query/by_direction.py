"""Which way a question is answered, by who asks and for what."""

from collections.abc import Sequence

from graphdb.errors import UnknownIdError
from graphrec.query.audience.lookalikes import Size, lookalikes
from graphrec.query.audience.matching import creators_for, for_creators
from graphrec.query.audience.members import BUYERS, audience_of_row
from graphrec.query.engine import Engine
from graphrec.query.options import Question
from graphrec.query.results import Recommendations
from graphrec.query.seeds import popular_seed, seeds_by_id

_CREATOR, _USER = "Creator", "User"
_GOODS = ("Product", "Brand")
_FOR_CREATORS = ("Category", *_GOODS)


def answers(
    engine: Engine, seed_type: str, seed_ids: Sequence[str], target_type: str, question: Question
) -> list[Recommendations]:
    """The answers for some seeds, in their order.

    Users for a brand or product are ranked by likeness to its buyers; creators, and what fits
    them, by what they carry and what their audiences like; all else by the dot product of the two
    nodes' vectors.

    Raises:
        UnknownIdError: A seed is not in the bundle, and the question does not say what then.
        QueryError: Nothing is known about a seed, and the question does not say what then.
    """
    if question.on_unknown == "popular":
        return _popular_where_unknown(engine, seed_type, seed_ids, target_type, question)
    return _known_answers(engine, seed_type, seed_ids, target_type, question)


def _known_answers(
    engine: Engine, seed_type: str, seed_ids: Sequence[str], target_type: str, question: Question
) -> list[Recommendations]:
    if target_type == _USER and seed_type in BUYERS:
        return lookalikes(engine, seed_type, seed_ids, Size(question.k), question)
    if target_type == _CREATOR and seed_type in _GOODS:
        return creators_for(engine, seed_type, seed_ids, question)
    if seed_type == _CREATOR and target_type in _FOR_CREATORS:
        return for_creators(engine, seed_ids, target_type, question)
    seeds = seeds_by_id(engine.release, seed_type, seed_ids)
    return engine.answer(seeds, seed_ids, target_type, question)


def _popular_where_unknown(
    engine: Engine, seed_type: str, seed_ids: Sequence[str], target_type: str, question: Question
) -> list[Recommendations]:
    """The known ones in one batch, for the others what is popular."""
    known = [
        one for one in dict.fromkeys(seed_ids) if is_known(engine, seed_type, one, target_type)
    ]
    answered = _known_answers(engine, seed_type, known, target_type, question) if known else []
    found = dict(zip(known, answered, strict=True))
    for one in seed_ids:
        if one not in found:
            popular = popular_seed(engine.release, seed_type, one, target_type)
            found[one] = engine.answer(popular, [one], target_type, question)[0]
    return [found[one] for one in seed_ids]


def is_known(engine: Engine, seed_type: str, seed_id: str, target_type: str) -> bool:
    """Whether the bundle holds a seed, and enough is known about it to answer."""
    release = engine.release
    try:
        row = release.bundle.row_of(seed_type, seed_id)
    except UnknownIdError:
        return False
    if target_type == _USER and seed_type in BUYERS:
        return audience_of_row(release, seed_type, row).is_known
    by_fans = seed_type == _CREATOR and target_type in _FOR_CREATORS
    space = release.audiences.creators() if by_fans else release.space(seed_type)
    return not space.zero[row]
