"""Parses the options that commands share: nodes, node types, events, filters and reranking.

Filters are --category, --brand, price limits, and any other field as FIELD=VALUE. Events describe
what an unknown user did recently. The remaining options shape a list beyond affinity: value, new
items, diversity, and what counts as already seen.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from graphdb.checked_schema import Schema
from graphdb.errors import nearest
from graphdb.schema_types import Kind
from graphrec.query import Filters, Seen
from graphrec.query.facts import Language
from graphrec.query.fold_in import Event
from graphrec.query.options import Repeats

_DEFAULT_TARGETS = {"User": "Product"}
_DEFAULT_TARGET = "User"


def parse_node(schema: Schema, text: str) -> tuple[str, str]:
    """Reads 'User:42' into ('User', '42'); the id may hold further colons.

    >>> from graphdb.schema import SCHEMA
    >>> parse_node(SCHEMA, "product:a:1")
    ('Product', 'a:1')
    """
    name, colon, node_id = text.partition(":")
    if not colon or not node_id:
        raise typer.BadParameter(f"'{text}' is not a node; write TYPE:ID, such as User:42")
    return parse_type(schema, name), node_id


def parse_type(schema: Schema, text: str) -> str:
    """Reads a node type in any case, singular or plural.

    >>> from graphdb.schema import SCHEMA
    >>> parse_type(SCHEMA, "categories"), parse_type(SCHEMA, "product")
    ('Category', 'Product')
    """
    for name in schema.node_types:
        if text.casefold() in (name.casefold(), plural(name).casefold()):
            return name
    hint = nearest(text, list(schema.node_types))
    known = ", ".join(schema.node_types)
    raise typer.BadParameter(f"'{text}' is not a node type; {hint or f'there are {known}'}")


def parse_target(schema: Schema, text: str | None, query_type: str) -> str:
    """Reads the node type to recommend; by default products for a user and users for the rest.

    >>> from graphdb.schema import SCHEMA
    >>> parse_target(SCHEMA, None, "User"), parse_target(SCHEMA, "brands", "User")
    ('Product', 'Brand')
    """
    if text:
        return parse_type(schema, text)
    return _DEFAULT_TARGETS.get(query_type, _DEFAULT_TARGET)


def read_lines(file: Path) -> list[str]:
    """Returns the nonempty lines of a file, without a byte order mark."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise typer.BadParameter(f"'{file}' is not UTF-8 text") from error
    return [line.strip() for line in text.split("\n") if line.strip()]


def plural(name: str) -> str:
    """Returns a node type in the plural, as `--target` takes it.

    >>> plural("Category"), plural("User")
    ('categories', 'users')
    """
    name = name.lower()
    return name[:-1] + "ies" if name.endswith("y") else name + "s"


EventOption = Annotated[
    list[str],
    typer.Option(
        "--event",
        "-e",
        metavar="RELATION:ID[@TIME]",
        help="An event of an unknown user, such as PURCHASED:42 or VIEWED:7@2026-11-01T18:30, "
        "instead of a query node; or with a user, one since the bundle was trained. Repeatable.",
    ),
]


def parse_events(words: Sequence[str]) -> list[Event]:
    """Reads 'RELATION:ID' words, with an optional time; UTC if it has no timezone.

    >>> parse_events(["PURCHASED:p:1", "VIEWED:a@b"])
    [('PURCHASED', 'p:1', None), ('VIEWED', 'a@b', None)]
    >>> parse_events(["VIEWED:p2@2026-11-01"])[0][2].isoformat()
    '2026-11-01T00:00:00+00:00'
    """
    return [_event(word) for word in words]


def _event(word: str) -> Event:
    relation, colon, rest = word.partition(":")
    if not colon or not rest or not relation:
        raise typer.BadParameter(
            f"'{word}' is not an event; write RELATION:ID, such as PURCHASED:42",
            param_hint="--event",
        )
    node_id, at, text = rest.rpartition("@")
    try:
        moment = _moment(text) if at and node_id else None
    except ValueError:
        moment = None  # an id may contain an @
    if moment is None:
        return relation, rest, None
    return relation, node_id, moment


HalfLifeOption = Annotated[
    float,
    typer.Option("--half-life-days", min=0, help="The age in days at which an event counts half."),
]

CategoryOption = Annotated[
    list[str],
    typer.Option(help="Only this category and its subcategories: id or name. Repeatable."),
]
BrandOption = Annotated[list[str], typer.Option(help="Only this brand: id or name. Repeatable.")]
PriceMinOption = Annotated[float | None, typer.Option(help="The lowest price.")]
PriceMaxOption = Annotated[float | None, typer.Option(help="The highest price.")]
FilterOption = Annotated[
    list[str],
    typer.Option(
        "--filter",
        "-f",
        metavar="FIELD=VALUE",
        help="Any filter, such as shops=s1, status=active, in_stock=yes or listed_since=2026-11-01,"
        " or any property of the results, such as followers>=1000. Repeatable.",
    ),
]
WithoutOption = Annotated[
    list[str],
    typer.Option(
        "--exclude", metavar="FIELD=VALUE", help="Exclude items that pass this filter. Repeatable."
    ),
]
PolicyOption = Annotated[
    str | None,
    typer.Option(metavar="FILE", help="A policy file (TOML) with the nodes to exclude."),
]

