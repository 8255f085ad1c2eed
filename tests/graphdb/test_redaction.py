"""No password that is written into an address, or lies in a file, is ever shown."""

import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from graphdb import open_store
from graphdb.errors import GraphRecError, StoreError
from graphdb.explore import browser_address, browser_link
from graphdb.printable import holds_secret, redacted
from graphdb.stores.neo4j import Neo4jSettings
from graphrec.cli import build_app

SECRET = "hunter2"
ADDRESSES = [
    "neo4j://eve:{}@db:7687",
    "bolt+s://eve:{}@db",
    "NEO4J://eve:{}@db",
    "neo4j://eve%3A{}%40db",
    "neo4j://eve%253A{}%2540db",
    "neo4j://eve:a/{}@db",
    "neo4j://eve:a?{}@db",
    "neo4j://eve:a#{}@db",
    "neo4j:eve:{}@db",
    "neo4j:/eve:{}@db",
    "neo4j://db?password={}",
    "neo4j://db:7687/?user=eve&pwd={}",
    "neo4j://db/#password={}",
    "bolt://db?pass%77ord={}",
    "bolt://db%3Fpassword%3D{}",
    "neo4j://[::1?password={}",
    "https://eve:{}@shop/path",
    "http://db:7474/browser/?token={}",
    "http://db:7474/?dbms=x&api_key={}",
    "http://db:7474/?dbms=x&client-secret={}&page=2",
]
USES = {
    "open": open_store,
    "browser": browser_address,
    "link to": lambda address: browser_link("http://db:7474", address, "RETURN 1"),
    "link at": lambda address: browser_link(address, "neo4j://db", "RETURN 1"),
    "settings": lambda address: Neo4jSettings(address, "neo4j", "x"),
}
COMMANDS = [
    ["info", "{}"],
    ["rejects", "{}"],
    ["ingest", "synthetic:100", "{}"],
    ["ingest", "synthetic:100", "{}", "--bulk"],
    ["snapshot", "{}", "snapshot"],
    ["explore", "User:1", "--store", "{}"],
    ["explore", "User:1", "--store", "{}", "--run"],
    ["explore", "User:1", "--browser", "{}"],
    ["recommend", "{}", "User:1"],
    ["promote", "{}", "{}"],
    ["info", "{}", "{}"],
]


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NEO4J_PASSWORD", "x")
    return tmp_path


@pytest.mark.parametrize("use", USES.values(), ids=USES)
@pytest.mark.parametrize("address", ADDRESSES)
def test_an_address_with_a_secret_is_refused_and_not_shown(place, address, use):
    with pytest.raises(GraphRecError) as caught:
        use(address.format(SECRET))
    shown = "".join(traceback.format_exception(caught.value))
    assert SECRET not in shown.replace(f'"{address.format(SECRET)}"', "")
    assert SECRET not in repr((caught.value.value, vars(caught.value)))
    assert not list(place.iterdir())


@pytest.fixture(scope="module")
def app():
    return build_app()


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("number", range(len(ADDRESSES)))
def test_no_command_shows_it(app, command, number):
    words = [word.format(ADDRESSES[number].format(SECRET)) for word in command]
    options = ["--json"] if number % 2 else []
    result = CliRunner().invoke(app, [*words, *options])
    assert result.exit_code and isinstance(result.exception, SystemExit)
    assert SECRET not in "".join(result.output.split()).replace("│", "")


@given(st.from_regex(r"[A-Za-z0-9._~!$*,;:/?#-]{6,20}", fullmatch=True).filter(str.isprintable))
def test_no_password_of_a_server_is_left(password):
    assert password not in redacted(f"cannot reach 'neo4j://eve:{password}@db:7687' now")
    assert holds_secret(f"neo4j://eve:{password}@db:7687")


@pytest.mark.parametrize(
    "text",
    [
        "neo4j://db:7687",
        "no Product has the id 'https://medium.example/@ann/post?p=1&keyboard=2'",
        "no User has the id 'ann:x@y.example'",
        "a neo4j server; bolt or not",
        "'neo4j://HOST:PORT or bolt://HOST:PORT'",
    ],
)
def test_what_is_no_secret_stays(text):
    assert redacted(text) == text


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"hunter2\xff", "is not UTF-8"),
        ("hunter2".encode("utf-16"), "is not UTF-8"),
        (b"hunter2\nhunter2\n", "holds several lines"),
        (b"hunter2\0", "holds several lines"),
        (b"hunter2" * 1000, "is longer than 4,096 bytes"),
        (None, "cannot be read: No such file"),
    ],
)
def test_a_password_file_that_is_none(place, content, problem):
    file = place / "password"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(StoreError, match=problem) as caught:
        Neo4jSettings.from_environment("bolt://db", {"NEO4J_PASSWORD_FILE": str(file)})
    assert "hunter2" not in "".join(traceback.format_exception(caught.value)) + repr(
        vars(caught.value)
    )


def test_other_kinds_of_password_files(place):
    with pytest.raises(StoreError, match="cannot be read: Is a directory"):
        Neo4jSettings.from_environment("bolt://db", {"NEO4J_PASSWORD_FILE": str(place)})
    with pytest.raises(StoreError, match="longer than"):
        Neo4jSettings.from_environment("bolt://db", {"NEO4J_PASSWORD_FILE": "/dev/zero"})
    (place / "password").write_bytes(b"\xef\xbb\xbfhunter2\r\n")
    known = {"NEO4J_PASSWORD_FILE": str(place / "password")}
    assert Neo4jSettings.from_environment("bolt://db", known).password == "hunter2"


def test_a_password_that_cannot_be_sent():
    with pytest.raises(StoreError, match="the password for the Neo4j server is not UTF-8"):
        Neo4jSettings("bolt://db", "neo4j", "x\udcff")
