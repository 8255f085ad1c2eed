"""Defines what a policy says (who and what is excluded, and why) and reads policy files.

See docs/governance.md. A policy file is TOML:

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

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    ValidationError,
    model_validator,
)

from graphdb.documents import TomlFile
from graphdb.errors import FileFormatError, PolicyError
from graphdb.io.table_files import open_table_file
from graphrec.query.conditions import Conditions
from graphrec.query.embeddings import Text, Texts

_FROZEN = ConfigDict(frozen=True, extra="forbid")


ReasonCode = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")]


class Rule(BaseModel):
    """Turns pydantic's complaint into a PolicyError."""

    model_config = _FROZEN

    @model_validator(mode="wrap")
    @classmethod
    def _typed_errors(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        try:
            return handler(data)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or cls.__name__
            raise PolicyError(f"'{where}': {first['msg']}", value=first["input"]) from error


class Timed(BaseModel):
    """Holds from `since` on and before `until`; without them always."""

    model_config = _FROZEN

    since: AwareDatetime | None = None
    until: AwareDatetime | None = None

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Self:
        if self.since is not None and self.until is not None and self.since >= self.until:
            raise ValueError(f"'since' ({self.since}) is not before 'until' ({self.until})")
        return self


class BlockFields(Timed):
    """What a block and its entry in a file have in common."""

    named_by: ClassVar[tuple[str, ...]] = ("ids", "where")

    type: Text
    ids: Texts = ()
    where: Conditions = ()
    reason: ReasonCode
    note: str = ""
    scope: Texts = ()
    allow_unknown: bool = False

    @model_validator(mode="after")
    def _names_nodes(self) -> Self:
        empty = [name for name, condition in self.where if condition.one_of == ()]
        if empty:
            raise ValueError(f"'where.{empty[0]}' is an empty list, which no node meets")
        if [bool(getattr(self, name)) for name in self.named_by].count(True) != 1:
            raise ValueError(f"give one of {', '.join(self.named_by)}, and not an empty one")
        return self


class Block(Rule, BlockFields):
    """Excludes nodes, with everything that belongs to them.

    A brand includes its shops and products, a shop and a tag their products (also those that other
    shops sell too), a category everything below it, a creator the contents, an agency its creators.

    Args:
        type: The node type.
        ids: The nodes. Ids that the bundle does not hold do no harm, because they may come later,
            but at least one must be known, and none may differ from a known one only in spelling.
        where: Conditions on properties, instead of ids.
        reason: A code for programs and statistics, such as 'RECALLED'.
        note: A note for people.
        scope: The types of query nodes to which the block applies, such as ("User",); empty means
            all. Queries without a query node (a vector, an audience) are in every scope.
        allow_unknown: Whether the bundle may hold none of the ids.
    """


class LicenceFields(Timed):
    """What a licence and its entry in a file have in common."""

    categories: Texts = Field(min_length=1)
    holders: Mapping[Literal["Shop", "Brand", "Creator"], Texts] = Field(min_length=1)
    reason: ReasonCode = "NO_LICENCE"
    note: str = ""
    allow_unknown: bool = False


class Licence(Rule, LicenceFields):
    """Requires a licence for products of some categories.

    Args:
        categories: Category ids, including everything below them.
        holders: The ids that have the licence, per type. For 'Shop' and 'Brand', products of other
            sellers or makers, or of unknown ones, are excluded. For 'Creator', other creators
            neither get such products nor are recommended for them. A type that is not named needs
            no licence; with an empty list, nobody has it.
        reason: The reason code of the exclusions.
        allow_unknown: Whether the bundle may hold none of the categories.
    """


class OwnBlockFields(BaseModel):
    """What an own block and its entry in a file have in common."""

    model_config = _FROZEN

    user: Text
    type: Text
    ids: Texts = Field(min_length=1)


class OwnBlock(Rule, OwnBlockFields):
    """Excludes what one user does not want to see, and the user from its audiences."""


class Policy(Rule):
    """A versioned set of rules that exclude nodes.

    Args:
        version: A name that the trace of every answer carries, to tell later which rules applied.
        warnings: Likely mistakes that do no harm, such as an empty list of recalls; they are shown
            wherever the policy is enforced.

    Raises:
        PolicyError: The rules are malformed.

    >>> Policy(version="7", blocks=[Block(type="Product", ids="p1", reason="RECALLED")]).version
    '7'
    """

    version: str = Field(min_length=1)
    blocks: tuple[Block, ...] = ()
    licences: tuple[Licence, ...] = ()
    own_blocks: tuple[OwnBlock, ...] = ()
    warnings: tuple[str, ...] = ()


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
    """Reads and checks a policy file; tables that it names are read from its folder.

    Raises:
        PolicyError: The file or one of its tables cannot be read or is malformed; the message names
            the line and the nearest valid key.
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
