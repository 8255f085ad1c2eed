"""Declares the base schema of the e-commerce graph and extends it from TOML files.

Store layouts, constraints, HeteroData keys, validation and docs are derived from `SCHEMA`. Only
this table and the sources name types; other code asks the schema. A TOML file may add properties,
node types and relations:

[node.Product.property.material]
kind = "string"
doc = "What it is made of."

[node.Warehouse]
doc = "Where stock lies."

[relation.STORED_IN]
doc = "Has stock there."
ends = [["Product", "Warehouse"]]
"""

import re
from dataclasses import replace
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, model_validator

from graphdb.checked_schema import NODE_NAME, PROPERTY_NAME, RELATION_NAME, Schema
from graphdb.documents import TomlFile
from graphdb.errors import SchemaError, nearest
from graphdb.schema_types import Kind, NodeType, Property, Relation

_NAME = Property("name", Kind.STRING, "Display name.")


def _text(name: str, doc: str, *choices: str) -> Property:
    return Property(name, Kind.STRING, doc, choices=choices)


def _number(
    name: str, doc: str, minimum: float | None = 0, maximum: float | None = None
) -> Property:
    return Property(name, Kind.FLOAT, doc, minimum=minimum, maximum=maximum)


NODE_TYPES = (
    NodeType(
        "User",
        "A shopper.",
        (
            _text("age_band", "Age group, as the platform names it."),
            _text("gender", "Gender, as the user gave it."),
            _text("city", "Where the user lives."),
            _text("income_band", "Household income group."),
            _text("household", "Members of the household, such as '2 Adults Kids'."),
        ),
    ),
    NodeType(
        "Creator",
        "Someone who shows products to followers, in short videos or live.",
        (_NAME, Property("followers", Kind.INT, "Number of followers.", minimum=0)),
    ),
    NodeType(
        "Product",
        "Something on sale.",
        (
            Property("title", Kind.STRING, "Product title, as shoppers see it."),
            _number("price", "Current unit price, in the shop's currency."),
            _text("size", "Package size, such as '12 OZ'."),
            _text("status", "Whether it can be bought.", "active", "out_of_stock", "withdrawn"),
            Property("stock", Kind.INT, "Units in stock.", minimum=0),
        ),
    ),
    NodeType(
        "Brand",
        "A maker of products.",
        (_NAME, Property("private_label", Kind.BOOL, "Whether the shop that sells it owns it.")),
    ),
    NodeType("Shop", "A brand's account or a store that sells products.", (_NAME,)),
    NodeType("Category", "A category in the category tree.", (_NAME,)),
    NodeType(
        "PriceBand",
        "A range of prices; derived from product prices at ingest.",
        (
            _NAME,
            _number("low", "Lowest price in the band."),
            _number("high", "Prices in the band are below this."),
        ),
    ),
    NodeType(
        "Tag",
        "A style, trend or function that products share.",
        (_NAME, _text("kind", "Kind of tag.", "style", "trend", "function", "other")),
    ),
    NodeType(
        "Content",
        "A short video or a live session.",
        (
            Property("title", Kind.STRING, "Title that the creator gave it."),
            _text("kind", "Kind of content.", "short_video", "live"),
            _number("duration_s", "Length in seconds."),
        ),
    ),
    NodeType("Agency", "A company that manages creators.", (_NAME,)),
)

