"""Every saved query, on a whole world: finds something, by an index, without a complaint.

And docs/explore.md, which asks them of the same world.
"""

import neo4j
import pytest
from pages.markdown import lines_of, run_line, texts

from graphdb import SCHEMA
from graphdb.explore import FoundNode, ask, queries_for, saved_queries

NAMES = [query.name for query in saved_queries()]
QUERIES = {query.name: query for query in saved_queries()}
SCANS = (
    "AllNodesScan",
    "NodeByLabelScan",
    "DirectedRelationshipTypeScan",
    "UndirectedRelationship",
)


@pytest.mark.parametrize("name", NAMES)
def test_it_finds_rows_with_bound_and_with_written_values(settings, world, name):
    query = QUERIES[name]
    bound = ask(settings.uri, query.text, world.values(query))
    assert bound.rows
    written = ask(settings.uri, query.filled(world.values(query)))
    assert written == bound


MOST_NODES, MOST_PAIRS = 32, 75
"""What one can still tell apart in a drawing, with all edges between its nodes."""
AMONG = (
    "MATCH (n)--(m) WHERE elementId(n) IN $ids AND elementId(m) IN $ids"
    " AND elementId(n) < elementId(m) RETURN count(DISTINCT [n, m])"
)


@pytest.mark.parametrize("name", NAMES)
def test_it_is_a_small_drawing_with_the_asked_nodes(plain, world, name):
    """With Browser's "connect result nodes" on as well, which adds all edges between them."""
    query = QUERIES[name]
    values = world.values(query)
    graph = plain.execute_query(query.text, values, result_transformer_=neo4j.Result.graph)
    drawn = {node.element_id: node for node in graph.nodes}
    assert len(drawn) <= MOST_NODES
    ((connected,),) = plain.execute_query(AMONG, ids=list(drawn)).records
    assert connected <= MOST_PAIRS
    labels = [next(iter(node.labels)) for node in drawn.values()]
    assert set(labels) <= SCHEMA.node_types.keys()
    nodes = zip(labels, drawn.values(), strict=True)
    ids = {(label, node[SCHEMA.node_type(label).key]) for label, node in nodes}
    assert {*zip(query.asks_about(SCHEMA), values.values(), strict=True)} <= ids


@pytest.mark.parametrize("name", NAMES)
def test_it_starts_from_an_index_and_scans_nothing(plain, world, name):
    query = QUERIES[name]
    for text in (query.text, query.filled(world.values(query))):
        plan, _ = explained(plain, text, world.values(query))
        assert any(step.startswith("NodeUniqueIndexSeek") for step in plan)
        assert not [step for step in plan if step.startswith(SCANS)]


@pytest.mark.parametrize("name", NAMES)
def test_the_browser_has_nothing_to_warn_of(plain, world, name):
    query = QUERIES[name]
    _, remarks = explained(plain, query.text, world.values(query))
    # Releases have vector properties of different names, and no index on a property is missed.
    known = ["PERFORMANCE"] if "[release.embedding]" in query.cypher else []
    assert remarks == known


@pytest.mark.parametrize("node_type", SCHEMA.node_types)
def test_the_neighbors_of_a_node_of_any_type(settings, plain, world, node_type):  # noqa: ARG001
    query = queries_for(SCHEMA, node_type)["neighbors"]
    (key,) = SCHEMA.key(node_type)
    ((node_id,),) = plain.execute_query(f"MATCH (n:{node_type}) RETURN n.{key} LIMIT 1").records
    answer = ask(settings.uri, query.text, {key: node_id})
    assert {row[0].node_id for row in answer.rows} == {node_id}
    assert all(row[1].nodes[0] == row[0] for row in answer.rows)
    plan, _ = explained(plain, query.text, {key: node_id})
    assert not [step for step in plan if step.startswith(SCANS)]


def test_vectors_do_not_come_along(settings, world):
    query = QUERIES["nearest-products"]
    answer = ask(settings.uri, query.text, world.values(query))
    node = answer.rows[0][answer.columns.index("p")]
    assert isinstance(node, FoundNode)
    assert set(node.fields) <= {column.name for column in SCHEMA.columns("Product")}


@pytest.mark.usefixtures("world")
def test_the_page_is_true(settings, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NEO4J_URI", settings.uri)
    lines = [line for block in texts("docs/explore.md", "sh") for line in lines_of(block)]
    started, *asked = lines
    assert started.startswith('eval "$(scripts/neo4j start)"'), "as the tests' server was"
    loaded, *asked = asked
    assert loaded == 'graphrec ingest synthetic:20000 "$NEO4J_URI"', "as the world was"
    said = [run_line(line) for line in asked]
    assert (tmp_path / "browser" / "graphrec.grass").is_file()
    assert any("/browser/" in text for text in said)
    assert all(said)
    (code,) = texts("docs/explore.md", "python")
    exec(compile(code.replace("neo4j://127.0.0.1:7687", settings.uri), "explore.md", "exec"), {})
    assert "'users': " in capsys.readouterr().out


def explained(plain, text, values) -> tuple[list[str], list[str]]:
    """The steps of the server's plan, and the kinds of its remarks, such as DEPRECATION."""
    with plain.session() as session:
        summary = session.run(f"EXPLAIN {text}", values).consume()
    steps: list[str] = []
    waiting = [summary.plan]
    while waiting:
        step = waiting.pop()
        steps.append(step["operatorType"])
        waiting += step.get("children", [])
    statuses = summary.gql_status_objects
    return steps, sorted({it.raw_classification for it in statuses if it.raw_classification})
