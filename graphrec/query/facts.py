"""The facts of the graph that can connect two nodes, with their sentences: the table facts.csv.

A fact is about a subject and an object. The subject is the user of the two, else the one whose type
stands first in `ORDER`. Sentences leave it out and call the object 'it' or 'they', so they read the
same in a list of products for a user and in a list of users for a product.

Both walk along metapaths (the columns `from` and `to`, several with ' or ') to where they meet: the
user to the products that were bought, the product to its brand. With a `group`, what the subject
reached belongs to groups, and both meet at one of these. TOOK is the relation that the bundle
predicts, ALIKE leads to the users with the most similar purchases. In the sentences, `{n}` counts
what the subject reached and both meet at, `{name}` is the node where they meet, `{m}` of how many
users `{n}` are, and `{bought}` the verb of TOOK.

The order of rows is the order of strength. Of one `family`, only the first is told; facts marked
`few` are looked for only where fewer than `FEW` others were found.
"""

import csv
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, get_args

from graphdb.schema_types import MetaPath, Step
from graphrec.query.metapaths import GROUPS, Paths

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = get_args(Language)
TABLE = Path(__file__).with_name("facts.csv")

ORDER = (
    "User",
    "Creator",
    "Content",
    "Agency",
    "Shop",
    "Brand",
    "PriceBand",
    "Tag",
    "Category",
    "Product",
)
"""Of two nodes, the one whose type stands first is the subject; other types come last."""

MOST_FACTS = 3
"""How many facts are told about two nodes at most."""
FEW = 2
TOOK, ALIKE = "TOOK", "ALIKE"
_ANY = "*"
_STRONGEST = ("CARTED", "PURCHASED", "LIKED", "WATCHED", "FOLLOWS", "RATED", "VIEWED")

Ways = tuple[MetaPath, ...]


@dataclass(frozen=True, slots=True)
class Fact:
    """One kind of fact, with its sentence in one language.

    Args:
        subject: Metapaths from the subject to what is counted; for users alike, from these users.
        object: Metapaths from the object to where both meet.
        one: The sentence for one.
        several: The same for several.
        counted: The type of what is counted.
        meeting: The type of the nodes where both meet.
        is_by_group: Whether these are groups to which what is counted belongs.
        family: Of the facts of one family only the first is told.
        enough: It is looked for only where fewer facts were found.
        is_edge: Whether it is an edge between the two.
        is_against: Whether this edge is an event that speaks against the object, such as a return.
        is_of_alike: Whether users alike are counted, and not what the subject itself reaches.
    """

    subject: Ways
    object: Ways
    one: str
    several: str
    counted: str
    meeting: str
    is_by_group: bool = False
    family: str = ""
    enough: int = MOST_FACTS
    is_edge: bool = False
    is_against: bool = False
    is_of_alike: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """What can be said about two types in one language.

    Args:
        kinds: Of facts, strongest first.
        nothing: What is said where none is found.
        once: `{when}` of one event.
        often: `{when}` of several.
        since: `{since}`.
        sampled: `{m}` where only a sample was looked at.
    """

    kinds: tuple[Fact, ...]
    nothing: str
    once: str
    often: str
    since: str
    sampled: str


class _Table:
    """The table in one language."""

    def __init__(self, rows: Iterable[Mapping[str, str]], language: Language) -> None:
        self.facts: dict[tuple[str, str], list[Mapping[str, str]]] = defaultdict(list)
        self.nothing: dict[tuple[str, str], str] = {}
        self.edges: dict[str, str] = {}
        self.phrases: dict[str, str] = {}
        for row in rows:
            one = row[language]
            match row["kind"]:
                case "fact":
                    several = row[f"{language}_several"] or one
                    self.facts[row["subject"], row["object"]].append(
                        {**row, "one": one, "several": several}
                    )
                case "nothing":
                    self.nothing[row["subject"], row["object"]] = one
                case "edge":
                    self.edges[row["from"]] = one
                case "phrase":
                    self.phrases[row["from"]] = one

    def of_edge(self, relation: str) -> str:
        """What is said of an edge; in general terms for a relation of a user's own schema."""
        return self.edges.get(relation) or self.edges[_ANY].replace("{name}", relation)


