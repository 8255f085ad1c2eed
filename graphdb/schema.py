"""The graph of interest e-commerce, declared once, as data.

Everything else (store layouts, constraints, HeteroData keys, validation, docs) is derived from
`SCHEMA`; outside this table and the sources that fill it, code asks the schema for what it needs.
"""

from graphdb.schema_types import Kind, NodeType, Property, Relation, Schema

_NAME = Property("name", Kind.STRING, "What people call it.")


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
            _text("gender", "As given by the user."),
            _text("city", "Where the user lives."),
            _text("income_band", "Household income group."),
            _text("household", "Who lives together, such as '2 Adults Kids'."),
        ),
    ),
    NodeType(
        "Creator",
        "Someone who shows goods to fans, by short video or live.",
        (_NAME, Property("fans", Kind.INT, "Number of followers.", minimum=0)),
    ),
    NodeType(
        "Product",
        "Something on sale.",
        (
            Property("title", Kind.STRING, "What the shelf says."),
            _number("price", "Current unit price, in the shop's currency."),
            _text("size", "Package size, such as '12 OZ'."),
            _text("status", "Whether it can be bought.", "active", "out_of_stock", "withdrawn"),
            Property("stock", Kind.INT, "Units in stock.", minimum=0),
        ),
    ),
    NodeType(
        "Brand",
        "Who makes products.",
        (_NAME, Property("private_label", Kind.BOOL, "Owned by the shop that sells it.")),
    ),
    NodeType("Shop", "A brand's account or a store that sells products.", (_NAME,)),
    NodeType("Category", "A place in the category tree.", (_NAME,)),
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
        (_NAME, _text("kind", "What sort of tag.", "style", "trend", "function", "other")),
    ),
    NodeType(
        "Content",
        "A short video or a live session.",
        (
            Property("title", Kind.STRING, "What the creator called it."),
            _text("kind", "What sort of content.", "short_video", "live"),
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
        behaviour_weight=1,
    ),
    Relation(
        "CARTED",
        "Put the product into the cart.",
        (("User", "Product"),),
        is_event=True,
        repeats=True,
        behaviour_weight=3,
    ),
    Relation(
        "PURCHASED",
        "Bought the product.",
        (("User", "Product"),),
        (_number("discount", "Money taken off the shelf price of this line."),),
        is_event=True,
        repeats=True,
        behaviour_weight=5,
    ),
    Relation(
        "RETURNED",
        "Sent a bought product back.",
        (("User", "Product"),),
        (_text("reason", "Why it came back."),),
        is_event=True,
        repeats=True,
        behaviour_weight=-4,
    ),
    Relation(
        "RATED",
        "Gave the product stars; the newest rating stands.",
        (("User", "Product"),),
        (Property("stars", Kind.FLOAT, "From 1 to 5.", required=True, minimum=1, maximum=5),),
        is_event=True,
    ),
    Relation(
        "FOLLOWS",
        "Follows the creator or brand.",
        (("User", "Creator"), ("User", "Brand")),
        is_event=True,
        behaviour_weight=2,
    ),
    Relation(
        "WATCHED",
        "Watched the content.",
        (("User", "Content"),),
        (_number("watched_s", "Seconds watched."),),
        is_event=True,
        repeats=True,
        behaviour_weight=1,
    ),
    Relation(
        "LIKED",
        "Liked the content.",
        (("User", "Content"),),
        is_event=True,
        behaviour_weight=2,
    ),
    Relation("PUBLISHED", "Made the content.", (("Creator", "Content"),)),
    Relation("FEATURES", "Shows the product.", (("Content", "Product"),)),
    Relation("PROMOTES", "Carries the product for commission.", (("Creator", "Product"),)),
    Relation("MADE_BY", "Is made by the brand.", (("Product", "Brand"),), one_target=True),
    Relation("SOLD_BY", "Is sold by the shop.", (("Product", "Shop"),)),
    Relation("RUN_BY", "The shop belongs to the brand.", (("Shop", "Brand"),), one_target=True),
    Relation("IN_CATEGORY", "Stands in the category.", (("Product", "Category"),)),
    Relation(
        "CHILD_OF",
        "Is a part of the larger category.",
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
    Relation("ALSO_BOUGHT", "Buyers of one also bought the other.", (("Product", "Product"),)),
    Relation("ALSO_VIEWED", "Viewers of one also viewed the other.", (("Product", "Product"),)),
    Relation("BOUGHT_TOGETHER", "Often in one order.", (("Product", "Product"),)),
)

SCHEMA = Schema(
    {node_type.name: node_type for node_type in NODE_TYPES},
    {relation.name: relation for relation in RELATIONS},
)
