"""Filters on the command line: --category, --brand, prices, and any other as FIELD=VALUE."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from graphdb.errors import nearest
from graphdb.schema_types import Kind, Schema
from graphrec.query import Filters

CategoryOption = Annotated[
    list[str],
    typer.Option(help="Only what is in this category or below it: id or name. Repeatable."),
]
BrandOption = Annotated[
    list[str], typer.Option(help="Only what is of this brand: id or name. Repeatable.")
]
MinPriceOption = Annotated[float | None, typer.Option(help="Lowest price.")]
MaxPriceOption = Annotated[float | None, typer.Option(help="Highest price.")]
FilterOption = Annotated[
    list[str],
    typer.Option(
        "--filter",
        "-f",
        metavar="FIELD=VALUE",
        help="Any filter, such as shops=s1, status=active, in_stock=yes or listed_since=2026-11-01,"
        " or any property of what comes out, such as fans>=1000. Repeatable.",
    ),
]
WithoutOption = Annotated[
    list[str],
    typer.Option(
        "--without", metavar="FIELD=VALUE", help="Leave out what passes this filter. Repeatable."
    ),
]
PolicyOption = Annotated[
    str | None,
    typer.Option(metavar="FILE", help="Policy file (TOML): what must not come out."),
]

_WORD = re.compile(r"^\s*([A-Za-z_]+)\s*(>=|<=|=)\s*(.*?)\s*$")
_BOOLS = {"yes": True, "true": True, "no": False, "false": False}
_LISTS = (
    "ids", "categories", "brands", "shops", "tags", "creators", "agencies", "price_bands", "status",
)  # fmt: skip
_KINDS = {
    "price_min": Kind.FLOAT,
    "price_max": Kind.FLOAT,
    "in_stock": Kind.BOOL,
    "listed_since": Kind.TIMESTAMP,
}


def parse_filters(
    schema: Schema, target_type: str, words: Sequence[str], without: Sequence[str] = ()
) -> Filters:
    """Reads 'FIELD=VALUE' words.

    >>> from graphdb.schema import SCHEMA
    >>> parse_filters(SCHEMA, "Creator", ["fans>=1000"]).properties
    (('fans', Condition(one_of=None, min=1000, max=None)),)
    >>> parse_filters(SCHEMA, "Product", [], ["brands=b1", "brands=b2"]).exclude.brands
    ('b1', 'b2')
    """
    exclude = Filters(**_content(schema, target_type, without)) if without else None
    return Filters(**_content(schema, target_type, words), exclude=exclude)


def as_words(
    categories: Sequence[str],
    brands: Sequence[str],
    price_min: float | None,
    price_max: float | None,
) -> list[str]:
    """The options that most people need, as words."""
    words = [f"categories={name}" for name in categories] + [f"brands={name}" for name in brands]
    words += [] if price_min is None else [f"price_min={price_min}"]
    return words + ([] if price_max is None else [f"price_max={price_max}"])


def _content(schema: Schema, target_type: str, words: Sequence[str]) -> dict[str, Any]:
    content: dict[str, Any] = {}
    properties: dict[str, Any] = {}
    for word in words:
        found = _WORD.match(word)
        if not found:
            raise typer.BadParameter(f"'{word}' is not a filter; write FIELD=VALUE")
        name, sign, text = found.groups()
        if sign == "=" and name == "on_missing":
            content[name] = text
        elif sign == "=" and name in _LISTS:
            content.setdefault(name, []).append(text)
        elif sign == "=" and name in _KINDS:
            content[name] = _value(_KINDS[name], word, text)
        else:
            kind = _kind_of(schema, target_type, name)
            _add(properties, name, sign, _value(kind, word, text), word)
    return {**content, **({"properties": properties} if properties else {})}


def _add(properties: dict[str, Any], name: str, sign: str, value: Any, word: str) -> None:
    given = properties.setdefault(name, [] if sign == "=" else {})
    if isinstance(given, list) != (sign == "="):
        raise typer.BadParameter(f"'{word}': give either values of {name} or a range, not both")
    if sign == "=":
        given.append(value)
    else:
        given["min" if sign == ">=" else "max"] = value


def _kind_of(schema: Schema, target_type: str, name: str) -> Kind:
    kinds = {column.name: column.kind for column in schema.columns(target_type)}
    if name not in kinds:
        known = [*_LISTS, *_KINDS, "on_missing", *kinds]
        hint = nearest(name, known) or "there are " + ", ".join(known)
        raise typer.BadParameter(f"'{name}' is neither a filter nor in {target_type}; {hint}")
    return kinds[name]


def _value(kind: Kind, word: str, text: str) -> Any:
    """The text as a value of that kind."""
    try:
        if kind is Kind.BOOL:
            return _BOOLS[text.casefold()]
        if kind is Kind.TIMESTAMP:
            moment = datetime.fromisoformat(text)
            return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return {Kind.INT: int, Kind.FLOAT: float}.get(kind, str)(text)
    except (KeyError, ValueError):
        expected = {Kind.BOOL: "yes or no", Kind.TIMESTAMP: "a date such as 2026-11-01"}
        wanted = expected.get(kind, f"a number ({kind.value})")
        raise typer.BadParameter(f"'{word}': '{text}' is not {wanted}") from None
