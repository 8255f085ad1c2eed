"""Turns raw rows into typed ones in one query: splits cells, converts values, names problems."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import pyarrow as pa

from graphdb.checked_schema import Schema
from graphdb.ingestion.typed_columns import Problem, RawColumn, check_value
from graphdb.io.source import ROW, Column, SourceTable
from graphdb.schema_types import COUNT, EVENT_ID, SINCE, SOURCE_ID, TARGET_ID, EdgeType, Property
from graphdb.stores.duckdb_sql import literal, quoted

SKIPPED = "skipped"
PART = "_part"
"""The column with each row's position in its split cell, from 1."""
LOST = "_lost"
"""The column with the bad optional values of a row: a list of column, code and reason."""
LOST_TYPE = 'STRUCT("column" VARCHAR, code VARCHAR, reason VARCHAR)[]'
_EMPTY_HAS_A_MEANING = (COUNT, SINCE, "status", "stock")
"""Empty means one unit, always, on sale: without a bad value, the row would say that."""


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


def is_optional(schema: Schema, table: SourceTable, column: Property) -> bool:
    """Returns whether a bad value of the column costs only itself, and not its row.

    It does where an empty value means that nothing is known.
    """
    fixed = (*schema.key(table.of), TARGET_ID, *_EMPTY_HAS_A_MEANING)
    return not column.required and column.name not in fixed


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

    Its columns: ROW, PART, those of `staged_columns`, the problem's code and its reason, and LOST.
    """
    cells = _Cells(table, raw)
    values: list[str] = []
    problems = _Problems(cells.problems())
    texts: dict[str, str] = {}
    for column in staged_columns(schema, table):
        how = table.columns.get(column.name)
        if how is None:
            values.append("''" if column.name == EVENT_ID else "1")
            continue
        raw_column = cells.raw_column(how)
        texts[column.name] = raw_column.text
        checked = check_value(column, raw_column, is_key=column.name in schema.key(table.of))
        value = f"coalesce({checked.value}, '')" if column.name == EVENT_ID else checked.value
        if is_optional(schema, table, column):
            value = problems.add_optional(column, value, checked.problems)
        else:
            for condition, code, reason in checked.problems:
                is_skipped = code == "missing_value" and table.skip_missing
                problems.of_rows.append((condition, SKIPPED if is_skipped else code, reason))
        values.append(value)
    if isinstance(table.of, EdgeType) and table.of.source == table.of.target:
        condition = f"{texts[SOURCE_ID]} = {texts[TARGET_ID]}"
        problems.of_rows.append((condition, "self_loop", literal("it connects a node to itself")))
    return problems.select(values, cells.rows())


@dataclass(slots=True)
class _Problems:
    """The problems of a table's rows: triples of condition, code and reason, in SQL.

    Args:
        of_rows: Those that cost the row.
        of_values: Those that cost only the value, by the name of its property.
    """

    of_rows: list[Problem]
    of_values: dict[str, list[Problem]] = field(default_factory=dict)

    def add_optional(self, column: Property, value: str, found: list[Problem]) -> str:
        """Returns the value without bad ones.

        Numbers outside a scale with two ends stay: `reject_other_scales` counts and removes them.
        """
        if not found:
            return value
        self.of_values[column.name] = found
        kept = ""
        if column.minimum is not None and column.maximum is not None:
            beyond = [str(at) for at, (_, code, _) in enumerate(found) if code == "out_of_range"]
            kept = f" OR {self._bad(column.name)} IN ({', '.join(beyond)})"
        return f"CASE WHEN {self._bad(column.name)} IS NULL{kept} THEN {value} END"

    def select(self, values: list[str], rows: str) -> str:
        """Returns the whole query. A number marks the first problem; only such rows get a text."""
        firsts = [f"{_first_of(self.of_rows)} AS _problem"]
        firsts += [
            f"{_first_of(found)} AS {self._bad(name)}" for name, found in self.of_values.items()
        ]
        code, reason = _texts("_problem", self.of_rows)
        return (
            f"SELECT {ROW}, {PART}, {', '.join(values)}, {code}, {reason}, {self._lost()}"
            f" FROM (SELECT *, {', '.join(firsts)} FROM {rows})"
        )

    def _lost(self) -> str:
        """Returns SQL for the list of bad values; null if there are none."""
        if not self.of_values:
            return "NULL"
        structs = []
        for name, found in self.of_values.items():
            code, reason = _texts(self._bad(name), found)
            struct = f"{{'column': {literal(name)}, 'code': {code}, 'reason': {reason}}}"
            structs.append(f"CASE WHEN {self._bad(name)} IS NOT NULL THEN {struct} END")
        is_any = f"coalesce({', '.join(map(self._bad, self.of_values))}) IS NOT NULL"
        listed = f"list_filter([{', '.join(structs)}], lambda one: one IS NOT NULL)"
        return f"CASE WHEN _problem IS NULL AND {is_any} THEN {listed} END"

    def _bad(self, name: str) -> str:
        return quoted(f"_bad_{name}")


def _first_of(problems: list[Problem]) -> str:
    """Returns SQL for the number of a row's first problem."""
    return _case([condition for condition, _, _ in problems], map(str, range(len(problems))))


def _texts(number: str, problems: list[Problem]) -> tuple[str, str]:
    """Returns SQL for the code and the reason of the problem with this number."""
    numbers = [f"{number} = {at}" for at in range(len(problems))]
    code = _case(numbers, [literal(code) for _, code, _ in problems])
    return code, _case(numbers, [reason for _, _, reason in problems])


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

    def problems(self) -> list[Problem]:
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


def _case(conditions: Iterable[str], values: Iterable[str]) -> str:
    branches = " ".join(
        f"WHEN {condition} THEN {value}"
        for condition, value in zip(conditions, values, strict=True)
    )
    return f"CASE {branches} END" if branches else "NULL"
