"""Proposes a mapping for a folder of table files: what `graphrec init` writes.

It decides in four steps: what each file is (nodes of a type, events, or other edges), which columns
are ids of which node type, how values are read, and which nodes have no table of their own and are
made from the rows that name them. Every guess stands beside its line, with its reason.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from graphdb.checked_schema import Schema
from graphdb.errors import DataError, FileFormatError
from graphdb.io.csv_encoding import UTF_8
from graphdb.io.proposed_blocks import (
    Block,
    candidates,
    mapping_text,
    reading,
    split_of,
    toml_column,
    toml_key,
    toml_list,
    toml_string,
)
from graphdb.io.table_profile import (
    TARGETS,
    ColumnProfile,
    FileProfile,
    Options,
    Recognition,
    Subject,
    entity_of,
    profiles,
)
from graphdb.io.table_words import EVENTS, ON_CONTENT, UNKNOWN, meaning
from graphdb.schema import SCHEMA
from graphdb.schema_types import (
    EVENT_ID,
    OCCURRED_AT,
    SOURCE_ID,
    TARGET_ID,
    EdgeType,
    Kind,
    Property,
)

NO_TIME = "2000-01-01"
"""The day of events whose file has no column of times."""
_BAD_SHARE = 0.2
"""A property is not proposed for a column if more of its values break a rule."""


@dataclass(frozen=True)
class Proposal:
    """A proposed mapping.

    Args:
        text: The mapping file, with comments.
        num_tables: The number of its tables.
        questions: What could not be guessed, a line each.
    """

    text: str
    num_tables: int
    questions: tuple[str, ...]


def propose_mapping(folder: str | Path, schema: Schema = SCHEMA) -> Proposal:
    """Looks at the table files of a folder and proposes how to read them.

    It reads up to 100,000 rows of each file, and guesses from names and values. A mapping in the
    folder is not read.

    Args:
        folder: The folder; its subfolders are not looked at.
        schema: The types that the mapping may name.

    Raises:
        FileFormatError: There is no such folder, or no table in it that can be read.
        DataError: No file is understood.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileFormatError(f"there is no folder '{folder}'", value=str(folder))
    found = list(profiles(folder))
    files = [one for one in found if isinstance(one, FileProfile)]
    left = [f"{one[0]} is left out: {one[1]}" for one in found if isinstance(one, tuple)]
    try:
        return _Guesses(schema, files, left).proposal(folder)
    finally:
        for file in files:
            file.connection.close()


