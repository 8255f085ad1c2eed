"""What docs/explore.md tells people to do, done in a real Neo4j Browser.

With GRAPHREC_SCREENSHOTS=docs/images it also takes the pictures of that guide.
"""

import json
import os
from pathlib import Path

import chromium
import pytest
from pages.neo4j_browser import BrowserPage

from graphdb import SCHEMA
from graphdb.explore import (
    FoundNode,
    FoundPath,
    ask,
    browser_address,
    browser_link,
    queries_for,
    saved_queries,
    write_browser_files,
)

pytestmark = pytest.mark.slow
QUERIES = {query.name: query for query in saved_queries()}
EVIL = "x'}) DETACH DELETE n // 100%; &arg=MATCH (n) DETACH DELETE n\n//#"


@pytest.fixture(scope="module")
def address(request, settings) -> str:
    """Where the tests' server has its Browser: as NEO4J_BROWSER_URL says for a given server."""
    if settings.uri == os.environ.get("NEO4J_URI"):
        return os.environ.get("NEO4J_BROWSER_URL") or browser_address(settings.uri)
    home = request.getfixturevalue("own_server").home
    state = json.loads((home / "server.json").read_text())
    return f"http://127.0.0.1:{state['http']}/browser/"


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    missing = chromium.missing()
    if missing and os.environ.get("CI") != "true":
        pytest.skip(f"{' and '.join(missing)} missing: apt-get install chromium chromium-driver")
    page = BrowserPage(tmp_path_factory.mktemp("chromium"))
    yield page
    page.close()


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return write_browser_files(tmp_path_factory.mktemp("browser"))


@pytest.fixture(scope="module")
def prepared(page, files, settings, address, world):
    """Logged in, style and queries loaded, set as the guide says."""
    query = QUERIES["taste"]
    link = browser_link(address, settings.uri, query.filled(world.values(query)))
    page.open(link)
    assert "password" not in link and settings.password not in link
    assert page.editor_text().startswith(f"// {query.title}MATCH (u:User {{user_id: '")
    photograph(page, "log-in")
    page.log_in(settings.user, settings.password)
    page.drop(files.style)
    page.wait(lambda: "node.Product" in page.frames()[0].text, "the style")
    page.drop(files.queries)
    page.configure("autoComplete", "false")
    page.configure("useReadTransactions", "true")
    return page


@pytest.fixture
def opened(prepared, settings, address, world):
    """Opens the link of a saved query, runs it, and gives the nodes drawn."""

    def run(name: str) -> list[dict[str, str]]:
        query = QUERIES[name]
        filled = query.filled(world.values(query))
        prepared.open(browser_link(address, settings.uri, filled))
        prepared.wait(lambda: query.title in prepared.editor_text(), "the query")
        frame = prepared.run_editor()
        nodes = prepared.drawn()
        assert "ERROR" not in frame.text
        return nodes

    return run


def test_a_users_taste_is_drawn_with_names_and_colours(prepared, opened, settings, world):
    nodes = opened("taste")
    answer = ask(settings.uri, QUERIES["taste"].text, world.values(QUERIES["taste"]))
    expected = found_nodes(answer.rows)
    assert len(nodes) == len(expected)
    users = [node for node in nodes if node["colour"] == "#3B7DD8"]
    assert [node["caption"].strip() for node in users] == [world.user_id]
    for colour, node_type, field in (
        ("#F2A33C", "Product", "title"),
        ("#D9483B", "Brand", "name"),
        ("#2E9C7F", "Category", "name"),
    ):
        names = sorted(node.fields[field] for node in expected if node.node_type == node_type)
        seen = sorted(node["caption"] for node in nodes if node["colour"] == colour)
        assert len(seen) == len(names) > 0
        assert all(
            name.startswith(begin(caption)) for name, caption in zip(names, seen, strict=True)
        )
    photograph(prepared, "taste")


@pytest.mark.parametrize("name", [name for name in QUERIES if name != "taste"])
def test_every_saved_query_draws_what_it_finds(prepared, opened, settings, world, name):
    nodes = opened(name)
    answer = ask(settings.uri, QUERIES[name].text, world.values(QUERIES[name]))
    assert len(nodes) == len(found_nodes(answer.rows))
    if name in ("why", "audience"):
        photograph(prepared, name, legend=False)


@pytest.mark.usefixtures("opened")
def test_the_saved_queries_are_favourites_that_take_parameters(prepared, world):
    titles = prepared.favourites("graphrec")
    assert sorted(titles) == sorted(query.title for query in saved_queries())
    prepared.run(f":param brand_id => '{world.brand_id}'")
    prepared.pick_favourite(QUERIES["blocked"].title)
    prepared.run_editor()
    assert prepared.drawn()
    prepared.close_sidebar()


def test_an_id_full_of_cypher_is_just_an_id(prepared, settings, address, plain):
    query = queries_for(SCHEMA, "User")["neighbors"].filled({"user_id": EVIL})
    before = plain.execute_query("MATCH (n) RETURN count(n)").records
    prepared.open(browser_link(address, settings.uri, query))
    prepared.wait(prepared.editor_text, "the query")
    assert prepared.editor_text() == query.replace("\n", "")
    frame = prepared.run_editor()
    prepared.wait(lambda: "no records" in frame.text, "an empty answer")
    assert plain.execute_query("MATCH (n) RETURN count(n)").records == before


def test_the_browser_set_to_read_only_refuses_to_write(prepared, plain):
    frame = prepared.run("CREATE (n:Intruder) RETURN n")
    prepared.wait(lambda: "Writing in read access mode not allowed" in frame.text, "a refusal")
    assert not plain.execute_query("MATCH (n:Intruder) RETURN n").records


def found_nodes(value: object) -> list[FoundNode]:
    """All nodes in an answer, however deep, each once."""
    found: dict[str, FoundNode] = {}
    waiting = [value]
    while waiting:
        entry = waiting.pop()
        if isinstance(entry, FoundNode):
            found[f"{entry.node_type}:{entry.node_id}"] = entry
        elif isinstance(entry, FoundPath):
            waiting += entry.nodes
        elif isinstance(entry, list):
            waiting += entry
    return list(found.values())


def begin(caption: str) -> str:
    """What of a name is sure to be seen in its circle."""
    return caption.strip().removesuffix("…")[:8]


def photograph(page: BrowserPage, name: str, *, legend: bool = True) -> None:
    folder = os.environ.get("GRAPHREC_SCREENSHOTS")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.photograph(Path(folder) / f"explore-{name}.png", legend=legend)
