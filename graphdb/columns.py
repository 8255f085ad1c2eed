"""Checks that the columns of a table follow the rules of the schema.

Other programs may have written these files, so errors of damaged Parquet files become graphrec
errors, too. NumPy reads the columns with `from_dlpack`: Arrow would import pandas, which takes a
second, for a single Python value.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from math import inf
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from graphdb.errors import GraphRecError
from graphdb.file_access import pass_on_refusal
from graphdb.schema_types import Kind, Property

FIRST_US = int(datetime(1, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000
LAST_US = int(datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp()) * 1_000_000

Good = npt.NDArray[np.bool_]


def check_values(
    table: pa.Table, columns: Iterable[Property], of: str, error: type[GraphRecError]
) -> None:
    """Checks that required cells are filled, and that numbers, times and choices are in range.

    Args:
        table: The columns to check, with their Arrow types.
        of: The node or edge type, for the message.

    Raises:
        GraphRecError: As `error`: names the column, the first bad value and what is expected.
    """
    try:
        table.validate(full=True)  # invalid UTF-8, lengths that do not match
    except pa.ArrowInvalid as problem:
        raise error(f"{of} cannot be read: {problem}") from problem
    for column in columns:
        if column.name not in table.column_names:
            continue
        if column.required:
            check_filled(table, column.name, of, error)
        bad = _BY_KIND[column.kind](column, table[column.name].drop_null())
        if bad is not None:
            raise error(
                f"'{column.name}' is {bad!r} in {of}", expected=_expected(column), value=bad
            )


def check_filled(table: pa.Table, name: str, of: str, error: type[GraphRecError]) -> None:
    """Checks that a column has no empty cell; see `check_values`."""
    if table[name].null_count:
        raise error(
            f"'{name}' is empty in {table[name].null_count} rows of {of}",
            expected="a value in every row",
            value=name,
        )


def numbers_of(values: pa.ChunkedArray | pa.Array) -> npt.NDArray[Any]:
    """Returns a column without nulls as an array; times as microseconds since 1970."""
    whole = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    return np.from_dlpack(whole.view(pa.int64()) if pa.types.is_timestamp(whole.type) else whole)


def first_not_rising(keys: list[pa.ChunkedArray]) -> int | None:
    """Returns the first row that does not sort after the one before it, or None.

    Args:
        keys: Columns without empty cells, the most significant first; text sorts by code point.

    >>> first_not_rising([pa.chunked_array([["a", "a", "b"]]), pa.chunked_array([[1, 2, 0]])])
    >>> first_not_rising([pa.chunked_array([["a", "b", "b"]])])
    2
    """
    if len(keys[0]) < 2:
        return None
    rising = None
    for key in reversed(keys):
        before, after = key.slice(0, len(key) - 1), key.slice(1)
        below = pc.less(before, after)
        if rising is None:
            rising = below
        else:
            rising = pc.or_(below, pc.and_(pc.equal(before, after), rising))
    if pc.all(rising).as_py():
        return None
    return int(pc.index(rising, False).as_py()) + 1


def _odd_text(column: Property, values: pa.ChunkedArray) -> object:
    if column.choices:
        found = pc.unique(values).to_pylist()
        return next((one for one in found if one not in column.choices), None)
    if column.required and len(values) and not numbers_of(pc.binary_length(values)).min():
        return ""
    return None


def _odd_number(column: Property, values: pa.ChunkedArray) -> object:
    found = numbers_of(values)
    lowest, highest = (
        other if bound is None else bound
        for bound, other in ((column.minimum, -inf), (column.maximum, inf))
    )
    good = (found >= lowest) & (found <= highest)
    if column.kind is Kind.FLOAT:
        good &= np.isfinite(found)
    return _first_bad(found, good)


def _odd_moment(_: Property, values: pa.ChunkedArray) -> object:
    found = numbers_of(values)
    return _first_bad(found, (found >= FIRST_US) & (found <= LAST_US))


def _no_rule(_: Property, __: pa.ChunkedArray) -> object:
    return None


_BY_KIND: dict[Kind, Callable[[Property, pa.ChunkedArray], object]] = {
    Kind.STRING: _odd_text,
    Kind.INT: _odd_number,
    Kind.FLOAT: _odd_number,
    Kind.BOOL: _no_rule,
    Kind.TIMESTAMP: _odd_moment,
}


def _first_bad(found: npt.NDArray[Any], good: Good) -> object:
    return None if good.all() else found[np.argmin(good)].item()


def _expected(column: Property) -> str:
    if column.kind is Kind.TIMESTAMP:
        return f"{FIRST_US} to {LAST_US}, microseconds of the years 1 to 9999"
    if column.kind is Kind.STRING:
        return "one of " + ", ".join(column.choices) if column.choices else "text"
    words = ["a finite number"]
    if column.minimum is not None:
        words.append(f"at least {column.minimum:g}")
    if column.maximum is not None:
        words.append(f"at most {column.maximum:g}")
    return ", ".join(words)


@contextmanager
def readable_parquet(path: Path, error: type[GraphRecError], next_step: str) -> Iterator[None]:
    """Turns Arrow's errors of a damaged file into graphrec errors.

    Raises:
        GraphRecError: As `error`: the file is damaged.
        FileAccessError: The system refuses to read it.
    """
    try:
        yield
    except (pa.ArrowException, OSError) as problem:
        pass_on_refusal(problem, path)
        raise error(
            f"'{path}' is not a Parquet file: {problem}", next_step=next_step, value=str(path)
        ) from problem
