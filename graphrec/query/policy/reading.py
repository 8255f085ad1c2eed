"""Reads a policy file.

version = "2026-11-24.3"

[[block]]
type = "Product"
ids = ["p17"]                     # or ids_file = "recalled.csv", or where = { status = "..." }
reason = "RECALLED"
until = 2027-01-01T00:00:00Z

[[licence]]
categories = ["alcohol"]
holders = { Shop = ["s1"], Creator = ["c3"] }

own_blocks_file = "own-blocks.parquet"    # columns: user, type, id
"""

from pathlib import Path
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from graphdb.errors import FileFormatError, PolicyError
from graphdb.files.tables import open_table_file
from graphdb.toml_file import TomlFile
from graphrec.query.policy.document import (
    Block,
    BlockFields,
    Licence,
    LicenceFields,
    OwnBlock,
    OwnBlockFields,
    Policy,
)


class _BlockEntry(BlockFields):
    named_by: ClassVar = ("ids", "ids_file", "where")

    ids_file: str | None = None


class _PolicyFile(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str = Field(min_length=1)
    own_blocks_file: str | None = None
    block: tuple[_BlockEntry, ...] = ()
    licence: tuple[LicenceFields, ...] = ()
    own_block: tuple[OwnBlockFields, ...] = ()


def read_policy(path: str | Path) -> Policy:
    """Reads and checks a policy file; tables that it names are looked for beside it.

    Raises:
        PolicyError: The file or one of its tables cannot be read or is not well formed; the
            message names the line and the nearest valid key.
    """
    file = TomlFile(path, _PolicyFile, PolicyError)
    content, folder = file.content, Path(path).parent
    blocks, warnings = [], []
    for entry in content.block:
        fields = {name: getattr(entry, name) for name in BlockFields.model_fields}
        if entry.ids_file is not None:
            fields["ids"] = tuple(_columns(folder / entry.ids_file, ("id",))[0])
            if not fields["ids"]:  # a list of recalls may be empty, and blocks nothing then
                path = folder / entry.ids_file
                warnings.append(f"'{path}' names nothing: {entry.reason} bars nothing")
                continue
        blocks.append(Block(**fields))
    own_blocks = [OwnBlock(**entry.model_dump()) for entry in content.own_block]
    if content.own_blocks_file is not None:
        columns = _columns(folder / content.own_blocks_file, ("user", "type", "id"))
        if not columns[0]:
            warnings.append(f"'{folder / content.own_blocks_file}' names no own blocks")
        own_blocks += [
            OwnBlock(user=user, type=node_type, ids=node_id)
            for user, node_type, node_id in zip(*columns, strict=True)
        ]
    return Policy(
        version=content.version,
        blocks=tuple(blocks),
        licences=tuple(Licence(**entry.model_dump()) for entry in content.licence),
        own_blocks=tuple(own_blocks),
        warnings=tuple(warnings),
    )


def _columns(path: Path, names: tuple[str, ...]) -> list[list[str]]:
    """The columns of a table file, as text.

    A rule that cannot be read must not be lost, so a bad row is an error here.
    """
    try:
        table = open_table_file(path)
        if missing := [name for name in names if name not in table.column_names]:
            raise PolicyError(
                f"'{path}' has no column '{missing[0]}'",
                expected="the columns " + ", ".join(names),
                value=missing[0],
            )
        bad: list[str] = []
        columns: list[list[Any]] = [[] for _ in names]
        for batch in table.batches(names, lambda row, _, why: bad.append(f"row {row}: {why}")):
            for column, name in zip(columns, names, strict=True):
                column += batch.column(name).cast("string").to_pylist()
    except FileFormatError as error:
        raise PolicyError(str(error), value=str(path)) from error
    bad += [
        f"row {column.index(None) + 1} has no {name}"
        for name, column in zip(names, columns, strict=True)
        if None in column
    ]
    if bad:
        raise PolicyError(f"'{path}', {bad[0]}", next_step="mend the file", value=bad[0])
    return columns
