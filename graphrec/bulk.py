"""Writes the results of many queries into one Parquet file, batch by batch."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Unpack

import pyarrow as pa
import pyarrow.parquet as pq

from graphdb.atomic import atomic_file
from graphdb.errors import QueryError
from graphrec.query import Outcome, Recommendations, Recommender
from graphrec.query.limits import MOST_K, MOST_RESULTS
from graphrec.query.options import Options, check_whole
from graphrec.query.results import RANKED, REASONS

SCHEMA = pa.schema([*RANKED, REASONS, ("outcome", pa.string())])
_AT_ONCE = 1_000

OnProgress = Callable[[int, int], None]
"""Called with the number of finished queries, and the number of all."""


@dataclass(frozen=True, slots=True)
class BulkReport:
    """The result of a batch.

    Args:
        queries: The number of queries.
        rows: The number of results.
        empty: Query nodes without results, because they are unknown or nothing passed.
        unknown: How many of these are not in the bundle.
    """

    path: str
    queries: int
    rows: int
    empty: int
    unknown: int


def write_answers(
    recommender: Recommender,
    query_type: str,
    query_ids: Sequence[str],
    target_type: str,
    path: str | Path,
    *,
    on_progress: OnProgress | None = None,
    **options: Unpack[Options],
) -> BulkReport:
    """Recommends for every query node and writes the results, in the order of the queries.

    A query node without known data gets no results, or popular items with `on_unknown="popular"`.
    The columns are those of `Recommendations.to_arrow` without the fields, which can be joined by
    id, and the `outcome`. A query node without results has one row without rank and id, whose
    outcome says why. The file is written atomically.

    Raises:
        QueryError: As for `Recommender.recommend`; or `path` is a folder, a link or a device.
    """
    path = Path(path)
    rows = empty = unknown = 0
    with (
        atomic_file(path, QueryError) as unfinished,
        pq.ParquetWriter(unfinished, SCHEMA) as writer,
    ):
        at_once = _num_at_once(options)
        for start in range(0, len(query_ids), at_once):
            some = query_ids[start : start + at_once]
            answers = recommender.recommend_many(query_type, some, target_type, **options)
            parts = map(_rows, answers)
            writer.write_table(pa.concat_tables([SCHEMA.empty_table(), *parts]))
            rows += sum(map(len, answers))
            empty += len(some) - sum(map(bool, answers))
            unknown += sum(one.outcome is Outcome.UNKNOWN_ID for one in answers)
            if on_progress:
                on_progress(start + len(some), len(query_ids))
    return BulkReport(str(path), len(query_ids), rows, empty, unknown)


def _num_at_once(options: Options) -> int:
    """Returns the batch size with which long lists stay within the limits of a request."""
    k = options.get("k", 10)
    check_whole("k", k, 1, MOST_K)
    return max(min(_AT_ONCE, MOST_RESULTS // k), 1)


def _rows(answer: Recommendations) -> pa.Table:
    """Returns the rows of one query node; one without a rank if it has no results."""
    if answer:
        table = answer.to_arrow().select(SCHEMA.names[:-1])
        outcome = pa.array([answer.outcome.value] * len(answer), pa.string())
        return table.append_column("outcome", outcome)
    why = "nothing_passed" if answer.outcome is Outcome.ANSWERED else answer.outcome.value
    row = {
        "query_type": answer.query_type,
        "query_id": answer.query_id,
        "type": answer.target_type,
        "reasons": [],
        "outcome": why,
    }
    return pa.Table.from_pylist([row], schema=SCHEMA)
