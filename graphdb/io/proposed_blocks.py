"""Writes a proposed mapping: how columns are read, and the TOML of its tables with comments."""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from graphdb.ingestion.table_checks import conversion
from graphdb.io.table_profile import ColumnProfile, FileProfile, Options, entity_of
from graphdb.io.table_words import CHOICES, UNKNOWN, meaning
from graphdb.schema_types import (
    CREATED_AT,
    EVENT_ID,
    OCCURRED_AT,
    SINCE,
    EdgeType,
    Kind,
    Property,
)

MOST_WORDS = 50
"""A column with more different values is not a column of a few words."""
_SPLITS = ("|", ";", "、", "\uff0c", ",", "/")
_PROPERTIES: Mapping[str, tuple[str, ...]] = {
    "title": ("name",),
    "name": ("name",),
    "price": ("price", "cents"),
    CREATED_AT: ("created", "time"),
    "duration_s": ("duration",),
    "watched_s": ("watched",),
    "kind": ("kind", "event"),
    "private_label": ("Brand",),
    EVENT_ID: ("order",),
}
"""The concepts of a property's column, if they are not its own name."""


@dataclass
class Block:
    """One `[[table]]` of the proposal.

    Args:
        why: Comments above it.
        keys: Its keys before `columns`, as TOML.
        columns: Properties, as TOML, each with a comment.
        used: The columns that it reads.
        name: Its node type, relation or, where the relation has several ends, edge type.
    """

    file: FileProfile
    of: str | EdgeType
    why: list[str]
    keys: dict[str, str] = field(default_factory=dict)
    columns: dict[str, tuple[str, str | None]] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    name: str = ""


def candidates(
    file: FileProfile,
    wanted: Property,
    taken: set[str],
    node_types: Collection[str],
    of: str | EdgeType = "",
) -> Iterator[ColumnProfile]:
    """Yields the columns that may hold a property, the best first."""
    named = _PROPERTIES.get(wanted.name, (wanted.name,))
    is_time = wanted.kind is Kind.TIMESTAMP
    if is_time:
        named = ("created", "time") if wanted.name == CREATED_AT else ("time", "created")
        if wanted.name == OCCURRED_AT:
            named = (*named, UNKNOWN)  # tried last, and read only if its values are times
    found = []
    for place, column in enumerate(file.columns):
        entity = entity_of(column, node_types)
        said = column.concepts
        fits = column.name == wanted.name or any(one in said for one in named)
        is_other = entity not in (None, of) and column.name != wanted.name
        if isinstance(of, EdgeType) and entity in (of.source, of.target):
            is_other = wanted.name != "price" and "name" in said
        if wanted.name == CREATED_AT and "created" not in said and UNKNOWN in said:
            continue
        if wanted.name in (SINCE, "private_label") and column.name != wanted.name:
            continue
        if column.name in taken or not fits or is_other or column.is_list:
            continue
        if not is_time and "time" in said and column.name != wanted.name:
            continue
        rank = min((named.index(one) for one in said if one in named), default=9)
        found.append(((column.name != wanted.name, rank, UNKNOWN in said, place), column))
    yield from (column for _, column in sorted(found, key=lambda one: one[0]))


def reading(
    file: FileProfile, wanted: Property, column: ColumnProfile
) -> tuple[Options, str | None]:
    """Returns the options of a column and a comment.

    Raises:
        LookupError: Its values cannot be read as the property.
    """
    if wanted.kind is Kind.TIMESTAMP:
        options, note = file.time_options(column, wanted)
        return _with_timezone(file, column, options, note)
    if wanted.choices:
        return _mapped(wanted, column, file.null_values)
    if wanted.kind not in (Kind.INT, Kind.FLOAT):
        return {}, None
    options = file.number_options(column, replace(wanted, minimum=None, maximum=None))
    if "cents" in column.concepts:
        return {**options, "scale": 0.01}, "cents become units"
    if wanted.name.endswith("_s") and "ms" in column.name.lower().split("_"):
        return {**options, "scale": 0.001}, "milliseconds become seconds"
    if wanted.minimum is not None and wanted.maximum is not None:
        return _on_scale(wanted, column, options)
    return options, None


def _with_timezone(
    file: FileProfile, column: ColumnProfile, options: Options, note: str | None
) -> tuple[Options, str | None]:
    has_offset = any(text.endswith("Z") or "+" in text for text in column.texts[:100])
    is_utc = getattr(column.type, "tz", None) is not None or "unit" in options or has_offset
    if is_utc:
        return options, note
    if file.is_chinese:
        guess = "a guess: the columns are Chinese and the times have no offset"
        return {**options, "timezone": "Asia/Shanghai"}, "; ".join(filter(None, (guess, note)))
    doubt = 'read as UTC; for local times, add timezone = "Europe/Berlin" or similar'
    return options, "; ".join(filter(None, (note, doubt)))


