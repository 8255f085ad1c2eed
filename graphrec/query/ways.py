"""Which filters work on which targets, as ways through the graph."""

from collections.abc import Mapping

from graphrec.query.paths import Steps

NAMED: Mapping[str, str] = {
    "categories": "Category",
    "brands": "Brand",
    "shops": "Shop",
    "tags": "Tag",
    "creators": "Creator",
    "agencies": "Agency",
    "price_bands": "PriceBand",
}
"""Per filter that names nodes, their type."""

_FROM_PRODUCT: Mapping[str, tuple[Steps, ...]] = {
    "Product": ((),),
    "Creator": (("~PROMOTES",), ("~FEATURES", "~PUBLISHED")),
    "Content": (("~FEATURES",),),
    "Shop": (("SOLD_BY",),),
    "Brand": (("MADE_BY",),),
}
_TO_PRODUCT: Mapping[str, tuple[Steps, ...]] = {
    "categories": (("~IN_CATEGORY",),),
    "brands": (("~MADE_BY",),),
    "shops": (("~SOLD_BY",),),
    "tags": (("~TAGGED",),),
    "creators": (("PROMOTES",), ("PUBLISHED", "FEATURES")),
    "price_bands": (("~IN_PRICE_BAND",),),
}
_SHORTER: Mapping[tuple[str, str], tuple[Steps, ...]] = {
    ("categories", "Category"): ((),),
    ("brands", "Brand"): ((),),
    ("brands", "Shop"): (("~RUN_BY",), ("~MADE_BY", "SOLD_BY")),
    ("shops", "Shop"): ((),),
    ("shops", "Brand"): (("RUN_BY",), ("~SOLD_BY", "MADE_BY")),
    ("creators", "Creator"): ((),),
    ("creators", "Content"): (("PUBLISHED",),),
    ("agencies", "Creator"): (("~MANAGED_BY",),),
    ("agencies", "Agency"): ((),),
}

WAYS: Mapping[tuple[str, str], tuple[Steps, ...]] = {
    **{
        (field, target): tuple(
            (*to_product, *onwards) for to_product in ways for onwards in from_product
        )
        for field, ways in _TO_PRODUCT.items()
        for target, from_product in _FROM_PRODUCT.items()
    },
    **_SHORTER,
}
"""Per (filter, target type) the ways from the named nodes to the targets that pass."""

OF_PRODUCTS = ("price_min", "price_max", "status", "in_stock")
"""Filters on what only products have."""


def targets_of(field: str) -> tuple[str, ...]:
    """The target types on which a filter works; empty for any type."""
    if field in OF_PRODUCTS:
        return ("Product",)
    return tuple(target for name, target in WAYS if name == field)