@dataclass
class _Guesses:
    """What is guessed of all files of a folder."""

    schema: Schema
    files: list[FileProfile]
    questions: list[str]
    blocks: list[Block] = field(default_factory=list)
    seen: Recognition = field(init=False)

    def __post_init__(self) -> None:
        self.seen = Recognition(self.schema)

    def proposal(self, folder: Path) -> Proposal:
        self._find_keys()  # first by names, for ids that repeat in other files
        subjects = self._find_keys()
        for file in self.files:
            self._add_blocks(file, subjects[id(file)])
        self._add_missing_nodes()
        if not self.blocks:
            raise DataError(
                f"no file of '{folder}' is understood: {'; '.join(self.questions)}"
                if self.questions
                else f"'{folder}' has no table files",
                next_step="write a mapping by hand, see docs/own-data.md",
                value=str(folder),
            )
        self._ask_of_repeats()
        text = mapping_text(self.files, self.blocks, self.questions)
        return Proposal(text, len(self.blocks), tuple(self.questions))

    def _find_keys(self) -> dict[int, Subject]:
        """Returns what each file holds, and keeps the columns that identify nodes."""
        subjects = {id(file): self.seen.subject(file) for file in self.files}
        for file in self.files:
            subject = subjects[id(file)]
            if isinstance(subject, tuple) and not isinstance(subject, EdgeType):
                self.seen.keys.setdefault(subject[0], (file, subject[1]))
        return subjects

    def _ask_of_repeats(self) -> None:
        """Asks about events of one relation in several files, which may tell the same twice."""
        files: dict[EdgeType, list[str]] = {}
        for block in self.blocks:
            if isinstance(block.of, EdgeType) and self.schema.relation(block.of.relation).repeats:
                files.setdefault(block.of, []).append(block.file.pattern)
        for of, names in files.items():
            if len(names) > 1:
                self.questions.append(
                    f"{of} is in several files: {', '.join(names)}; if they tell the same events,"
                    " keep one"
                )

    # Tables

    def _add_blocks(self, file: FileProfile, subject: Subject) -> None:
        if isinstance(subject, EdgeType):
            self._add_edges(file, subject)
        elif isinstance(subject, tuple):
            self._add_nodes(file, *subject)
        elif subject == "events":
            self._add_events(file)
        else:
            names = ", ".join(column.name for column in file.columns)
            self.questions.append(f"{file.pattern} is left out: no use of its columns: {names}")

    def _add_nodes(self, file: FileProfile, of: str, key: ColumnProfile) -> None:
        sure = "has a value of its own in every row" if key.is_unique else "repeats"
        block = self._block(file, of, [f"{of}: '{key.name}' {sure}"])
        if not key.is_unique:
            block.keys["distinct"] = "true"
        self._put(block, self.schema.node_type(of).key, key)
        taken = {key.name}
        pointers = {
            entity: column
            for entity, column in self.seen.pointers(file).items()
            if entity != of and column.name != key.name
        }
        taken |= {column.name for column in pointers.values()}
        self._put_properties(block, of, taken)
        self.blocks.append(block)
        for entity, column in pointers.items():
            fitting = self.seen.static_edges(of, entity)
            if len(fitting) != 1:
                self.questions.append(
                    f"'{column.name}' of {file.pattern} is left out: no edge type, or several,"
                    f" connect {of} and {entity}"
                )
                continue
            ends = {of: key, entity: column}
            self._add_edge_block(file, fitting[0], ends[fitting[0].source], ends[fitting[0].target])
        self._add_parents(file, of, key)

    def _add_parents(self, file: FileProfile, of: str, key: ColumnProfile) -> None:
        parent = next((one for one in file.columns if "parent" in one.concepts), None)
        loops = [one for one in self.schema.edge_types() if one.source == of == one.target]
        if parent is not None and "CHILD_OF" in [one.relation for one in loops]:
            edge_type = next(one for one in loops if one.relation == "CHILD_OF")
            self._add_edge_block(file, edge_type, key, parent)

    def _add_edges(self, file: FileProfile, of: EdgeType) -> None:
        pointers = self.seen.pointers(file)
        by_concept = {
            one: column for column in file.columns for one in column.concepts if one != UNKNOWN
        }
        columns = {column.name: column for column in file.columns}
        if of.source == of.target:
            pointers = {}
        source = columns.get(SOURCE_ID) or by_concept.get("source") or pointers.get(of.source)
        target = columns.get(TARGET_ID) or by_concept.get("target") or pointers.get(of.target)
        rest = [one for one in file.columns if one not in (source, target)]
        source = source or (rest.pop(0) if rest else None)
        target = target or (rest.pop(0) if rest else None)
        if source is None or target is None or source is target:
            self.questions.append(f"{file.pattern} is left out: it has no two ends of {of}")
        elif self.schema.relation(of.relation).is_event:
            self._add_event_block(file, of, source, target, f"the file is named {file.pattern}")
        else:
            self._add_edge_block(file, of, source, target)

    def _add_edge_block(
        self, file: FileProfile, of: EdgeType, source: ColumnProfile, target: ColumnProfile
    ) -> None:
        block = self._block(file, of, [f"{of.source} and {of.target} stand in one row"])
        may_miss = source.values.null_count or target.values.null_count or target.is_list
        if may_miss or file.null_values:
            block.keys["skip_missing"] = "true"
        key = [source] if self.schema.relation(of.relation).one_target else [source, target]
        if not source.is_list and file.has_repeats(key):
            block.keys["distinct"] = "true"
        self._put(block, SOURCE_ID, source)
        self._put(block, TARGET_ID, target)
        self._put_properties(block, of, {source.name, target.name})
        self.blocks.append(block)

    def _add_events(self, file: FileProfile) -> None:
        pointers = self.seen.pointers(file)
        user = pointers["User"]
        by_type = self.seen.type_column(file)
        if by_type is not None:
            self._add_event_types(file, pointers, by_type)
            return
        said = {one for column in file.columns for one in column.concepts}
        guesses = [(one, f"the file is named {file.pattern}") for one in file.stem_events]
        if "stars" in said:
            guesses.append(("RATED", "there is a column of stars"))
        if "order" in said or "value" in said or "count" in said:
            guesses.append(("PURCHASED", "there are orders, amounts or quantities"))
        guesses += [
            (
                "PURCHASED",
                "a guess, for nothing says what happened; other relations: VIEWED, CARTED",
            ),
            ("VIEWED", "a guess, for nothing says what happened"),
            ("FOLLOWS", "a guess, for nothing says what happened"),
        ]
        for relation, why in guesses:
            of = self._event_type(relation, pointers)
            if of is not None:
                self._add_event_block(file, of, user, pointers[of.target], why)
                return

    def _add_event_types(
        self, file: FileProfile, pointers: Mapping[str, ColumnProfile], column: ColumnProfile
    ) -> None:
        """Adds a table for each relation that the values of a column mean."""
        meant: dict[EdgeType, list[str]] = {}
        unknown = []
        for text in column.texts:
            relation = meaning(text, EVENTS)
            of = self._event_type(relation, pointers) if relation else None
            if of is None:
                unknown.append(text)
            else:
                meant.setdefault(of, []).append(text)
        for of, texts in meant.items():
            why = f"'{column.name}' is {' or '.join(texts)}"
            where = f"{toml_key(column.name)} = {toml_list(texts)}"
            self._add_event_block(file, of, pointers["User"], pointers[of.target], why, where)
        if unknown:
            self.questions.append(
                f"rows of {file.pattern} with {column.name} = {', '.join(unknown[:10])} are not"
                " read: no relation of the schema is called so"
            )

    def _event_type(self, relation: str, pointers: Mapping[str, ColumnProfile]) -> EdgeType | None:
        for name in (relation, ON_CONTENT.get(relation)):
            for target in TARGETS:
                of = EdgeType("User", name or "", target)
                if target in pointers and of in list(self.schema.edge_types()):
                    return of
        return None

    def _add_event_block(
        self,
        file: FileProfile,
        of: EdgeType,
        source: ColumnProfile,
        target: ColumnProfile,
        why: str,
        where: str | None = None,
    ) -> None:
        block = self._block(file, of, [f"{of.relation}: {why}"])
        if where is not None:
            block.keys["where"] = f"{{ {where} }}"
        self._put(block, SOURCE_ID, source)
        self._put(block, TARGET_ID, target)
        taken = {source.name, target.name}
        times = self._put_time(block, of, taken)
        self._put_properties(block, of, taken | {column.name for column in times})
        orders = [
            one
            for one in file.columns
            if one.name in block.used - taken and "order" in one.concepts
        ]
        repeats = self.schema.relation(of.relation).repeats
        if repeats and file.has_repeats([source, target, *times, *orders]):
            block.keys["distinct"] = "true"
            block.why.append(
                "several rows have the same ends, time and order: they become one event"
            )
        stars = {column.name: column for column in self.schema.columns(of)}.get("stars")
        if stars is not None and "stars" not in block.columns:
            self.questions.append(f"{of} of {file.pattern} is left out: no column of stars")
            return
        if any(not one.is_list and one.values.null_count for one in (source, target)):
            block.keys["skip_missing"] = "true"
        self.blocks.append(block)

    def _put_time(self, block: Block, of: EdgeType, taken: set[str]) -> list[ColumnProfile]:
        """Puts the time of an event; returns its column."""
        at = next(one for one in self.schema.columns(of) if one.name == OCCURRED_AT)
        for column in candidates(block.file, at, taken, self.schema.node_types):
            if self._put_property(block, at, column):
                return [column]
        constant = f'{{ constant = "{NO_TIME}" }}'
        note = "no column of times: every row gets this day; name the column instead"
        block.columns[OCCURRED_AT] = (constant, note)
        self.questions.append(f"{block.file.pattern} has no times: all events get {NO_TIME}")
        return []

    def _add_missing_nodes(self) -> None:
        """Makes nodes of types without a table from the columns that name them."""
        made = {block.of for block in self.blocks}
        for block in list(self.blocks):
            if not isinstance(block.of, EdgeType):
                continue
            ends = ((block.of.source, SOURCE_ID), (block.of.target, TARGET_ID))
            for entity, end in ends:
                if entity in made or entity == "PriceBand":
                    continue
                text, _ = block.columns[end]
                if any(one.of == entity and one.file is block.file for one in self.blocks):
                    continue
                nodes = self._block(block.file, entity, [f"{entity} has no table of its own"])
                nodes.keys |= {"distinct": "true", "skip_missing": "true"}
                if "where" in block.keys:
                    nodes.keys["where"] = block.keys["where"]
                    if self._same_in_all(block, end):
                        del nodes.keys["where"]
                nodes.columns[self.schema.node_type(entity).key] = (text, None)
                self._put_names(nodes, entity, text)
                self.blocks.append(nodes)

    def _same_in_all(self, block: Block, end: str) -> bool:
        """Returns whether the end is the same column in all tables of this file."""
        ends = {
            one.columns[end][0]
            for one in self.blocks
            if one.file is block.file and isinstance(one.of, EdgeType) and end in one.columns
        }
        return len(ends) == 1

    def _put_names(self, block: Block, entity: str, key: str) -> None:
        """Puts the name of nodes that have no table: a column such as brand_name, or the id."""
        known = {one.name: one for one in self.schema.columns(entity)}
        name = known.get("name") or known.get("title")
        for column in block.file.columns:
            is_name = "name" in column.concepts
            if name and is_name and entity_of(column, self.schema.node_types) == entity:
                self._put_property(block, name, column)
                return
        if name and name.name == "name" and not key.startswith("{ constant"):
            block.columns["name"] = (key, "no column of names, so the id is the name")
        if entity == "Tag":
            block.columns["kind"] = ('{ constant = "other" }', "style, trend, function or other")

    # Columns

    def _block(self, file: FileProfile, of: str | EdgeType, why: list[str]) -> Block:
        block = Block(file, of, why, name=str(of))
        if isinstance(of, EdgeType) and len(self.schema.relation(of.relation).ends) == 1:
            block.name = of.relation
        if file.separator is not None:
            block.keys["separator"] = toml_string(file.separator)
        if file.table.encoding not in (None, UTF_8):
            block.keys["encoding"] = toml_string(file.table.encoding or "")
        if file.null_values:
            block.keys["null_values"] = toml_list(file.null_values)
        return block

    def _put(self, block: Block, name: str, column: ColumnProfile) -> None:
        """Puts a column of ids, which may hold several in a cell."""
        options: Options = {}
        split = None if name == SOURCE_ID else split_of(column)
        if split is not None:
            options["split"] = split
        note = f"several in a cell, separated by {split}" if split else None
        if column.is_list:
            note = "several in a cell: a list"
        block.columns[name] = (toml_column(column.name, options), note)
        block.used.add(column.name)

    def _put_properties(self, block: Block, of: str | EdgeType, taken: set[str]) -> None:
        keys = {*self.schema.key(of), SOURCE_ID, TARGET_ID} - {EVENT_ID}
        for wanted in self.schema.columns(of):
            if wanted.name in block.columns or wanted.name in keys:
                continue
            for column in candidates(
                block.file, wanted, taken | block.used, self.schema.node_types, of
            ):
                if self._put_property(block, wanted, column):
                    break

    def _put_property(self, block: Block, wanted: Property, column: ColumnProfile) -> bool:
        """Puts a property if most values of the column can be read as it."""
        try:
            options, note = reading(block.file, wanted, column)
        except LookupError as error:
            if {"time", "created"} & {*column.concepts} or wanted.kind is not Kind.TIMESTAMP:
                self.questions.append(f"{block.file.pattern}: {error.args[0]}")
            return False
        given, bad, reason = block.file.bad_values(column, wanted, options)
        if bad > _BAD_SHARE * given and "map" not in options:
            self.questions.append(
                f"'{column.name}' of {block.file.pattern} is not read as {wanted.name}: {reason}"
            )
            return False
        if bad and "map" not in options:
            note = f"{bad:,} of {given:,} values cannot be read, such as: {reason}"
        block.columns[wanted.name] = (toml_column(column.name, options), note)
        block.used.add(column.name)
        return True
