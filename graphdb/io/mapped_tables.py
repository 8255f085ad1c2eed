"""Reads a folder of table files, or frames in memory, as a source.

A mapping says what their columns are; without one, the names of files or frames and of columns do.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
from pydantic import ValidationError

from graphdb.checked_schema import Schema
from graphdb.documents import Location, TomlFile, first_problem
from graphdb.errors import FileFormatError, GraphRecError, MappingError, SchemaError, nearest
from graphdb.io import TableFile, open_table_file
from graphdb.io.csv_scan import likely_separator
from graphdb.io.frames import arrow_table, open_arrow
from graphdb.io.mapping import OTHER_WORDS, MappingFile, TableEntry, matching_rows, shown
from graphdb.io.source import Column, OnBadRow, SourceTable
from graphdb.io.table_files import SUFFIXES
from graphdb.schema_types import EVENT_ID, SOURCE_ID, TARGET_ID, EdgeType

MAPPING_NAME = "mapping.toml"


def folder_tables(
    folder: str | Path, schema: Schema, mapping: str | Path | None = None
) -> list[SourceTable]:
    """Returns the tables of a folder, ready for `ingest`.

    Args:
        folder: The folder of the files.
        mapping: The mapping file; by default `mapping.toml` in the folder. Without one, every file
            must be named after a type (`User.csv`, `User-PURCHASED-Product.parquet`) and its
            columns after properties.

    Raises:
        MappingError: The mapping does not fit the schema or the files.
        FileFormatError: A file cannot be read.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileFormatError(f"there is no folder '{folder}'", value=str(folder))
    if mapping is None and (folder / MAPPING_NAME).is_file():
        mapping = folder / MAPPING_NAME
    if mapping is None:
        return list(_by_name(folder, schema))
    file = TomlFile(mapping, MappingFile, MappingError, OTHER_WORDS)
    open_file = cache(open_table_file)  # scans a CSV file once, even if several tables share it
    return [
        table
        for position, entry in enumerate(file.content.table)
        for table in _by_entry(folder, schema, file, entry, ("table", position), open_file)
    ]


def _by_entry(
    folder: Path,
    schema: Schema,
    file: TomlFile[MappingFile],
    entry: TableEntry,
    where: Location,
    open_file: Callable[..., TableFile],
) -> Iterator[SourceTable]:
    try:
        of = _type_of(schema, entry)
    except SchemaError as error:
        key = "node" if entry.node is not None else "relation"
        raise file.error(
            (*where, key), error.what, expected=error.expected, next_step=error.next_step
        ) from error
    _check_properties(schema, file, entry, of, where)
    for path in _paths(folder, file, entry, where):
        table = open_file(path, separator=entry.separator, encoding=entry.encoding)
        _check_columns(file, entry, table, where)
        columns = {name: column.to_column(entry) for name, column in entry.columns.items()}
        yield _source_table(path.relative_to(folder), of, table, columns, entry)


def _paths(
    folder: Path, file: TomlFile[MappingFile], entry: TableEntry, where: Location
) -> list[Path]:
    """Returns the files of an entry; an empty list only if they are optional."""
    try:
        found = sorted(folder.glob(entry.file))
    except (ValueError, OSError) as error:
        reason = getattr(error, "strerror", None) or error
        shown = entry.file if len(entry.file) < 200 else f"{entry.file[:200]}..."
        what = f"'{shown}' is not a pattern of files: {reason}"
        raise file.error((*where, "file"), what, value=entry.file) from error
    paths = [path for path in found if not path.is_dir()]
    if not paths and not (entry.optional and not found):
        what = f"there is no file '{entry.file}' in '{folder}'"
        others = sorted(path.name for path in folder.iterdir() if path.is_file())
        next_step = nearest(entry.file, others)
        if found:
            what = f"'{entry.file}' in '{folder}' is a folder, not a file"
            next_step = f'to read all files in it, set file = "{entry.file}/*.parquet" or similar'
        raise file.error((*where, "file"), what, next_step=next_step)
    return paths


def _type_of(schema: Schema, entry: TableEntry) -> str | EdgeType:
    if entry.node is not None:
        return schema.node_type(entry.node).name
    assert entry.relation is not None
    if "-" in entry.relation:
        return schema.parse_edge_type(entry.relation)
    return schema.edge_type(entry.relation, entry.source, entry.target)


def _check_properties(
    schema: Schema,
    file: "_Document",
    entry: TableEntry,
    of: str | EdgeType,
    where: Location,
) -> None:
    known = {column.name: column for column in schema.columns(of)}
    for name in entry.columns:
        if name not in known:
            suggestion = nearest(name, list(known)) or f"known: {', '.join(known)}"
            what = f"{of} has no property '{name}'"
            raise file.error((*where, "columns", name), what, next_step=suggestion, value=name)
    for name, column in known.items():
        needed = column.required or (name in schema.key(of) and name != EVENT_ID)
        if needed and name not in entry.columns:
            what = f"{of} needs a column for '{name}'"
            raise file.error((*where, "columns"), what, value=name)


