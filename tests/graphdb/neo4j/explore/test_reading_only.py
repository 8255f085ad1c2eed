"""What `ask` runs can change nothing, and no value becomes Cypher."""

import re

import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from neo4j.exceptions import Neo4jError
from pages.markdown import texts

from graphdb import SCHEMA
from graphdb.errors import StoreError, StoreUnavailableError
from graphdb.explore import NEIGHBORS, ask, queries_for
from graphdb.ingestion import ingest
from graphdb.io.mapped_tables import folder_tables
from graphdb.printable import literal

EVIL = "x'}) DETACH DELETE n //&arg=MATCH (n) DETACH DELETE n"


@pytest.fixture
def shop(settings, store, tmp_path):
    """Two users, one of them with an id full of Cypher; gives the server's URL."""
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "User.csv").write_text(f'user_id,city\nann,Paris\n"{EVIL}",Rome\n')
    ingest(folder_tables(folder, SCHEMA), store)
    return settings.uri


@pytest.mark.parametrize(
    "text",
    [
        "CREATE (:Intruder)",
        "MERGE (n:Intruder) RETURN n",
        "MATCH (n:User) SET n.city = 'Oslo'",
        "MATCH (n:User) DETACH DELETE n",
        "MATCH (n:User) CALL { WITH n DELETE n } RETURN 1",
        "MATCH (n) CALL { WITH n DELETE n } IN TRANSACTIONS",
        "CALL db.createLabel('Intruder')",
        "CREATE INDEX intruder FOR (n:User) ON (n.city)",
        "DROP CONSTRAINT `graphrec User`",
    ],
)
def test_the_server_refuses_to_write(shop, plain, text):
    before = everything(plain)
    with pytest.raises(StoreError, match=r"the query writes.*only reading.*nothing changed"):
        ask(shop, text)
    assert everything(plain) == before


def test_reading_goes_on_after_a_refused_write(shop):
    with pytest.raises(StoreError, match="the query writes"):
        ask(shop, "CREATE (:Intruder)")
    assert ask(shop, "MATCH (n:User) RETURN count(n)").rows == [[2]]


def test_an_id_full_of_cypher_is_just_an_id(shop, plain):
    before = everything(plain)
    query = queries_for(SCHEMA, "User")[NEIGHBORS]
    for text, values in ((query.text, {"user_id": EVIL}), (query.filled({"user_id": EVIL}), {})):
        ((node, _),) = ask(shop, text, values).rows
        assert (node.node_id, node.fields["city"]) == (EVIL, "Rome")
    assert not ask(shop, query.text, {"user_id": EVIL + " "}).rows
    assert everything(plain) == before


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text())
@example(text="\\u0027 \\\\u0027 ' \" \\")
@example(text="\U0001f600 \x00 \ufeff \u2028 // /* \r\n ;")
def test_a_literal_means_the_text_it_was_made_of(plain, text):
    ((found,),) = plain.execute_query(f"RETURN {literal(text)}").records
    assert found == text


def test_only_so_many_rows_are_fetched(shop):
    answer = ask(shop, "UNWIND range(1, 1000) AS number RETURN number", limit=3)
    assert (answer.columns, answer.rows) == (["number"], [[1], [2], [3]])


def test_values_of_all_kinds(shop):
    answer = ask(
        shop,
        "RETURN 1 AS i, 1.5 AS f, null AS n, [true, 'a'] AS l, {a: date('2024-06-01')} AS m,"
        " datetime('2024-06-01T10:00:00Z') AS t, point({x: 1, y: 2}) AS p",
    )
    (row,) = answer.to_dicts()
    assert (row["i"], row["f"], row["n"], row["l"]) == (1, 1.5, None, [True, "a"])
    assert row["m"] == {"a": "2024-06-01"}
    assert row["t"].isoformat() == "2024-06-01T10:00:00+00:00"
    assert row["p"] == "CartesianPoint(1.0, 2.0)"


def test_a_wrong_query_says_so(shop):
    with pytest.raises(StoreError, match=r"failed: .*Invalid input 'MTCH'"):
        ask(shop, "MTCH (n) RETURN n")


def test_an_empty_database_is_named_and_left_empty(settings, empty):
    with pytest.raises(StoreError, match=r"no graph of graphrec.*graphrec ingest"):
        ask(settings.uri, "RETURN 1")
    ((nodes,),) = empty.execute_query("MATCH (n) RETURN count(n)").records
    assert nodes == 0


def test_an_unknown_database_is_named(shop):
    with pytest.raises(StoreError, match="has no database 'elsewhere'"):
        ask(shop, "RETURN 1", database="elsewhere")


