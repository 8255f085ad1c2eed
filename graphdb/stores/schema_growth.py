"""A store's schema may grow, never shrink or change: what is stored must stay readable."""

from graphdb.errors import SchemaError, StoreError
from graphdb.plain_json import read_json
from graphdb.schema_types import EdgeType, Property, Schema


def kept_schema(declared: str, where: str) -> Schema:
    """The schema that a store keeps about itself.

    Args:
        where: Path or URL of the store, for the message.

    Raises:
        StoreError: It is not one.
    """
    try:
        return Schema.from_dict(read_json(str(declared)))
    except (ValueError, SchemaError) as error:
        raise StoreError(
            f"the store '{where}' keeps a schema that cannot be read: {error}",
            next_step="ingest into another store, or take a copy of this one from before",
            value=where,
        ) from error


def additions(kept: Schema, wanted: Schema) -> list[tuple[str | EdgeType, Property]]:
    """The columns that `wanted` adds to the types of `kept`.

    Raises:
        SchemaError: `wanted` lacks a type or a property of `kept`, changes a property's kind or a
            type's key, or adds a required property to a type that may already have rows.
    """
    added: list[tuple[str | EdgeType, Property]] = []
    wanted_tables = set(wanted.tables())
    lost = [of for of in kept.tables() if of not in wanted_tables]
    if lost:
        raise SchemaError(
            f"the schema lacks '{lost[0]}', which the store has",
            next_step="extend the schema the store was made with",
            value=lost[0],
        )
    for of in kept.tables():
        if kept.key(of) != wanted.key(of):
            raise SchemaError(f"the schema gives {of} another key than the store has", value=of)
        before = {column.name: column for column in kept.columns(of)}
        after = {column.name: column for column in wanted.columns(of)}
        for name, column in before.items():
            if name not in after or after[name].kind != column.kind:
                raise SchemaError(
                    f"the schema drops or changes {of}.{name}, which the store has",
                    expected=f"{name} as {column.kind}",
                    value=name,
                )
        for name in after.keys() - before.keys():
            if after[name].required:
                raise SchemaError(
                    f"{of}.{name} is new and required, but the store may have rows without it",
                    next_step="make it optional",
                    value=name,
                )
        added += [(of, after[name]) for name in after if name not in before]
    return added