_DATE = "a date such as 2026-11-01"
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
    >>> parse_filters(SCHEMA, "Creator", ["followers>=1000"]).properties
    (('followers', Condition(one_of=None, min=1000, max=None)),)
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
    """Returns the common options as words."""
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
    """Returns the text as a value of the kind."""
    try:
        if kind is Kind.BOOL:
            return _BOOLS[text.casefold()]
        if kind is Kind.TIMESTAMP:
            return _moment(text)
        return {Kind.INT: int, Kind.FLOAT: float}.get(kind, str)(text)
    except (KeyError, ValueError):
        expected = {Kind.BOOL: "yes or no", Kind.TIMESTAMP: _DATE}
        wanted = expected.get(kind, f"a number ({kind.value})")
        raise typer.BadParameter(f"'{word}': '{text}' is not {wanted}") from None


def parse_moment(text: str) -> datetime:
    """Reads a date or time; UTC where it has no timezone.

    >>> parse_moment("2026-11-01").isoformat()
    '2026-11-01T00:00:00+00:00'
    """
    try:
        return _moment(text)
    except ValueError:
        raise typer.BadParameter(f"'{text}' is not {_DATE}") from None


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


Level = Literal["leaf", "all"]
OnUnknown = Literal["error", "popular", "skip"]

ValueWeightOption = Annotated[
    float,
    typer.Option(
        min=0, max=1, help="How to rank: 0 by best fit, 1 by expected net value, or between."
    ),
]
NewItemShareOption = Annotated[
    float, typer.Option(min=0, max=1, help="The share of the places reserved for new items.")
]
NewItemDaysOption = Annotated[
    float, typer.Option(min=0, help="Items listed within this many days are new.")
]
NewItemsAsOfOption = Annotated[
    datetime | None,
    typer.Option(
        parser=parse_moment,
        metavar="TIME",
        help="The time from which ages of items count back, such as 2026-11-01; by default the "
        "newest time of the bundle.",
    ),
]
DiversityOption = Annotated[
    float,
    typer.Option(
        min=0,
        max=1,
        help="How to rank: 0 by affinity, 1 by difference from each other, or between.",
    ),
]
MaxPerBrandOption = Annotated[
    int | None, typer.Option(min=1, help="The most results of one brand.")
]
MaxPerCategoryOption = Annotated[
    int | None, typer.Option(min=1, help="The most results of one category.")
]
MaxPerCreatorOption = Annotated[
    int | None, typer.Option(min=1, help="The most results of one creator.")
]
LevelsOption = Annotated[
    Level,
    typer.Option(help="Which categories to recommend: those without subcategories, or all."),
]
UnsellableOption = Annotated[
    bool,
    typer.Option(
        "--include-unsellable/--exclude-unsellable",
        help="Include products that are withdrawn or out of stock.",
    ),
]
ReasonsOption = Annotated[
    bool,
    typer.Option(
        "--reasons/--no-reasons", help="Say why each result is in the list; slower in batches."
    ),
]
LanguageOption = Annotated[Language, typer.Option(help="The language of the reasons.")]
OnUnknownOption = Annotated[
    OnUnknown,
    typer.Option(
        help="What a query node without known data gets: an error, popular items, or nothing."
    ),
]
ExcludeSeenOption = Annotated[
    bool,
    typer.Option(
        "--exclude-seen/--include-seen",
        help="Exclude seen items, such as purchases, or recommend them too.",
    ),
]
SeenOption = Annotated[
    list[str],
    typer.Option(
        metavar="RELATION",
        help="The events that count as seen and exclude an item, such as VIEWED; by default "
        "purchases and the like. Repeatable.",
    ),
]
SeenDaysOption = Annotated[
    float | None, typer.Option(min=0, help="Count only events within this many days as seen.")
]


RepeatsOption = Annotated[
    Repeats,
    typer.Option(
        help="What becomes of seen items: exclude them, include them among all others, or "
        "recommend only them."
    ),
]
RepeatShareOption = Annotated[
    float | None,
    typer.Option(
        help="With --repeats include, the share of the places that go to repeats, from 0 to 1; by "
        "default the scores decide."
    ),
]
HabitsAsOfOption = Annotated[
    datetime | None,
    typer.Option(
        parser=parse_moment,
        metavar="TIME",
        help="The time for which repeats are predicted, such as 2026-11-01; by default the "
        "newest time of the bundle.",
    ),
]


def as_seen(exclude_seen: bool, relations: list[str], within_days: float | None) -> bool | Seen:
    """Returns the option `exclude_seen` of a query."""
    if not exclude_seen and (relations or within_days is not None):
        raise typer.BadParameter("give either --include-seen or --seen and --seen-days, not both")
    if not relations and within_days is None:
        return exclude_seen
    return Seen(relations=tuple(relations) or None, within_days=within_days)
