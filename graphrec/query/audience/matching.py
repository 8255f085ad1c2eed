"""Creators as seeds and as targets, with their audiences in their vectors."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from graphdb.errors import QueryError
from graphrec.query.engine import Engine
from graphrec.query.options import Question
from graphrec.query.results import Recommendations
from graphrec.query.seeds import Seeds, seeds_by_id


def creators_for(
    engine: Engine, seed_type: str, seed_ids: Sequence[str], question: Question
) -> list[Recommendations]:
    """Creators for goods or brands, by what they carry and by what their fans like.

    Creators of whom nothing is known, nor of any fan, do not come out.
    """
    creators = engine.release.audiences.creators()
    unknown = np.flatnonzero(creators.zero)
    seeds = seeds_by_id(engine.release, seed_type, seed_ids)
    by_fans = replace(seeds, had=unknown, targets=creators)
    return engine.answer(by_fans, seed_ids, "Creator", question)


def for_creators(
    engine: Engine, creator_ids: Sequence[str], target_type: str, question: Question
) -> list[Recommendations]:
    """Goods, categories or brands for creators, by what they carry and by what their fans like.

    Raises:
        QueryError: Nothing is known of a creator, nor of any fan.
    """
    release = engine.release
    rows = np.array([release.bundle.row_of("Creator", one) for one in creator_ids], np.int64)
    space = release.audiences.creators()
    for creator_id, is_zero in zip(creator_ids, space.zero[rows], strict=True):
        if is_zero:
            raise QueryError(
                f"the bundle knows nothing about Creator '{creator_id}' or any fan",
                next_step="train on a snapshot in which it has edges",
                value=creator_id,
            )
    return engine.answer(Seeds("Creator", space, rows), creator_ids, target_type, question)
