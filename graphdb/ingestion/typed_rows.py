"""Turns raw rows into typed ones in one query: splits cells, converts values, names problems."""

from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow as pa

from graphdb.checked_schema import Schema
from graphdb.ingestion.typed_columns import RawColumn, check_value
from graphdb.io.source import ROW, Column, SourceTable
from graphdb.schema_types import COUNT, EVENT_ID, SOURCE_ID, TARGET_ID, EdgeType, Property
from graphdb.stores.duckdb_sql import literal, quoted

SKIPPED = "skipped"
PART = "_part"
"""The column with each row's position in its split cell, from 1."""


def staged_columns(schema: Schema, table: SourceTable) -> list[Property]:
    """Returns the properties of a table's rows, in the schema's order.

    These are those of the mapping, the event id (a part of the key), and the count if a cell can
    repeat a target.
    """
    added = {EVENT_ID, COUNT} if counts_repeats(schema, table) else {EVENT_ID}
    return [
        column
        for column in schema.columns(table.of)
        if column.name in table.columns or column.name in added
    ]


def counts_repeats(schema: Schema, table: SourceTable) -> bool:
    """Returns whether repeated events of one split cell become one event with a count."""
    return (
        isinstance(table.of, EdgeType)
        and schema.relation(table.of.relation).repeats
        and bool(split_cells(table))
    )


def split_cells(table: SourceTable) -> list[tuple[str, str | None]]:
    """Returns the raw columns with several values in a cell, which are split in parallel.

    Returns:
        Names, each with its separator, or None if cells hold lists.
    """
    cells: dict[tuple[str, str | None], None] = {}
    for how in table.columns.values():
        if how.name is not None and (how.split is not None or how.name in table.lists):
            cells[how.name, None if how.name in table.lists else how.split] = None
    return list(cells)


def raw_table(batch: pa.RecordBatch) -> pa.Table:
    """Returns a raw batch for `typed_select`, with columns named by position."""
    names = [name if name == ROW else _place(batch.schema, name) for name in batch.schema.names]
    return pa.Table.from_batches([batch]).rename_columns(names)


def _place(raw: pa.Schema, name: str) -> str:
    return f"_raw{raw.get_field_index(name)}"


def typed_select(schema: Schema, table: SourceTable, raw: pa.Schema) -> str:
    """Returns the query that turns `raw` into typed rows, each with its first problem, if any.

    Its columns: ROW, PART, those of `staged_columns`, the problem's code and its reason.
    """
    key = schema.key(table.of)
    cells = _Cells(table, raw)
    values: list[str] = []
    problems = cells.problems()
    texts: dict[str, str] = {}
    for column in staged_columns(schema, table):
        how = table.columns.get(column.name)
        if how is None:
            values.append("''" if column.name == EVENT_ID else "1")
            continue
        raw_column = cells.raw_column(how)
        texts[column.name] = raw_column.text
        checked = check_value(column, raw_column, is_key=column.name in key)
        value = f"coalesce({checked.value}, '')" if column.name == EVENT_ID else checked.value
        values.append(value)
        problems += [
            (condition, _code_for(table, code, column.name, key), reason)
            for condition, code, reason in checked.problems
        ]
    if isinstance(table.of, EdgeType) and table.of.source == table.of.target:
        condition = f"{texts[SOURCE_ID]} = {texts[TARGET_ID]}"
        problems.append((condition, "self_loop", literal("it connects a node to itself")))
    # A number marks the first problem; only rows with a problem get a text.
    first = _case([condition for condition, _, _ in problems], map(str, range(len(problems))))
    numbers = [f"_problem = {number}" for number in range(len(problems))]
    code = _case(numbers, [literal(code) for _, code, _ in problems])
    reason = _case(numbers, [reason for _, _, reason in problems])
    return (
        f"SELECT {ROW}, {PART}, {', '.join(values)}, {code}, {reason}"
        f" FROM (SELECT *, {first} AS _problem FROM {cells.rows()})"
    )


@dataclass(frozen=True, slots=True)
class _Cells:
    """Turns split cells into rows.

    The first parts of all split cells make the first row, the second parts the second row, and so
    on; an empty cell is null in all of them.
    """

    table: SourceTable
    raw: pa.Schema

    def raw_column(self, how: Column) -> RawColumn:
        """Returns the column of a property in `rows`."""
        if how.name is None:
            return RawColumn(self.table.file, how, pa.string(), place="")
        raw_type = self.raw.field(how.name).type
        for number, (name, separator) in enumerate(split_cells(self.table)):
            if name == how.name and pa.types.is_list(raw_type):
                return RawColumn(self.table.file, how, raw_type.value_type, f"_cell{number}")
            if (name, separator) == (how.name, how.split) and pa.types.is_string(raw_type):
                return RawColumn(self.table.file, how, raw_type, f"_cell{number}")
        return RawColumn(self.table.file, how, raw_type, _place(self.raw, how.name))

    def problems(self) -> list[tuple[str, str, str]]:
        """Returns (condition, code, reason) for cells with different numbers of parts."""
        counts = [
            f"{literal(f'{name} has ')} || len(_parts{number})"
            for number, (name, _) in enumerate(split_cells(self.table))
        ]
        reason = f"{' || {} || '.format(literal(' parts, ')).join(counts)} || ' parts'"
        return [("_uneven", "uneven_parts", reason)] if len(counts) > 1 else []

    def rows(self) -> str:
        """Returns SQL for the raw table, with a row for each part of a split cell."""
        cells = split_cells(self.table)
        if not cells:
            return f"(SELECT *, 1 AS {PART} FROM raw)"
        names = [quoted(_place(self.raw, name)) for name, _ in cells]
        parts = [f"_parts{number}" for number in range(len(cells))]
        lists = ", ".join(
            f"{_parts(name, separator)} AS {part}"
            for name, (_, separator), part in zip(names, cells, parts, strict=True)
        )
        longest = f"greatest({', '.join(f'len({part})' for part in parts)})"
        uneven = " OR ".join(
            f"(coalesce(len({name}), 0) > 0 AND len({part}) <> {longest})"
            for name, part in zip(names, parts, strict=True)
        )
        unnested = ", ".join(
            f"unnest(CASE WHEN _uneven THEN [NULL] ELSE {part} END) AS _cell{number}"
            for number, part in enumerate(parts)
        )
        places = f"unnest(range(1, CASE WHEN _uneven THEN 2 ELSE {longest} + 1 END)) AS {PART}"
        return (
            f"(SELECT *, {unnested}, {places}"
            f" FROM (SELECT *, {uneven} AS _uneven FROM (SELECT *, {lists} FROM raw)))"
        )


def _parts(name: str, separator: str | None) -> str:
    """Returns SQL for the values of a cell as a list; an empty cell has one null."""
    if separator is None:
        return f"CASE WHEN len({name}) > 0 THEN {name} ELSE [NULL] END"
    texts = f"string_split(coalesce({name}, ''), {literal(separator)})"
    return f"list_transform({texts}, lambda part: trim(part))"


def _code_for(table: SourceTable, code: str, column: str, key: tuple[str, ...]) -> str:
    if code == "missing_value" and table.skip_missing and column in (*key, TARGET_ID):
        return SKIPPED
    return code


def _case(conditions: Iterable[str], values: Iterable[str]) -> str:
    branches = " ".join(
        f"WHEN {condition} THEN {value}"
        for condition, value in zip(conditions, values, strict=True)
    )
    return f"CASE {branches} END" if branches else "NULL"