def _check_columns(file: "_Document", entry: TableEntry, table: TableFile, where: Location) -> None:
    wanted: list[tuple[Location, str]] = [
        ((*where, "columns", name), column.column)
        for name, column in entry.columns.items()
        if column.column is not None
    ]
    wanted += [((*where, "where", name), name) for name in entry.where]
    for location, name in wanted:
        if name not in table.column_names:
            suggestion = _separator_hint(table, name) or nearest(name, table.column_names)
            raise file.error(
                location,
                f"'{table.path.name}' has no column '{name}'",
                next_step=suggestion or f"its columns: {', '.join(table.column_names)}",
                value=name,
            )


def _separator_hint(table: TableFile, wanted: str) -> str | None:
    """Returns the next step if the missing column appears with another separator."""
    if table.separator is None:
        return None
    likely = likely_separator(table.column_names, table.separator, wanted)
    if likely is None:
        return None
    shown = likely.replace("\t", "\\t")
    return f"cells seem to be separated by '{shown}': set separator = \"{shown}\" in the mapping"


def _by_name(folder: Path, schema: Schema) -> Iterator[SourceTable]:
    tables = {str(of): of for of in schema.tables()}
    # A file that is named after a type counts with any suffix: User.xlsx is not ignored.
    paths = sorted(
        path
        for path in folder.iterdir()
        if path.name.lower().endswith(SUFFIXES)
        or (path.name.split(".")[0] in tables and path.is_file())
    )
    if not paths:
        raise FileFormatError(
            f"'{folder}' has no table files",
            expected=f"files named after types ({', '.join(SUFFIXES)}) or a {MAPPING_NAME}",
            value=str(folder),
        )
    for path in paths:
        stem = path.name.split(".")[0]
        if stem not in tables:
            raise FileFormatError(
                f"'{path.name}' is named after no type of the schema",
                next_step=nearest(stem, list(tables)) or f"declare it in a {MAPPING_NAME}",
                value=stem,
            )
        of = tables[stem]
        table = open_table_file(path)
        _check_header(schema, of, table)
        columns = {name: Column(name) for name in table.column_names}
        yield _source_table(path.relative_to(folder), of, table, columns, None)


def _check_header(schema: Schema, of: str | EdgeType, table: TableFile) -> None:
    columns = schema.columns(of)
    known = [column.name for column in columns]
    for name in table.column_names:
        if name not in known:
            raise FileFormatError(
                f"'{table.path.name}' has a column '{name}', but {of} has no such property",
                next_step=_separator_hint(table, columns[0].name)
                or nearest(name, known)
                or f"declare it in a {MAPPING_NAME}",
                value=name,
            )
    for column in columns:
        if column.required and column.name not in table.column_names:
            raise FileFormatError(
                f"'{table.path.name}' has no column '{column.name}', which {of} needs",
                value=column.name,
            )


def _source_table(
    path: Path,
    of: str | EdgeType,
    table: TableFile,
    columns: dict[str, Column],
    entry: TableEntry | None,
) -> SourceTable:
    where = entry.where if entry else {}
    used = {column.name for column in columns.values() if column.name is not None} | set(where)
    table.check_unique(used)
    for column in columns.values():
        if column.split is not None and column.name in table.lists:
            raise FileFormatError(
                f"'{path}': column '{column.name}' holds lists, which are rows without a split",
                next_step="remove split from the mapping",
                value=column.name,
            )

    def batches(on_bad_row: OnBadRow) -> Iterator[pa.RecordBatch]:
        for batch in table.batches(sorted(used), on_bad_row):
            yield matching_rows(batch, where, str(path))

    return SourceTable(
        name=f"{of} from {path}",
        of=of,
        file=str(path),
        columns=columns,
        batches=batches,
        num_rows=table.num_rows,
        distinct=entry.distinct if entry else False,
        skip_missing=entry.skip_missing if entry else False,
        warning=table.warning,
        lists=table.lists,
        condition=shown(where),
    )


class _Document(Protocol):
    """A mapping that says where an error is in it."""

    def error(
        self,
        location: Location,
        what: str,
        *,
        expected: str | None = None,
        next_step: str | None = None,
        value: object = None,
    ) -> GraphRecError: ...


class _GivenMapping:
    """The mapping of frames: Python's dictionaries."""

    def error(
        self,
        location: Location,
        what: str,
        *,
        expected: str | None = None,
        next_step: str | None = None,
        value: object = None,
    ) -> GraphRecError:
        place = "mapping" + "".join(f"[{part!r}]" for part in location)
        return MappingError(f"{place}: {what}", expected=expected, next_step=next_step, value=value)


