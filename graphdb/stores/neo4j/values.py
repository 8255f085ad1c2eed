"""Arrow columns to lists that Bolt carries, and back.

Times travel as whole microseconds and become real datetimes in Cypher: the driver would need
longer for one datetime than for the rest of its row.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graphdb.errors import StoreError
from graphdb.schema_types import EVENT_ID, EdgeType, Kind, Property

YEAR_ONE_S = 62_135_596_800
"""Seconds from year 1 to 1970. Times are sent from year 1 on, because Cypher's `/` and `%` round
towards zero and `datetime.fromEpoch` takes no negative fraction."""


def to_bolt(column: pa.ChunkedArray) -> list[Any]:
    """A column as plain Python values; times as microseconds since year 1."""
    if pa.types.is_timestamp(column.type):
        column = pc.add(column.cast(pa.int64()), YEAR_ONE_S * 1_000_000)
    if column.null_count == 0 and not pa.types.is_string(column.type):
        return list(column.to_numpy().tolist())
    return list(column.to_pylist())


def microseconds(moment: datetime) -> int:
    """A moment as `to_bolt` sends it.

    >>> from datetime import UTC
    >>> microseconds(datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)) - YEAR_ONE_S * 1_000_000
    1000000
    """
    (number,) = to_bolt(pa.chunked_array([pa.array([moment], Kind.TIMESTAMP.arrow)]))
    return int(number)


def sent(kind: Kind, value: str) -> str:
    """The Cypher expression that makes the stored value of a sent one."""
    if kind != Kind.TIMESTAMP:
        return value
    seconds, nanoseconds = f"{value} / 1000000 - {YEAR_ONE_S}", f"({value} % 1000000) * 1000"
    # fromEpoch refuses nulls instead of returning one.
    return f"CASE WHEN {value} IS NOT NULL THEN datetime.fromEpoch({seconds}, {nanoseconds}) END"


def fetched(kind: Kind, value: str) -> str:
    """The Cypher expression that `to_arrow` understands for a stored value."""
    if kind != Kind.TIMESTAMP:
        return value
    # not epochSeconds, which rounds towards 1970
    return f"{value}.epochMillis * 1000 + {value}.microsecond % 1000"


def to_arrow(
    values: Sequence[Any] | None, num_rows: int, column: Property, of: str | EdgeType
) -> pa.Array:
    """A fetched column as Arrow; None stands for a column of nulls.

    Raises:
        StoreError: The database holds a value of another type, such as one edited by hand.
    """
    kind = column.kind
    carried = pa.int64() if kind == Kind.TIMESTAMP else kind.arrow
    try:
        made = pa.nulls(num_rows, carried) if values is None else pa.array(values, carried)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise StoreError(
            f"{of}.{column.name} holds a value that is no {kind}: {error}",
            next_step="correct it in the database",
            value=f"{of}.{column.name}",
        ) from error
    # The empty event id is a part of the key, but not stored: it would only fill the screen.
    return made.fill_null("") if column.name == EVENT_ID else made.cast(kind.arrow)


def differs(given: pa.Array, kept: pa.Array) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Where a given value would change the kept one. A null is not given; NaN equals NaN."""
    changed = pc.coalesce(pc.not_equal(given, kept), kept.is_null())
    changed = pc.and_(changed, given.is_valid())
    if pa.types.is_floating(given.type):
        both = pc.and_(pc.fill_null(pc.is_nan(given), False), pc.fill_null(pc.is_nan(kept), False))
        changed = pc.and_not(changed, both)
    return np.asarray(changed.to_numpy(zero_copy_only=False), dtype=bool)
