"""Loads the saved Cypher queries and runs queries that may only read the graph.

Each saved query is one Cypher file. The first line is a comment with the title, as Neo4j Browser
needs it; the second line says how to set the parameters there; other comments hold notes.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from graphdb.checked_schema import Schema
from graphdb.errors import StoreError
from graphdb.explore.answers import Answer
from graphdb.printable import literal, quoted
from graphdb.stores.opening import NEO4J_SCHEMES, neo4j_driver_wanted

if TYPE_CHECKING:
    from graphdb.stores.neo4j import Neo4jSettings

_NAMES = (
    "taste",
    "audience",
    "portfolio",
    "shelf",
    "why",
    "lookalikes",
    "creators",
    "blocked",
    "creator-audience",
    "recommended",
    "nearest-products",
    "similar",
    "lookalikes-by-model",
    "creators-by-model",
)
"""In the order of the listing; the first query about a single node type is its default."""

NEIGHBORS = "neighbors"
_PARAMETER = re.compile(r"\$(\w+)")


@dataclass(frozen=True, slots=True)
class SavedQuery:
    """A question about one or two nodes, as Cypher.

    Args:
        text: The Cypher, comments included. A parameter is named after the key of a node type,
            such as `$user_id`.
    """

    name: str
    title: str
    text: str

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of its parameters, in order of appearance."""
        return tuple(dict.fromkeys(_PARAMETER.findall(self.cypher)))

    @property
    def cypher(self) -> str:
        """The text without its comments, which mention parameters of their own."""
        lines = self.text.splitlines(keepends=True)
        return "".join(line for line in lines if not line.startswith("//"))

    @property
    def notes(self) -> str:
        """Further notes; often empty."""
        comments = [line for line in self.text.splitlines() if line.startswith("//")]
        return " ".join(line.removeprefix("//").strip() for line in comments[2:])

    def asks_about(self, schema: Schema) -> tuple[str, ...]:
        """The node type of each parameter."""
        types = {node_type.key: name for name, node_type in schema.node_types.items()}
        return tuple(types[parameter] for parameter in self.parameters)

    def filled(self, values: Mapping[str, str]) -> str:
        r"""Returns the Cypher with its values as literals, for a link; `ask` binds them instead.

        Raises:
            KeyError: A parameter has no value.

        Example:
            >>> SavedQuery("x", "X", "MATCH (u {user_id: $user_id}) RETURN u").filled(
            ...     {"user_id": "it's me"}
            ... )
            "MATCH (u {user_id: 'it\\'s me'}) RETURN u"
        """
        body = _PARAMETER.sub(lambda found: literal(values[found[1]]), self.cypher)
        return f"// {self.title}\n{body}" if self.text.startswith("//") else body


@cache
def saved_queries() -> tuple[SavedQuery, ...]:
    """Returns all saved queries, in the order of the listing."""
    folder = files("graphdb.explore") / "queries"
    texts = {name: (folder / f"{name}.cypher").read_text(encoding="utf-8") for name in _NAMES}
    return tuple(
        SavedQuery(name, text.splitlines()[0].removeprefix("//").strip(), text)
        for name, text in texts.items()
    )


def queries_for(schema: Schema, node_type: str) -> dict[str, SavedQuery]:
    """Returns the queries about a node type, by name; the first is the default.

    Example:
        >>> from graphdb.schema import SCHEMA
        >>> next(iter(queries_for(SCHEMA, "Brand"))), list(queries_for(SCHEMA, "Tag"))
        ('audience', ['neighbors'])
    """
    fitting = [
        query
        for query in saved_queries()
        if set(query.parameters) <= {known.key for known in schema.node_types.values()}
        and query.asks_about(schema)[0] == node_type
    ]
    return {query.name: query for query in [*fitting, _neighbors(schema, node_type)]}


def _neighbors(schema: Schema, node_type: str) -> SavedQuery:
    key = schema.node_type(node_type).key
    text = (
        f"MATCH (n:{quoted(node_type)} {{{quoted(key)}: ${key}}})\n"
        "OPTIONAL MATCH way = (n)--()\n"
        "RETURN n, way LIMIT 25\n"
    )
    title = f"A {node_type} and what is connected to it"
    return SavedQuery(NEIGHBORS, title, f"// {title}\n{text}")


def ask(
    store_url: str,
    cypher: str,
    parameters: Mapping[str, Any] | None = None,
    *,
    limit: int = 1000,
    timeout_s: float = 60.0,
    database: str | None = None,
) -> Answer:
    """Runs a read-only query on a Neo4j server.

    The server refuses every write. graphrec refuses queries that do more than read the graph before
    they run: LOAD CSV, ending transactions, commands about the server and its users, and procedures
    other than those that search indexes or describe the graph.

    User and password come from NEO4J_USER and NEO4J_PASSWORD (or NEO4J_PASSWORD_FILE).

    Args:
        parameters: Values for the `$names` of the query; they are sent as bound parameters, never
            as text.
        limit: The most rows to fetch.
        timeout_s: The seconds after which the server ends the query.
        database: The database to read; by default that of NEO4J_DATABASE, or the default one.

    Raises:
        StoreError: The store is not a Neo4j server or holds no graph of graphrec, or the query is
            wrong, writes, does more than read the graph, or takes too long.
        StoreUnavailableError: The server cannot be reached.
    """
    settings = _settings(store_url, database)
    from graphdb.stores.neo4j.exploring import explore

    return explore(settings, cypher, parameters or {}, limit=limit, timeout_s=timeout_s)


def nearest(
    store_url: str,
    query_type: str,
    query_id: str,
    target_type: str,
    *,
    k: int = 10,
    where: Mapping[str, Any] | None = None,
    database: str | None = None,
) -> Answer:
    """Returns the nodes of a type with the greatest dot products in the published release.

    A server with Cypher's SEARCH (Neo4j 2026) filters inside its vector index. On an older one,
    the 500 nearest are found first and then filtered, so fewer than `k` may be left.

    Args:
        k: The most nodes to return.
        where: A value, or the least and the greatest one, None for no bound, by property: numbers,
            times, booleans and texts with choices. Nodes without the property are left out.
        database: See `ask`.

    Returns:
        The columns `node` and `score`, best first. Scores are those of `graphrec recommend`, up to
        the float32 precision of the index; none of them knows what a user has seen.

    Raises:
        SchemaError: A type or property is unknown, or cannot be filtered by.
        StoreError: The store is not a Neo4j server, or no release with such vectors is published.
        StoreUnavailableError: The server cannot be reached.
    """
    settings = _settings(store_url, database)
    from graphdb.stores.neo4j import exploring

    query_node = (query_type, query_id)
    return exploring.nearest(settings, query_node, target_type, k=k, where=where or {})


def _settings(store_url: str, database: str | None) -> "Neo4jSettings":
    scheme, separator, _ = store_url.partition("://")
    if not separator or scheme not in NEO4J_SCHEMES:
        raise StoreError(
            f"'{store_url}' cannot run Cypher",
            expected="a Neo4j server: neo4j://HOST:PORT or bolt://HOST:PORT",
            value=store_url,
        )
    with neo4j_driver_wanted():
        from graphdb.stores.neo4j import Neo4jSettings
    settings = Neo4jSettings.from_environment(store_url)
    return replace(settings, database=database) if database else settings