FrameMapping = Mapping[str, Mapping[str, Any]]
"""Per frame, the column of each property; or the keys of a [[table]] of a mapping file."""

_OF_FILES = ("file", "node", "relation", "source", "target", "separator", "encoding", "optional")


def frame_tables(
    frames: Mapping[str, Any], schema: Schema, mapping: FrameMapping | None = None
) -> list[SourceTable]:
    """Returns the tables of some frames, ready for `ingest`.

    Args:
        frames: By node type (User), relation (PURCHASED) or edge type (User-FOLLOWS-Brand).
        mapping: Per frame, the column of each property, {"user_id": "customer"}, or the keys of a
            [[table]] of a mapping file, {"columns": {...}, "distinct": True}. Frames without an
            entry have columns named after properties. The ends of an edge may be named after the
            keys of their nodes: user_id and product_id instead of source_id and target_id.

    Raises:
        SchemaError: A frame is named after no type.
        MappingError: The mapping does not fit the schema or the frames.
        FileFormatError: A value is no frame.
    """
    mapping = mapping or {}
    for name in mapping:
        if name not in frames:
            what = f"there is no frame '{name}'"
            raise MappingError(what, next_step=nearest(name, list(frames)), value=name)
    read: dict[int, pa.Table] = {}  # one frame may be several tables
    tables = []
    for name, frame in frames.items():
        of = _of_frame(schema, name)
        if id(frame) not in read:
            read[id(frame)] = arrow_table(name, frame)
        table = open_arrow(name, read[id(frame)])
        ends = _ends(schema, of)
        given = mapping.get(name)
        if given is None:
            columns = {ends.get(column, column): Column(column) for column in table.column_names}
            _check_frame_header(schema, of, table, set(columns))
            tables.append(_source_table(table.path, of, table, columns, None))
            continue
        document = _GivenMapping()
        entry = _frame_entry(document, name, of, given, ends)
        _check_properties(schema, document, entry, of, (name,))
        _check_columns(document, entry, table, (name,))
        columns = {key: column.to_column(entry) for key, column in entry.columns.items()}
        tables.append(_source_table(table.path, of, table, columns, entry))
    return tables


def _of_frame(schema: Schema, name: str) -> str | EdgeType:
    """Returns the type that a frame is named after."""
    if name in schema.node_types:
        return name
    if name in schema.relations:
        return schema.edge_type(name)
    if name.count("-") == 2:
        return schema.parse_edge_type(name)
    known = [*schema.node_types, *schema.relations]
    raise SchemaError(
        f"the frame '{name}' is named after no node type and no relation",
        next_step=nearest(name, known) or f"known: {', '.join(known)}",
        value=name,
    )


def _ends(schema: Schema, of: str | EdgeType) -> dict[str, str]:
    """Returns the other names of the columns of both ends, if they tell the ends apart."""
    if not isinstance(of, EdgeType) or of.source == of.target:
        return {}
    keys = [schema.node_type(end).key for end in (of.source, of.target)]
    return dict(zip(keys, (SOURCE_ID, TARGET_ID), strict=True))


def _check_frame_header(
    schema: Schema, of: str | EdgeType, table: TableFile, given: set[str]
) -> None:
    known = [column.name for column in schema.columns(of)]
    ends = {end: key for key, end in _ends(schema, of).items()}
    for name in given:
        if name not in known:
            raise MappingError(
                f"'{table.path}' has a column '{name}', but {of} has no such property",
                next_step=nearest(name, [*known, *ends.values()])
                or f"drop the column, or name those to read: mapping={{'{table.path}': ...}}",
                value=name,
            )
    for column in schema.columns(of):
        if column.required and column.name not in given:
            called = f"'{column.name}'"
            if column.name in ends:
                called += f" or '{ends[column.name]}'"
            raise MappingError(
                f"'{table.path}' has no column {called}, which {of} needs",
                next_step=f"say which one it is: mapping={{'{table.path}': {{...}}}}",
                value=column.name,
            )


def _frame_entry(
    document: _GivenMapping,
    name: str,
    of: str | EdgeType,
    given: Mapping[str, Any],
    ends: Mapping[str, str],
) -> TableEntry:
    entry = dict(given) if isinstance(given.get("columns"), Mapping) else {"columns": dict(given)}
    for key in _OF_FILES:
        if key in entry:
            what = f"'{key}' is for files; the name of the frame says the rest"
            raise document.error((name, key), what, value=key)
    entry["columns"] = {ends.get(key, key): column for key, column in entry["columns"].items()}
    kind = {"relation": of.relation} if isinstance(of, EdgeType) else {"node": of}
    try:
        return TableEntry.model_validate({"file": name, **kind, **entry})
    except ValidationError as error:
        first = first_problem(error, TableEntry, OTHER_WORDS)
        raise document.error(
            (name, *first.location), first.what, next_step=first.next_step, value=first.value
        ) from error