def test_a_server_with_tls_asked_for_is_never_spoken_to_in_the_clear(shop):
    with pytest.raises(StoreUnavailableError, match="cannot be reached"):
        ask(shop.replace("neo4j://", "bolt+s://").replace("bolt://", "bolt+s://"), "RETURN 1")


@pytest.mark.parametrize("store", ["shop.duckdb", "duckdb:", "redis://db"])
def test_only_a_neo4j_server_runs_cypher(store):
    with pytest.raises(StoreError, match="cannot run Cypher; expected a Neo4j server"):
        ask(store, "RETURN 1")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("LOAD CSV FROM 'file:///etc/passwd' AS line RETURN line", "LoadCSV"),
        ("LOAD CSV FROM 'http://127.0.0.1:1/x' AS line RETURN line", "LoadCSV"),
        ("LOAD CSV FROM $address AS line RETURN line", "LoadCSV"),
        ("/* a */ CYPHER runtime=slotted LOAD CSV FROM 'x' AS line RETURN line", "LoadCSV"),
        ("RETURN COLLECT { LOAD CSV FROM 'file:///x' AS line RETURN line }", "LoadCSV"),
        ("MATCH (n) CALL { LOAD CSV FROM 'file:///x' AS line RETURN line } RETURN n", "LoadCSV"),
        ("TERMINATE TRANSACTIONS 'neo4j-transaction-1'", "TerminateTransactions"),
        (
            "SHOW TRANSACTIONS YIELD transactionId AS id TERMINATE TRANSACTIONS id"
            " YIELD message RETURN message",
            "ShowTransactions",
        ),
        ("SHOW TRANSACTIONS", "ShowTransactions"),
        ("SHOW SETTINGS", "ShowSettings"),
        ("SHOW USERS", "AdministrationCommand"),
        ("CREATE USER intruder SET PASSWORD 'intruder-1'", "AdministrationCommand"),
        (
            "ALTER CURRENT USER SET PASSWORD FROM 'a' TO 'intruder-1'",
            "AdministrationCommand",
        ),
        ("CALL db.clearQueryCaches()", "db.clearQueryCaches"),
        (
            "MATCH (n) CALL { CALL db.clearQueryCaches() YIELD value RETURN value } RETURN n",
            "db.clearQueryCaches",
        ),
        ("RETURN EXISTS { CALL dbms.listConfig() YIELD name RETURN name }", "dbms.listConfig"),
        ("CALL dbms.killConnection('bolt-1')", "dbms.killConnection"),
        ("CALL db.prepareForReplanning()", "db.prepareForReplanning"),
    ],
)
def test_what_does_more_than_read_the_graph_is_not_run(shop, plain, text, named):
    before = everything(plain)
    with pytest.raises(StoreError, match=rf"more than read the graph \({named}\); it was not run"):
        ask(shop, text, {"address": "http://127.0.0.1:1/x"})
    assert everything(plain) == before


@pytest.mark.parametrize(
    "text",
    [
        "CALL db.labels() YIELD label RETURN label",
        "CALL db.schema.visualization()",
        "SHOW INDEXES",
        "SHOW CONSTRAINTS",
        "MATCH way = (n)--() RETURN way",
        "RETURN 'LOAD CSV', 'CALL db.clearQueryCaches()' // TERMINATE TRANSACTIONS 'x'",
    ],
)
def test_what_reads_the_graph_is_run(shop, text):
    assert ask(shop, text).columns


def test_a_query_without_end_is_ended(shop):
    with pytest.raises(StoreError, match="ended the query: it took longer than its time limit"):
        ask(shop, "UNWIND range(1, 1000000000000) AS x RETURN count(x)", timeout_s=1.0)


def test_the_account_of_the_page_is_cypher_that_the_server_knows(plain):
    """docs/explore.md; roles are Enterprise's, so this server refuses them, but it parses them."""
    (block,) = texts("docs/explore.md", "cypher")
    for statement in block.split(";")[:-1]:
        with pytest.raises(Neo4jError) as refused:
            plain.execute_query(statement, password="explorer-1", database_="system")
        assert re.search("Unsupported administration|community edition", str(refused.value))


def everything(plain) -> list[object]:
    """All nodes, indexes and users of the server."""
    nodes = plain.execute_query("MATCH (n) RETURN labels(n), properties(n) ORDER BY elementId(n)")
    indexes = plain.execute_query("SHOW INDEXES YIELD name RETURN name ORDER BY name")
    users = plain.execute_query("SHOW USERS YIELD user RETURN user ORDER BY user")
    return [record.values() for found in (nodes, indexes, users) for record in found.records]
