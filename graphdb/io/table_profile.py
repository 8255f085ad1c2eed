"""Profiles table files for `graphrec init`: samples, concepts of columns, and how values are read.

The values of a sample are read and checked by the code of ingest, so a proposal reads what ingest
accepts.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from graphdb.checked_schema import Schema
from graphdb.errors import DataError
from graphdb.ingestion.typed_columns import RawColumn, check_value
from graphdb.io.csv_scan import SEPARATORS
from graphdb.io.source import ROW, Column
from graphdb.io.table_files import SUFFIXES, TableFile, open_table_file
from graphdb.io.table_words import (
    CONCEPTS,
    EVENTS,
    MISSING,
    UNKNOWN,
    concepts,
    has_chinese,
    meaning,
)
from graphdb.schema_types import EdgeType, Kind, Property
from graphdb.stores.duckdb_file import open_database

SAMPLE_ROWS = 100_000
TIME_FORMATS = (
    *(f"%Y/%m/%d{clock}" for clock in (" %H:%M:%S", " %H:%M", "")),
    *(f"%d.%m.%Y{clock}" for clock in (" %H:%M:%S", " %H:%M", "")),
    *(f"%d/%m/%Y{clock}" for clock in (" %H:%M:%S", " %H:%M", "")),
    *(f"%m/%d/%Y{clock}" for clock in (" %H:%M:%S", " %H:%M", "")),
    *(f"%Y年%m月%d日{clock}" for clock in (" %H:%M:%S", " %H:%M", "")),
    "%d-%m-%Y",
    "%Y%m%d%H%M%S",
    "%Y%m%d",
)
TARGETS = ("Product", "Content", "Creator", "Brand")
"""What the events of users end at."""
_FIRST_YEAR = 1990
_MOST_EVENT_TYPES = 50
Options = dict[str, Any]
"""Keys of a column in a mapping, besides its name."""


@dataclass(frozen=True)
class ColumnProfile:
    """A column of a sampled file.

    Args:
        place: Its name in SQL.
        values: The sample, in plain types.
    """

    name: str
    place: str
    values: pa.ChunkedArray

    @cached_property
    def concepts(self) -> list[str]:
        return concepts(self.name)

    @property
    def type(self) -> pa.DataType:
        return self.values.type

    @property
    def is_list(self) -> bool:
        return bool(pa.types.is_list(self.type))

    @cached_property
    def texts(self) -> list[str]:
        """The different values as text, most frequent first; of a list, those of its parts."""
        values = pc.list_flatten(self.values) if self.is_list else self.values
        if pa.types.is_floating(values.type) and pc.all(pc.equal(values, pc.floor(values))).as_py():
            values = values.cast(pa.int64())
        counted = pc.value_counts(values.drop_null().cast(pa.string())).to_pylist()
        return [row["values"] for row in sorted(counted, key=lambda row: -row["counts"])]

    @cached_property
    def is_unique(self) -> bool:
        """Whether every row has a value of its own."""
        return (
            not self.is_list
            and not self.values.null_count
            and len(self.values) > 0
            and len(self.texts) == len(self.values)
        )


@dataclass
class FileProfile:
    """A sampled file, or several with the same columns.

    Args:
        pattern: The file, or a pattern such as `orders-*.csv`.
        stem: Its name without suffix, to look for words.
        separator: If it is not what the suffix says.
        is_whole: Whether the sample is all rows.
    """

    pattern: str
    stem: str
    table: TableFile
    separator: str | None
    columns: list[ColumnProfile]
    num_rows: int
    is_whole: bool
    connection: duckdb.DuckDBPyConnection
    notes: list[str] = field(default_factory=list)

    @cached_property
    def stem_concepts(self) -> list[str]:
        return [one for one in concepts(self.stem) if one != UNKNOWN]

    @cached_property
    def stem_events(self) -> list[str]:
        return [one for one in concepts(self.stem, EVENTS) if one != UNKNOWN]

    @cached_property
    def is_chinese(self) -> bool:
        return any(has_chinese(column.name) for column in self.columns)

    @cached_property
    def null_values(self) -> tuple[str, ...]:
        """The texts in its cells that usually mean a missing value."""
        texts = [set(column.texts) for column in self.columns if pa.types.is_string(column.type)]
        return tuple(text for text in MISSING if any(text in one for one in texts))

    def bad_values(
        self, column: ColumnProfile, as_: Property, how: Mapping[str, Any]
    ) -> tuple[int, int, str | None]:
        """Returns how many values are given, how many of them break a rule, and the first reason.

        Times before 1990 or after next year break one, too.
        """
        stored = column.type.value_type if column.is_list else column.type
        options = Column(column.name, null_values=self.null_values, **how)
        raw = RawColumn(self.pattern, options, stored, column.place)
        try:
            checked = check_value(as_, raw, is_key=False)
        except DataError as error:
            return len(self.columns), len(self.columns), str(error)
        problems = [(condition, reason) for condition, _, reason in checked.problems]
        if as_.kind is Kind.TIMESTAMP:
            year = f"year({checked.value})"
            span = f"{year} < {_FIRST_YEAR} OR {year} > {datetime.now(UTC).year + 1}"
            problems.append((span, f"'{as_.name} is in the year ' || {year}"))
        is_bad = " OR ".join(f"({condition})" for condition, _ in problems) or "false"
        reason = " ".join(f"WHEN {condition} THEN {text}" for condition, text in problems)
        reason = f"CASE {reason} END" if problems else "NULL"
        source = f"SELECT unnest({column.place}) AS {column.place} FROM sample"
        query = (
            f"SELECT count({raw.unmapped}), count(*) FILTER ({is_bad}), first({reason})"
            f" FILTER ({is_bad}) FROM ({source if column.is_list else 'FROM sample'})"
        )
        parameters = {"now": datetime.now(UTC)} if "$now" in query else {}
        ((given, bad, why),) = self.connection.execute(query, parameters).fetchall()
        return given, bad, why

    def time_options(self, column: ColumnProfile, as_: Property) -> tuple[Options, str | None]:
        """Returns how the times of a column are read, and a doubt; no options fit if all are bad.

        Raises:
            LookupError: It holds no times.
        """
        candidates: list[Options] = [{}, {"unit": "s"}, {"unit": "ms"}]
        candidates += [{"format": one} for one in TIME_FORMATS]
        found = [(self.bad_values(column, as_, how), how) for how in candidates]
        fitting = [(bad, how) for (given, bad, _), how in found if given and bad <= given * 0.05]
        if not fitting:
            raise LookupError(f"no times can be read from '{column.name}'")
        least = min(bad for bad, _ in fitting)
        best = [how for bad, how in fitting if bad == least]
        other = [how["format"] for how in best[1:] if how.get("format", "").startswith("%m/%d")]
        doubt = None
        if best[0].get("format", "").startswith("%d/%m") and other:
            doubt = f'the month may come first: then it is format = "{other[0]}"'
        return best[0], doubt

    def number_options(self, column: ColumnProfile, as_: Property) -> Options:
        """Returns the decimal mark of a column of numbers, if it has to be said."""
        if not pa.types.is_string(column.type):
            return {}
        marks: list[Options] = [{}, {"decimal": ","}, {"decimal": "."}]
        if any(re.fullmatch(r"[\d. ]*\d,\d{1,2}", text) for text in column.texts[:1000]):
            marks = [{"decimal": ","}, {"decimal": "."}, {}]
        return min(marks, key=lambda how: self.bad_values(column, as_, how)[1])

    def has_repeats(self, columns: list[ColumnProfile]) -> bool:
        """Returns whether several rows have the same values in these columns."""
        if any(column.is_list for column in columns):
            return False
        names = ", ".join(column.place for column in columns)
        query = f"SELECT 1 FROM sample GROUP BY {names} HAVING count(*) > 1 LIMIT 1"
        return self.connection.execute(query).fetchone() is not None


def profiles(folder: Path) -> Iterator[FileProfile | tuple[str, str]]:
    """Yields a profile of each table file of a folder, or its name and why it has none."""
    paths = sorted(path for path in folder.iterdir() if path.is_file())
    tables = [path for path in paths if path.name.lower().endswith(SUFFIXES)]
    groups: dict[tuple[str, str], list[FileProfile]] = {}
    for path in paths:
        if path not in tables and not path.name.endswith((".toml", ".md")):
            yield path.name, "it is not a table file"
    for path in tables:
        try:
            profile = _profile(path)
        except DataError as error:
            yield path.name, str(error)
            continue
        kind = (re.sub(r"[\W_]*\d[\d\W_]*", "#", path.name), "\0".join(profile.table.column_names))
        groups.setdefault(kind, []).append(profile)
    for alike in groups.values():
        names = [profile.pattern for profile in alike]
        pattern = _pattern(names)
        if len(alike) > 1 and sorted(path.name for path in folder.glob(pattern)) == sorted(names):
            alike[0].pattern = pattern
            alike[0].notes.append(f"{', '.join(names)} have the same columns")
            yield alike[0]
        else:
            yield from alike


def _pattern(names: list[str]) -> str:
    """Returns a pattern of files: what all names begin and end with, and * between.

    >>> _pattern(["orders-2025.csv", "orders-2026.csv"])
    'orders-*.csv'
    """
    shortest = min(map(len, names))
    begin = next((i for i in range(shortest) if len({name[i] for name in names}) > 1), shortest)
    first = re.sub(r"\d+$", "", names[0][:begin])
    ends = [name[len(first) :][::-1] for name in names]
    same = next((i for i in range(min(map(len, ends))) if len({e[i] for e in ends}) > 1), 0)
    last = re.sub(r"^\d+", "", ends[0][:same][::-1])
    return f"{first}*{last}"


def _profile(path: Path) -> FileProfile:
    table = open_table_file(path)
    separator = None
    if table.separator is not None and len(table.column_names) == 1:
        (header,) = table.column_names
        separator = max(SEPARATORS, key=header.count)
        if header.count(separator):
            table = open_table_file(path, separator=separator)
        else:
            separator = None
    names = [name for name in table.column_names if table.column_names.count(name) == 1]
    batches, num_rows = [], 0
    for batch in table.batches(names, lambda *_: None):
        batches.append(batch.slice(0, SAMPLE_ROWS - num_rows))
        num_rows += batches[-1].num_rows
        if num_rows >= SAMPLE_ROWS:
            break
    if not num_rows:
        raise DataError(f"'{path.name}' has no rows", value=path.name)
    sample = pa.Table.from_batches(batches)
    columns = [
        ColumnProfile(name, f"c{place}", sample[name])
        for place, name in enumerate(names)
        if name != ROW
    ]
    connection = open_database()
    connection.execute("SET TimeZone = 'UTC'")
    given = pa.table({column.place: column.values for column in columns})
    connection.register("sample", given)
    return FileProfile(
        pattern=path.name,
        stem=path.name.split(".")[0],
        table=table,
        separator=separator,
        columns=columns,
        num_rows=num_rows,
        is_whole=num_rows < SAMPLE_ROWS,
        connection=connection,
    )


def entity_of(column: ColumnProfile, node_types: Collection[str]) -> str | None:
    """Returns the node type that the name of a column is about: the last one in it."""
    named = [one for one in column.concepts if one in node_types and one in CONCEPTS]
    return named[-1] if named else None


Subject = tuple[str, ColumnProfile] | EdgeType | Literal["events"] | None
"""What a file holds: nodes of a type with their key, edges, events of several kinds, or unknown."""


@dataclass
class Recognition:
    """Recognises what files and columns hold, by names and by ids that repeat between files.

    Args:
        keys: The file and the column with the ids of each node type that has a table.
    """

    schema: Schema
    keys: dict[str, tuple[FileProfile, ColumnProfile]] = field(default_factory=dict)

    def subject(self, file: FileProfile) -> Subject:
        """Returns what the rows of a file are."""
        for of in self.schema.tables():
            if str(of) == file.stem and isinstance(of, EdgeType):
                return of
        pointers = self.pointers(file)
        named = [one for one in file.stem_concepts if one in self.schema.node_types]
        own = named[-1] if named else None
        if file.stem in self.schema.node_types:
            own = file.stem
        is_log = "User" in pointers and any(target in pointers for target in TARGETS)
        if is_log and self._looks_like_events(file, own, pointers):
            return "events"
        if own is not None:
            key = pointers.get(own) or self.bare_id(file)
            if key is not None and (key.is_unique or len(pointers) < 2):
                return own, key
        relation = self._relation_of_name(file)
        if relation is not None:
            return relation
        if is_log:
            return "events"
        for entity, column in pointers.items():
            if column.is_unique:
                return entity, column
        ends = list(pointers)
        fitting = self.static_edges(ends[0], ends[1]) if len(ends) == 2 else []
        return fitting[0] if len(fitting) == 1 else None

    def _looks_like_events(
        self, file: FileProfile, own: str | None, pointers: Mapping[str, ColumnProfile]
    ) -> bool:
        said = {one for column in file.columns for one in column.concepts}
        has_type = self.type_column(file) is not None
        if file.stem_events or has_type or "order" in said or "stars" in said:
            return (
                own is None or own in ("User", "Content") or not pointers[own].is_unique
                if own in pointers
                else True
            )
        return own is None and "time" in said

    def _relation_of_name(self, file: FileProfile) -> EdgeType | None:
        """Returns the edge type that a file is named after, such as in_category.csv."""
        words = f"_{file.stem.lower().replace('-', '_').replace(' ', '_')}_"
        named = [
            relation
            for relation in self.schema.relations.values()
            if f"_{relation.name.lower()}_" in words and len(relation.edge_types) == 1
        ]
        longest = max(named, key=lambda relation: len(relation.name), default=None)
        return longest.edge_types[0] if longest else None

    def pointers(self, file: FileProfile) -> dict[str, ColumnProfile]:
        """Returns the column with the ids of each node type; of several, the one that says "id"."""
        found: dict[str, ColumnProfile] = {}
        for column in file.columns:
            entity = entity_of(column, self.schema.node_types)
            if entity is None:
                entity = self._entity_by_values(file, column)
            rest = {one for one in column.concepts if one not in self.schema.node_types}
            is_id = "id" in rest and rest <= {"id", UNKNOWN}
            by_values = entity is not None and entity not in column.concepts
            if entity is None or "parent" in rest or not (is_id or not rest or by_values):
                continue
            if entity not in found or (is_id and "id" not in found[entity].concepts):
                found[entity] = column
        return found

    def _entity_by_values(self, file: FileProfile, column: ColumnProfile) -> str | None:
        """Returns the node type whose ids the column repeats, if they can be no mere numbers."""
        texts = [text for text in column.texts[:1000] if not text.isdigit()]
        if len(texts) < 20 or column.concepts not in ([UNKNOWN], ["source"], ["target"], []):
            return None
        for entity, (other, key) in self.keys.items():
            known = set(key.texts)
            if other is not file and sum(text in known for text in texts) >= 0.9 * len(texts):
                return entity
        return None

    def bare_id(self, file: FileProfile) -> ColumnProfile | None:
        return next((column for column in file.columns if column.concepts == ["id"]), None)

    def type_column(self, file: FileProfile) -> ColumnProfile | None:
        """Returns the column that says what happened in each row."""
        for column in file.columns:
            few = len(column.texts) <= _MOST_EVENT_TYPES
            if "event" not in column.concepts or not few or column.is_list:
                continue
            if any(meaning(text, EVENTS) for text in column.texts):
                return column
        return None

    def static_edges(self, one: str, other: str) -> list[EdgeType]:
        """Returns the edge types between two node types that are no events."""
        return [
            edge_type
            for edge_type in self.schema.edge_types()
            if {edge_type.source, edge_type.target} == {one, other}
            and not self.schema.relation(edge_type.relation).is_event
        ]