RELATIONS = (
    Relation(
        "VIEWED",
        "Opened the product's page.",
        (("User", "Product"),),
        is_event=True,
        repeats=True,
        event_weight=1,
    ),
    Relation(
        "CARTED",
        "Put the product into the cart.",
        (("User", "Product"),),
        is_event=True,
        repeats=True,
        event_weight=3,
    ),
    Relation(
        "PURCHASED",
        "Bought the product.",
        (("User", "Product"),),
        (_number("discount", "Money taken off the shelf price of this line."),),
        is_event=True,
        repeats=True,
        event_weight=5,
    ),
    Relation(
        "RETURNED",
        "Returned a bought product.",
        (("User", "Product"),),
        (_text("reason", "Why the product was returned."),),
        is_event=True,
        repeats=True,
        event_weight=-4,
    ),
    Relation(
        "RATED",
        "Rated the product with stars; the newest rating counts.",
        (("User", "Product"),),
        (Property("stars", Kind.FLOAT, "From 1 to 5.", required=True, minimum=1, maximum=5),),
        is_event=True,
    ),
    Relation(
        "FOLLOWS",
        "Follows the creator or brand.",
        (("User", "Creator"), ("User", "Brand")),
        is_event=True,
        event_weight=2,
    ),
    Relation(
        "WATCHED",
        "Watched the content.",
        (("User", "Content"),),
        (_number("watched_s", "Seconds watched."),),
        is_event=True,
        repeats=True,
        event_weight=1,
    ),
    Relation(
        "LIKED",
        "Liked the content.",
        (("User", "Content"),),
        is_event=True,
        event_weight=2,
    ),
    Relation("PUBLISHED", "Made the content.", (("Creator", "Content"),)),
    Relation("FEATURES", "Shows the product.", (("Content", "Product"),)),
    Relation("PROMOTES", "Promotes the product for commission.", (("Creator", "Product"),)),
    Relation("MADE_BY", "Is made by the brand.", (("Product", "Brand"),), one_target=True),
    Relation("SOLD_BY", "Is sold by the shop.", (("Product", "Shop"),)),
    Relation("RUN_BY", "Belongs to the brand.", (("Shop", "Brand"),), one_target=True),
    Relation("IN_CATEGORY", "Belongs to the category.", (("Product", "Category"),)),
    Relation(
        "CHILD_OF",
        "Is a subcategory of the category.",
        (("Category", "Category"),),
        one_target=True,
    ),
    Relation(
        "IN_PRICE_BAND",
        "Has a price in the band; derived from product prices at ingest.",
        (("Product", "PriceBand"),),
        one_target=True,
    ),
    Relation("TAGGED", "Has the style, trend or function.", (("Product", "Tag"),)),
    Relation("MANAGED_BY", "Is managed by the agency.", (("Creator", "Agency"),), one_target=True),
    Relation("ALSO_BOUGHT", "Its buyers also bought the other.", (("Product", "Product"),)),
    Relation("ALSO_VIEWED", "Its viewers also viewed the other.", (("Product", "Product"),)),
    Relation("BOUGHT_TOGETHER", "Is often bought in the same order.", (("Product", "Product"),)),
)

SCHEMA = Schema(
    {node_type.name: node_type for node_type in NODE_TYPES},
    {relation.name: relation for relation in RELATIONS},
)
"""The base schema: all node types and relations of docs/schema.md."""


_FORBID = ConfigDict(frozen=True, extra="forbid")


class PropertyEntry(BaseModel):
    """A property, as a TOML file declares it. See `Property`."""

    model_config = _FORBID

    kind: Kind
    doc: str = ""
    required: bool = False
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    max_length: int = Field(default=1000, ge=1, le=100_000)


class NodeEntry(BaseModel):
    """A new or existing node type; its properties are added to the existing ones."""

    model_config = _FORBID

    doc: str = ""
    property: dict[str, PropertyEntry] = {}


class RelationEntry(BaseModel):
    """A new or existing relation; its ends and properties are added to the existing ones."""

    model_config = _FORBID

    doc: str = ""
    ends: tuple[tuple[str, str], ...] = ()
    property: dict[str, PropertyEntry] = {}
    is_event: bool = False
    repeats: bool = False
    one_target: bool = False
    event_weight: float = Field(default=0.0, ge=-100, le=100)

    @model_validator(mode="after")
    def _fits_together(self) -> "RelationEntry":
        if self.repeats and not self.is_event:
            raise ValueError("only events can repeat; set is_event = true")
        if self.repeats and self.one_target:
            raise ValueError("a relation with one target per source cannot repeat")
        return self


_RENAMED = {"behaviour_weight": "it is 'event_weight' now"}
"""What to write in the place of keys that older releases had."""