def _mapped(
    wanted: Property, column: ColumnProfile, missing: tuple[str, ...]
) -> tuple[Options, str | None]:
    texts = [text for text in column.texts if text and text not in missing]
    if all(text in wanted.choices for text in texts):
        return {}, None
    words = CHOICES.get(wanted.name, {})
    words = {choice: listed for choice, listed in words.items() if choice in wanted.choices}
    found = {text: meaning(text, words) for text in texts[:MOST_WORDS]}
    map_ = {text: choice for text, choice in found.items() if choice is not None}
    unknown = [text for text in texts if found.get(text) is None]
    if not map_:
        allowed = ", ".join(wanted.choices)
        raise LookupError(
            f"the values of '{column.name}' ({', '.join(texts[:5])}) are none of {allowed};"
            f" write {wanted.name} = {{ column = {toml_string(column.name)}, map = {{ ... }} }}"
        )
    note = f"add to the map: {', '.join(unknown[:10])}" if unknown else None
    return {"map": map_}, note


def _on_scale(
    wanted: Property, column: ColumnProfile, options: Options
) -> tuple[Options, str | None]:
    """Returns the conversion of numbers to the scale of the property."""
    assert wanted.minimum is not None and wanted.maximum is not None
    numbers = []
    for text in column.texts:
        try:
            numbers.append(float(text.replace(",", ".") if options.get("decimal") == "," else text))
        except ValueError:
            continue
    if not numbers:
        raise LookupError(f"'{column.name}' holds no numbers")
    least, most = min(numbers), max(numbers)
    if wanted.minimum <= least and most <= wanted.maximum:
        return options, None
    top = next((top for top in (5.0, 10.0, 100.0) if most <= top), most)
    bottom = 0.0 if least < 1 else 1.0
    scale, offset = conversion((min(bottom, least), top), (wanted.minimum, wanted.maximum))
    note = f"values go from {least:g} to {most:g}"
    if least == 0 and top == 5:
        note += '; if 0 means no rating, write null_values = ["0"] instead of scale and offset'
    return {**options, "scale": scale, "offset": offset}, note


def split_of(column: ColumnProfile) -> str | None:
    """Returns what separates several ids in a cell, if many cells have several."""
    if column.is_list:
        return None
    texts = column.texts[:1000]
    for split in _SPLITS:
        several = [text for text in texts if split in text]
        parts = {part.strip() for text in texts for part in text.split(split)}
        if len(several) >= 0.2 * len(texts) and len(parts) < 0.8 * sum(
            text.count(split) + 1 for text in texts
        ):
            return split
    return None


def mapping_text(
    files: Iterable[FileProfile], all_blocks: list[Block], questions: list[str]
) -> str:
    """Returns the mapping file."""
    lines = [
        "# Proposed by graphrec init: each comment says why. Correct it, then run graphrec ingest.",
        "# The keys are explained in docs/own-data.md, the properties in docs/schema.md.",
    ]
    if questions:
        lines += ["#", "# Not guessed:", *(f"# - {_comment(one)}" for one in questions)]
    for file in files:
        blocks = [block for block in all_blocks if block.file is file]
        size = f"{file.num_rows:,}" + ("" if file.is_whole else " or more")
        lines += ["", f"# {_comment(file.pattern)}: {size} rows"]
        lines += [f"# {_comment(note)}" for note in file.notes]
        used = {name for block in blocks for name in block.used}
        unused = [column.name for column in file.columns if column.name not in used]
        if unused and blocks:
            lines.append(f"# Not used: {_comment(', '.join(unused))}")
        for block in blocks:
            lines += _block_lines(block)
    return "\n".join(lines) + "\n"


def _block_lines(block: Block) -> Iterator[str]:
    yield ""
    for why in block.why:
        yield f"# {_comment(why)}"
    yield "[[table]]"
    yield f"file = {toml_string(block.file.pattern)}"
    key = "relation" if isinstance(block.of, EdgeType) else "node"
    yield f"{key} = {toml_string(block.name)}"
    for name, value in block.keys.items():
        yield f"{name} = {value}"
    yield "[table.columns]"
    for name, (value, note) in block.columns.items():
        yield f"{name} = {value}" + (f"  # {_comment(note)}" if note else "")


def _comment(text: str) -> str:
    return "".join(sign if sign.isprintable() else " " for sign in text)


def toml_string(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def toml_key(name: str) -> str:
    is_bare = name.isascii() and name.replace("_", "").replace("-", "").isalnum()
    return name if is_bare else toml_string(name)


def toml_list(texts: "list[str] | tuple[str, ...]") -> str:
    return (
        toml_string(texts[0])
        if len(texts) == 1 and isinstance(texts, list)
        else (f"[{', '.join(map(toml_string, texts))}]")
    )


def toml_column(name: str, options: Options) -> str:
    if not options:
        return toml_string(name)
    parts = [f"column = {toml_string(name)}"]
    for key, value in options.items():
        if isinstance(value, dict):
            pairs = ", ".join(
                f"{toml_key(one)} = {toml_string(other)}" for one, other in value.items()
            )
            parts.append(f"{key} = {{ {pairs} }}")
        else:
            parts.append(f"{key} = {toml_string(value) if isinstance(value, str) else value}")
    return f"{{ {', '.join(parts)} }}"
