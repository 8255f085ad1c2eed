"""docs/schema.md: the table of types in `graphdb/schema.py`, for people."""

import json
from collections.abc import Iterator

from doc_pages.markdown import code, number, page, table
from graphdb import SCHEMA
from graphdb.schema_types import NodeType, Property, Relation

INTRO = """\
This page lists the node types and relations of the graph, with the columns of their tables. Column
names are the same in [your own tables](own-data.md), in stores and in [snapshots](formats.md).
[schema.json](schema.json) has the same content for programs. A TOML file can add to this schema
([types of your own](own-data.md#types-of-your-own)).

- Kinds are `string` (UTF-8), `int` (64 bits), `float` (64 bits), `bool` and `timestamp` (UTC,
  microseconds).
- Every node has a key, a `string` of 1 to 256 characters, and `created_at`.
- A string has at most 1,000 characters. Numbers are finite.
- Columns may be empty unless the rules say otherwise.""".splitlines()

RELATIONS = """\
An **event** is what a user did at a moment. A **static edge** holds until it changes. Both have
`source_id` and `target_id`, the keys of their ends. Events also have `at`; static edges may have
`since`.

- *Identified by* names the columns that identify an edge. A row with the same values updates the
  edge. If the time (`at` or `since`) is not among these columns, the newest row wins, whatever the
  order of rows, files and ingests: each value comes from the newest row that has it. Of two rows
  with the same time, the greater value wins. An empty `since` is older than any time.
- *Weight* is how much one event says about taste, compared with other events. 0 says nothing, and a
  negative weight speaks against the target.
- *One target* means that a source has at most one such edge, and a newer one replaces it.
""".splitlines()


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
        ["### Columns of every event"],
        _columns(column for column in _shared_by_events()),
        *(
            _properties(f"### {relation.name}", relation.doc, relation.properties)
            for relation in SCHEMA.relations.values()
            if relation.properties
        ),
    )


def _node_types() -> list[str]:
    return table(
        ["type", "key", "meaning", "properties"],
        (
            [of.name, f"`{of.key}`", of.doc, code(column.name for column in of.properties)]
            for of in SCHEMA.node_types.values()
        ),
    )


def _with_properties() -> list[NodeType]:
    return [of for of in SCHEMA.node_types.values() if of.properties]


def _relations() -> list[str]:
    headings = ["relation", "from, to", "meaning", "sort", "weight", "identified by", "notes"]
    return table(headings, map(_relation, SCHEMA.relations.values()))


def _relation(relation: Relation) -> list[str]:
    return [
        relation.name,
        "; ".join(f"{source} to {target}" for source, target in relation.ends),
        relation.doc,
        "event" if relation.is_event else "static edge",
        number(relation.event_weight) if relation.is_event else "",
        code(relation.key),
        "one target" if relation.one_target else "",
    ]


def _shared_by_events() -> list[Property]:
    """The columns that all events share, apart from their ends."""
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
        ["column", "kind", "rules", "meaning"],
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