class SchemaFile(BaseModel):
    """A whole schema extension."""

    model_config = _FORBID

    node: dict[str, NodeEntry] = {}
    relation: dict[str, RelationEntry] = {}


def extend_schema(path: str | Path, base: Schema = SCHEMA) -> Schema:
    """Returns the base schema with the additions of a TOML file.

    Raises:
        SchemaError: The file is not valid; the message names the line and the nearest valid key.
    """
    file = TomlFile(path, SchemaFile, SchemaError, _RENAMED)
    node_types = dict(base.node_types)
    for name, node in file.content.node.items():
        _check_name(file, ("node", name), NODE_NAME, "Warehouse")
        known = node_types.get(name, NodeType(name, node.doc))
        added = _properties(file, ("node", name), node.property, known.columns)
        node_types[name] = replace(known, properties=known.properties + added)
    relations = dict(base.relations)
    for name, entry in file.content.relation.items():
        _check_name(file, ("relation", name), RELATION_NAME, "STORED_IN")
        _check_ends(file, name, entry, list(node_types), is_new=name not in relations)
        before = relations.get(name)
        extended = _changed(file, before, entry) if before else _new_relation(name, entry)
        relations[name] = replace(
            extended,
            ends=tuple(dict.fromkeys((*extended.ends, *entry.ends))),
            properties=extended.properties
            + _properties(file, ("relation", name), entry.property, extended.columns),
        )
    return Schema(node_types, relations)


def _new_relation(name: str, entry: RelationEntry) -> Relation:
    return Relation(
        name,
        entry.doc,
        (),
        is_event=entry.is_event,
        repeats=entry.repeats,
        one_target=entry.one_target,
        event_weight=entry.event_weight,
    )


def _changed(file: TomlFile[SchemaFile], known: Relation, entry: RelationEntry) -> Relation:
    """Returns an existing relation with the settings that the file gives."""
    for name in ("is_event", "repeats"):
        if name in entry.model_fields_set and getattr(entry, name) != getattr(known, name):
            where = ("relation", known.name, name)
            what = f"{known.name} exists, and its '{name}' cannot change"
            raise file.error(where, what, expected=str(getattr(known, name)).lower())
    if entry.one_target and known.repeats:
        what = f"{known.name} repeats, so it cannot have one target per source"
        raise file.error(("relation", known.name, "one_target"), what, expected="false")
    given = {"one_target", "event_weight"} & entry.model_fields_set
    return replace(known, **{name: getattr(entry, name) for name in given})


def _properties(
    file: TomlFile[SchemaFile],
    where: tuple[str, str],
    entries: dict[str, PropertyEntry],
    taken: tuple[Property, ...],
) -> tuple[Property, ...]:
    for name in entries:
        here = (*where, "property", name)
        _check_name(file, here, PROPERTY_NAME, "material")
        if name in {column.name for column in taken}:
            what = f"{where[1]} has a property '{name}' already"
            raise file.error(here, what, expected="a new name", value=name)
    return tuple(Property(name, **dict(entry)) for name, entry in entries.items())


def _check_ends(
    file: TomlFile[SchemaFile],
    name: str,
    entry: RelationEntry,
    node_types: list[str],
    *,
    is_new: bool,
) -> None:
    if not entry.ends and is_new:
        what = f"the new relation {name} connects nothing"
        raise file.error(("relation", name), what, expected='ends = [["Source", "Target"], ...]')
    for end in (end for pair in entry.ends for end in pair):
        if end not in node_types:
            what = f"{name} ends at the unknown node type '{end}'"
            suggestion = nearest(end, node_types)
            raise file.error(("relation", name, "ends"), what, next_step=suggestion, value=end)


def _check_name(
    file: TomlFile[SchemaFile], where: tuple[str, ...], pattern: re.Pattern[str], example: str
) -> None:
    if not pattern.fullmatch(where[-1]):
        what = f"'{where[-1]}' cannot be a name here"
        raise file.error(where, what, expected=f"a name like {example}", value=where[-1])
