"""docs/schema.md: the table of types in `graphdb/schema.py`, for people."""

import json
from collections.abc import Iterator

from doc_pages.markdown import code, number, page, table
from graphdb import SCHEMA
from graphdb.schema_types import NodeType, Property, Relation

INTRO = """\
The node types and relations of the graph, with the columns of their tables. Column
names are those of [your own tables](own-data.md), of the stores and of
[snapshots](formats.md). [schema.json](schema.json) has the same for programs. A TOML
file can add to this ([types of your own](own-data.md#types-of-your-own)).

- Kinds: `string` (UTF-8), `int` (64 bits), `float` (64 bits), `bool`, `timestamp` (UTC,
  microseconds).
- Every node has its key, which is a `string` of 1 to 256 characters, and `created_at`.
- A string is 1,000 characters long at most. Numbers are finite.
- Where nothing else is said a column may be empty.""".splitlines()

RELATIONS = """\
**Events** are what a user did at a moment. **Edges** hold until they are changed. All
have `source_id` and `target_id`, the keys of their ends; events have `at` besides, edges
may have `since`.

*Identified by* says which columns make an edge the same edge: the same again is an update, not a
second one. Where the time (`at` or `since`) is not among them, the newest row stands, whatever the
order of rows, files and ingests: each value is the one of the newest row that gives it, and of two
rows of one time the greater value stands. An empty `since` is older than any time.
*Weight* is how much one event says about taste beside the others; 0 says nothing, below 0 speaks
against.
*One target*: a source has one such edge at most, and a newer one replaces the old.""".splitlines()


def schema_json() -> str:
    """The same for programs: what a snapshot's manifest holds as `graph_schema`."""
    return json.dumps(SCHEMA.to_dict(), indent=1) + "\n"


def schema_page() -> str:
    return page(
        "The schema",
        "graphdb/schema.py",
        INTRO,
        ["## Node types"],
        _node_types(),
        *(_properties(f"### {of.name}", of.doc, of.properties) for of in _with_properties()),
        ["## Relations"],
        RELATIONS,
        _relations(),
        ["### What every event carries"],
        _columns(column for column in _shared_by_events()),
        *(
            _properties(f"### {relation.name}", relation.doc, relation.properties)
            for relation in SCHEMA.relations.values()
            if relation.properties
        ),
    )


def _node_types() -> list[str]:
    return table(
        ["type", "key", "what it is", "properties"],
        (
            [of.name, f"`{of.key}`", of.doc, code(column.name for column in of.properties)]
            for of in SCHEMA.node_types.values()
        ),
    )


def _with_properties() -> list[NodeType]:
    return [of for of in SCHEMA.node_types.values() if of.properties]


def _relations() -> list[str]:
    headings = ["relation", "from, to", "what it says", "sort", "weight", "identified by", "notes"]
    return table(headings, map(_relation, SCHEMA.relations.values()))


def _relation(relation: Relation) -> list[str]:
    return [
        relation.name,
        "; ".join(f"{source} to {target}" for source, target in relation.ends),
        relation.doc,
        "event" if relation.is_event else "edge",
        number(relation.event_weight) if relation.is_event else "",
        code(relation.key),
        "one target" if relation.one_target else "",
    ]


def _shared_by_events() -> list[Property]:
    """What stands in the table of an event that may repeat, beside its ends and its own."""
    event = next(relation for relation in SCHEMA.relations.values() if relation.repeats)
    own = {column.name for column in event.properties}
    return [
        column
        for column in event.columns
        if column.name not in own and not column.name.endswith(("source_id", "target_id"))
    ]


def _properties(heading: str, doc: str, properties: tuple[Property, ...]) -> list[str]:
    return [heading, "", doc, "", *_columns(iter(properties))]


def _columns(columns: Iterator[Property]) -> list[str]:
    return table(
        ["column", "kind", "rules", "what it is"],
        ([f"`{column.name}`", column.kind, _rules(column), column.doc] for column in columns),
    )


def _rules(column: Property) -> str:
    rules = ["never empty"] if column.required else []
    if column.choices:
        rules.append("one of " + code(column.choices))
    if column.minimum is not None:
        rules.append(f"{number(column.minimum)} or more")
    if column.maximum is not None:
        rules.append(f"{number(column.maximum)} or less")
    return "; ".join(rules)
