"""`graphrec explore` and `graphrec explore-files`, as typed on a command line."""

import json
import re
from urllib.parse import unquote

import pytest
from pages.messages import says
from typer.testing import CliRunner

from graphdb import SCHEMA
from graphdb.ingestion import ingest
from graphdb.io.mapped_tables import folder_tables
from graphrec.cli import build_app

EVIL = "x'}) DETACH DELETE n //"


@pytest.fixture
def run(settings, monkeypatch):
    monkeypatch.setenv("NEO4J_URI", settings.uri)
    monkeypatch.setenv("NEO4J_BROWSER_URL", "http://127.0.0.1:7474/browser/")

    def invoke(*arguments: object):
        return CliRunner().invoke(build_app(), [str(argument) for argument in arguments])

    return invoke


@pytest.fixture
def shop(store, tmp_path):
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "User.csv").write_text(f'user_id\nann\n"{EVIL}"\n')
    (folder / "Product.csv").write_text("product_id,title,price\npan,Iron pan,30\n")
    (folder / "User-PURCHASED-Product.csv").write_text(
        "source_id,target_id,at\nann,pan,2024-06-01\n"
    )
    ingest(folder_tables(folder, SCHEMA), store)


def test_it_prints_a_link_with_the_query_in_it_and_no_secret(run, settings):
    said = run("explore", "user:ann")
    assert said.exit_code == 0, said.stderr
    title, link, more, files = said.stdout.splitlines()
    assert title.startswith("A user's taste")
    assert link.startswith("http://127.0.0.1:7474/browser/?dbms=")
    assert "MATCH (u:User {user_id: 'ann'})-[bought:PURCHASED]->" in unquote(link)
    assert more == "More with --query: why, recommended, nearest-products, neighbors"
    assert "graphrec explore-files FOLDER" in files
    assert settings.password not in said.output


def test_json_gives_the_link_alone(run):
    said = json.loads(run("explore", "Brand:acme", "-q", "blocked", "--json").stdout)
    assert (said["query"], said["title"][:19]) == ("blocked", "What cannot be sold")
    assert "brand_id: 'acme'" in unquote(said["url"])


def test_a_link_needs_no_server_and_no_driver(run, monkeypatch):
    monkeypatch.delenv("NEO4J_PASSWORD")
    monkeypatch.delenv("NEO4J_BROWSER_URL")
    said = run("explore", "Tag:t1", "--store", "bolt+s://graph.example", "--database", "shop")
    assert said.exit_code == 0, said.stderr
    assert "https://graph.example:7473/browser/?dbms=bolt%2Bs%3A%2F%2F" in said.stdout
    assert "&db=shop&" in said.stdout


def test_why_takes_both_nodes(run):
    said = run("explore", "User:ann", "--query", "why", "--with", "Product:pan", "--json")
    query = unquote(json.loads(said.stdout)["url"])
    assert "{user_id: 'ann'}" in query and "{product_id: 'pan'}" in query


def test_open_starts_the_web_browser(run, monkeypatch):
    opened = []
    monkeypatch.setattr("webbrowser.open", lambda link: opened.append(link) or True)
    said = run("explore", "User:ann", "--open")
    assert opened == [said.stdout.splitlines()[1]]
    monkeypatch.setattr("webbrowser.open", lambda _: False)
    assert "no web browser could be started" in run("explore", "User:ann", "--open").stderr


@pytest.mark.usefixtures("shop")
def test_run_prints_the_rows(run):
    said = run("explore", "User:ann", "--run")
    assert said.exit_code == 0, said.stderr
    assert "User:ann" in said.stdout and "Product:pan 'Iron pan'" in said.stdout
    rows = json.loads(run("explore", "User:ann", "--run", "--json").stdout)["rows"]
    assert rows[0]["p"] == {
        "type": "Product",
        "id": "pan",
        "fields": {"title": "Iron pan", "price": 30.0},
    }
    assert rows[0]["bought"]["fields"]["at"] == "2024-06-01T00:00:00+00:00"
    assert (rows[0]["times"], rows[0]["tags"]) == (1, [])


@pytest.mark.usefixtures("shop")
def test_no_answer_is_told_apart_from_no_such_node(run):
    said = run("explore", f"User:{EVIL}", "--run", "-q", "recommended")
    assert said.exit_code == 0, said.stderr
    assert "nothing found. Needs `graphrec publish` with this user as a query node." in said.stdout
    said = run("explore", f"User:{EVIL}!", "--run", "--json")
    assert said.exit_code == 8
    assert json.loads(said.stderr)["error"] == "UnknownIdError"


@pytest.mark.usefixtures("shop")
def test_an_id_full_of_cypher_changes_nothing(run, plain):
    run("explore", f"User:{EVIL}", "--run")
    ((users,),) = plain.execute_query("MATCH (u:User) RETURN count(u)").records
    assert users == 2
    link = unquote(run("explore", f"User:{EVIL}").stdout.splitlines()[1])
    assert r"{user_id: 'x\'\u007D) DETACH DELETE n \u002F\u002F'}" in link


def test_files_for_the_browser(run, tmp_path):
    said = run("explore-files", tmp_path / "browser")
    assert said.exit_code == 0, said.stderr
    assert "drop them onto Neo4j Browser's window" in said.stdout
    named = json.loads(run("explore-files", tmp_path / "browser", "--json").stdout)
    assert {file.name for file in (tmp_path / "browser").iterdir()} == {
        re.sub(".*/", "", path) for path in named.values()
    }


@pytest.mark.parametrize(
    ("arguments", "exit_code", "message"),
    [
        (["explore"], 2, "Missing argument 'NODE'"),
        (["explore", "ann"], 2, "is not a node; write TYPE:ID"),
        (["explore", "Usr:ann"], 2, "did you mean 'User'?"),
        (["explore", "User:ann", "-q", "tast"], 2, "did you mean 'taste'?"),
        (["explore", "User:ann", "-q", "audience"], 2, "is not a query about a User"),
        (["explore", "User:ann", "-q", "why"], 2, "add --with Product:ID"),
        (["explore", "User:ann", "--with", "Product:pan"], 2, "remove the extra nodes"),
        (["explore", "User:ann", "--store", "shop.duckdb"], 5, "is not a Neo4j server"),
        (["explore", "User:ann", "--store", "shop.duckdb", "--run"], 5, "cannot run Cypher"),
        (["explore", "User:ann", "--browser", "db:7474"], 5, "not the address of a Neo4j Browser"),
        (["explore-files", "/proc/none"], 9, "cannot make the folder '/proc/none'"),
    ],
)
def test_a_wrong_command_line_says_what_is_wrong(run, arguments, exit_code, message):
    said = run(*arguments)
    assert said.exit_code == exit_code
    assert says(said.stderr, message)
    assert "Traceback" not in said.stderr
