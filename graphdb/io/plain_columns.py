"""Converts columns of any Arrow type to one of a few plain types.

Plain types are text, int64, uint64, float32, float64, decimal128, boolean, date32, timestamp in
microseconds (with UTC or with no timezone), time of day, and a list of one of these.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graphdb.errors import FileFormatError
from graphdb.io.source import ROW, OnBadRow

_SHOWN_CHARACTERS = 60
_PLAIN = "text, numbers, true or false, dates, timestamps, or lists of these"


def plain_batch(batch: pa.RecordBatch, file: str | Path, on_bad_row: OnBadRow) -> pa.RecordBatch:
    """Converts a batch to plain columns. Rows that cannot be converted are reported and dropped.

    Half precision becomes the written decimal (9.95, not 9.953125), NaN becomes a missing value,
    and dictionaries and extension types become their content.

    Args:
        batch: A batch with the ROW column, which stays.
        file: Named in errors.
        on_bad_row: Called for rows with invalid UTF-8 or times out of range.

    Raises:
        FileFormatError: A column's type has no plain form (maps, structs, durations).
    """
    bad: dict[int, tuple[str, str]] = {}
    columns = [
        column if name == ROW else _plain_column(file, name, column, bad)
        for name, column in zip(batch.schema.names, batch.columns, strict=True)
    ]
    plain = pa.RecordBatch.from_arrays(columns, names=batch.schema.names)
    if not bad:
        return plain
    rows = batch.column(ROW)
    for position in sorted(bad):
        on_bad_row(rows[position].as_py(), *bad[position])
    return plain.take(pa.array([i for i in range(len(rows)) if i not in bad], pa.int64()))


def lists_of(schema: pa.Schema) -> frozenset[str]:
    """Returns the columns that hold lists after the conversion."""
    plain = {field.name: _plain_type(field.type) for field in schema}
    return frozenset(name for name, type_ in plain.items() if type_ is not None and _is_list(type_))


def _plain_column(
    file: str | Path, name: str, column: pa.Array, bad: dict[int, tuple[str, str]]
) -> pa.Array:
    """Converts one column; `bad` gets the row, code and reason of each failed cell."""
    wanted = _plain_type(column.type)
    if wanted is None:
        raise FileFormatError(
            f"'{file}': column '{name}' holds {column.type}",
            expected=_PLAIN,
            value=str(column.type),
        )
    try:
        return _cast(column, wanted)
    except (pa.ArrowInvalid, UnicodeDecodeError):
        pass
    cells = []  # one by one, to find the bad cells
    for position in range(len(column)):
        try:
            cells.append(_cast(column.slice(position, 1), wanted))
        except (pa.ArrowInvalid, UnicodeDecodeError):
            bad.setdefault(position, _problem(name, column.slice(position, 1)))
            cells.append(pa.nulls(1, wanted))
    return pa.concat_arrays(cells)


def _plain_type(given: pa.DataType) -> pa.DataType | None:
    """Returns the plain type for the values of a type, or None."""
    if isinstance(given, pa.BaseExtensionType):
        return _plain_type(given.storage_type)
    if pa.types.is_dictionary(given) or pa.types.is_run_end_encoded(given):
        return _plain_type(given.value_type)
    if _is_list(given):
        part = _plain_type(given.value_type)
        return None if part is None or _is_list(part) else pa.list_(part)
    for fits, plain in _PLAIN_TYPES:
        if fits(given):
            return plain(given)
    return None


def _is_list(given: pa.DataType) -> bool:
    types = pa.types
    return any(
        fits(given)
        for fits in (
            types.is_list,
            types.is_large_list,
            types.is_fixed_size_list,
            types.is_list_view,
            types.is_large_list_view,
        )
    )


def _is_text(given: pa.DataType) -> bool:
    types = pa.types
    return bool(
        types.is_string(given)
        or types.is_large_string(given)
        or types.is_string_view(given)
        or types.is_binary(given)
        or types.is_large_binary(given)
        or types.is_binary_view(given)
        or types.is_fixed_size_binary(given)
        or types.is_null(given)
    )


def _plain_decimal(given: pa.DataType) -> pa.DataType:
    scale = max(given.scale, 0)
    if given.precision > 38:  # more digits than SQL numbers can have
        return pa.string()
    return pa.decimal128(max(given.precision, scale) if given.scale >= 0 else 38, scale)


_PLAIN_TYPES: tuple[
    tuple[Callable[[pa.DataType], bool], Callable[[pa.DataType], pa.DataType]], ...
] = (
    (_is_text, lambda _: pa.string()),
    (pa.types.is_uint64, lambda _: pa.uint64()),
    (pa.types.is_integer, lambda _: pa.int64()),
    (pa.types.is_float32, lambda _: pa.float32()),
    (pa.types.is_floating, lambda _: pa.float64()),
    (pa.types.is_decimal, _plain_decimal),
    (pa.types.is_boolean, lambda _: pa.bool_()),
    (pa.types.is_date, lambda _: pa.date32()),
    (pa.types.is_timestamp, lambda given: pa.timestamp("us", "UTC" if given.tz else None)),
    (pa.types.is_time, lambda _: pa.time64("us")),
)


def _cast(column: pa.Array, wanted: pa.DataType) -> pa.Array:
    """The same values in the plain type.

    Raises:
        pa.ArrowInvalid: A value does not fit.
    """
    column = _unwrapped(column)
    given = column.type
    if _is_list(given):
        return _cast_list(column, wanted)
    if pa.types.is_floating(given):
        return _cast_float(column)
    if _is_text(given) and not pa.types.is_null(given):
        return column.cast(pa.binary()).cast(wanted)  # from bytes, so that UTF-8 is checked
    if pa.types.is_timestamp(given):
        return column.cast(options=pc.CastOptions(wanted, allow_time_truncate=True))
    return column.cast(wanted)


def _unwrapped(column: pa.Array) -> pa.Array:
    """Returns the content of a dictionary, run-length or extension array."""
    given = column.type
    if isinstance(given, pa.UuidType):
        texts = [None if cell is None else str(cell) for cell in column.to_pylist()]
        return pa.array(texts, pa.string())
    if isinstance(given, pa.BaseExtensionType):
        return _unwrapped(column.storage)
    if pa.types.is_dictionary(given):
        return _unwrapped(column.dictionary_decode())
    if pa.types.is_run_end_encoded(given):
        return _unwrapped(pc.run_end_decode(column))
    return column


def _cast_float(column: pa.Array) -> pa.Array:
    # Half precision goes through text, which gives the shortest number for its bits.
    if pa.types.is_float16(column.type):
        halves = column.to_numpy(zero_copy_only=False).astype(np.float16)  # float where null
        texts = pa.array(halves.astype(str), mask=column.is_null().to_numpy(zero_copy_only=False))
        column = texts.cast(pa.float64())
    missing = pc.fill_null(pc.is_nan(column), False)
    zero = pa.scalar(0.0, column.type)
    return pc.if_else(missing, pa.scalar(None, column.type), pc.add(column, zero))  # -0.0 is 0.0


def _cast_list(column: pa.Array, wanted: pa.DataType) -> pa.Array:
    given = column.type
    if pa.types.is_list_view(given) or pa.types.is_large_list_view(given):
        column = pa.array(column.to_pylist(), pa.list_(given.value_type))
    elif not pa.types.is_list(given):
        column = column.cast(pa.list_(given.value_type))
    lengths = pc.list_value_length(column)
    ends = pc.cumulative_sum(pc.fill_null(lengths, 0))
    starts = pa.concat_arrays([pa.array([0], pa.int32()), ends.cast(pa.int32())])
    parts = _cast(column.flatten(), wanted.value_type)
    mask = column.is_null()
    return pa.ListArray.from_arrays(starts, parts, type=wanted, mask=mask)


def _problem(name: str, cell: pa.Array) -> tuple[str, str]:
    """Returns code and reason for a cell that cannot be converted."""
    cell = _unwrapped(cell)
    if pa.types.is_timestamp(cell.type):
        return "out_of_range", f"column '{name}' is {cell[0].value} {cell.type}, not a time"
    if _is_text(cell.type):
        text = cell.cast(pa.binary())[0].as_py().decode("utf-8", "backslashreplace")
        return "bad_encoding", f"column '{name}' is not UTF-8: {text[:_SHOWN_CHARACTERS]}"
    return "bad_value", f"column '{name}' has a {cell.type} that cannot be read"
