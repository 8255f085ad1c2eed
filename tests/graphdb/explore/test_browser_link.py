"""Links into Neo4j Browser: what it will read from them, and that they carry no secret."""

import re
import subprocess
import sys
from urllib.parse import unquote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from graphdb.errors import QueryError, StoreError
from graphdb.explore import SavedQuery, browser_address, browser_link

BROWSER = "http://127.0.0.1:7474/browser/"
STORE = "neo4j://127.0.0.1:7687"
QUERY = SavedQuery("x", "X", "MATCH (u:User {user_id: $user_id}) RETURN u")


def read_by_browser(link: str, name: str) -> list[str]:
    """As Neo4j Browser 5.24 does it: it decodes the whole link, then takes it apart."""
    return re.findall(rf"[?&]{name}=([^&#]*)", unquote(link.replace("+", " "), errors="strict"))


@given(st.text())
@example("x&arg=MATCH (n) DETACH DELETE n")
@example("x'}) DETACH DELETE u //")
@example("50% + 50%25 #1? \\u0027 \\")
@example("a\n// b\r\n;:param x => 1")
def test_the_browser_reads_back_the_query_whole_whatever_the_id(user_id):
    filled = QUERY.filled({"user_id": user_id})
    link = browser_link(BROWSER, STORE, filled)
    assert read_by_browser(link, "arg") == [filled]
    assert read_by_browser(link, "cmd") == ["edit"]
    assert read_by_browser(link, "dbms") == [STORE]
    assert link.isascii() and "\n" not in link
    body = re.fullmatch(r"MATCH \(u:User \{user_id: '(.*)'\}\) RETURN u", filled)
    assert body and not re.search(r"(?<!\\)(\\\\)*'", body[1]), "a quote ends the string early"
    assert "\n" not in body[1]


def test_a_query_that_the_browser_would_cut_is_refused():
    for text in ("RETURN 'a&b'", "RETURN 1 // #1"):
        with pytest.raises(QueryError, match=r"cannot carry '&' or '#'.*\\u0026"):
            browser_link(BROWSER, STORE, text)


def test_the_database_and_a_bare_address():
    link = browser_link(
        "https://graph.example", "neo4j+s://graph.example", "RETURN 1", database="a b"
    )
    assert link == (
        "https://graph.example/browser/?dbms=neo4j%2Bs%3A%2F%2Fgraph.example&db=a%20b"
        "&cmd=edit&arg=RETURN%201"
    )


@pytest.mark.parametrize(
    ("store", "address"),
    [
        ("neo4j://127.0.0.1:41201", "http://127.0.0.1:7474/browser/"),
        ("bolt://db", "http://db:7474/browser/"),
        ("neo4j+s://db:7687", "https://db:7473/browser/"),
        ("bolt+ssc://[::1]:7687", "https://[::1]:7473/browser/"),
    ],
)
def test_where_a_server_has_its_browser(store, address):
    assert browser_address(store) == address


@pytest.mark.parametrize("store", ["shop.duckdb", "duckdb:", "http://db", "neo4j:", "neo4j://"])
def test_only_a_neo4j_server_has_a_browser(store):
    with pytest.raises(StoreError, match="is not a Neo4j server"):
        browser_address(store)


@pytest.mark.parametrize("address", ["", "db:7474", "file:///etc", "http://", "http://db/?a=b"])
def test_only_a_web_page_is_a_browser(address):
    with pytest.raises(StoreError, match="is not the address of a Neo4j Browser"):
        browser_link(address, STORE, "RETURN 1")


@pytest.mark.parametrize(
    ("address", "store"),
    [(BROWSER, "neo4j://neo4j:hunter2@db"), ("http://neo4j:hunter2@db/browser/", STORE)],
)
def test_a_password_in_an_address_is_refused_and_never_shown(address, store):
    with pytest.raises(StoreError, match="holds a user or password") as caught:
        browser_link(address, store, "RETURN 1")
    assert "hunter2" not in str(caught.value) + repr(caught.value.value)


def test_only_asking_needs_the_driver_and_says_how_to_install_it():
    code = """
import sys
sys.modules["neo4j"] = None
from graphdb.errors import StoreError
from graphdb.explore import ask, browser_address, browser_link
browser_link(browser_address("neo4j://db"), "neo4j://db", "RETURN 1")
try:
    ask("neo4j://db", "RETURN 1")
except StoreError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.stderr, done.returncode) == ("", 0)
    assert "driver is not installed; pip install 'graphrec[neo4j]'" in done.stdout