@cache
def _table(language: Language) -> _Table:
    with TABLE.open(encoding="utf-8", newline="") as file:
        return _Table(csv.DictReader(file), language)


def phrase(name: str, language: Language) -> str:
    """A phrase of the table that stands by itself, such as 'new_item'."""
    return _table(language).phrases[name]


def facts_between(paths: Paths, subject: str, obj: str, language: Language) -> Facts:
    """What the edges of a bundle can tell about two types."""
    table = _table(language)
    ends = (subject, obj)
    # That nothing was bought is said only where it is known who bought what.
    is_known = "User" not in ends or paths.holds(paths.taken)
    nothing = table.nothing.get(ends) if is_known else None
    kinds = (*_edges(paths, *ends, table), *_facts(paths, *ends, table))
    parts = {name: table.phrases[name] for name in ("once", "often", "since", "sampled")}
    return Facts(kinds, nothing or table.nothing[_ANY, _ANY], **parts)


def _edges(paths: Paths, subject: str, obj: str, table: _Table) -> Iterator[Fact]:
    """Edges between the two: events first, and of these the strongest."""
    found = []
    for edge_type in paths.bundle.edge_types:
        relation = paths.bundle.schema.relation(edge_type.relation)
        name = relation.name
        place = _STRONGEST.index(name) if name in _STRONGEST else len(_STRONGEST)
        for step in (Step(edge_type), Step(edge_type, backwards=True)):
            if (step.source, step.target) == (subject, obj):
                said = table.of_edge(name)
                fact = Fact(
                    (MetaPath(subject, (step,)),),
                    (MetaPath(obj),),
                    said,
                    said,
                    counted=obj,
                    meeting=obj,
                    family=name if subject == obj else "",  # once, in whichever direction
                    is_edge=True,
                    is_against=relation.is_event and relation.event_weight < 0,
                )
                found.append(((not relation.is_event, place, name), fact))
    yield from (fact for _, fact in sorted(found, key=lambda one: one[0]))


def _facts(paths: Paths, subject: str, obj: str, table: _Table) -> Iterator[Fact]:
    took = paths.taken.edge_types[0].relation
    bought = table.phrases.get(f"verb {took}") or table.phrases[f"verb {_ANY}"]
    for row in table.facts.get((subject, obj), ()):
        is_of_alike = f"-{ALIKE}-" in row["from"]
        ways = _held(paths, f"User-{TOOK}-Product" if is_of_alike else row["from"])
        back = _held(paths, row["to"])
        group = row["group"]
        if not ways or not back or (group and not _has_groups(paths, ways, group)):
            continue
        one, several = (row[form].replace("{bought}", bought) for form in ("one", "several"))
        yield Fact(
            ways,
            back,
            one,
            several,
            counted="User" if is_of_alike else ways[0].target,
            meeting=group or back[0].target,
            is_by_group=bool(group),
            family=row["family"],
            enough=FEW if row["few"] else MOST_FACTS,
            is_of_alike=is_of_alike,
        )


def _has_groups(paths: Paths, ways: Ways, group: str) -> bool:
    """Whether what these metapaths reach can be counted by group: products, or what users took."""
    return paths.holds(GROUPS[group]) and (ways[0].target != "User" or paths.holds(paths.taken))


def _held(paths: Paths, texts: str) -> Ways:
    """The metapaths of which the bundle holds every edge type."""
    took = paths.taken.edge_types[0].relation
    ways = (MetaPath.parse(one.replace(TOOK, took)) for one in texts.split(" or "))
    return tuple(way for way in ways if paths.holds(way))
