"""One real Neo4j server for the tests of this folder, and an empty store in it for each test."""

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import neo4j
import pytest

from graphdb.stores.neo4j import Neo4jSettings, Neo4jStore

COMMAND = [sys.executable, str(Path(__file__).parents[3] / "scripts" / "neo4j")]


SHORT_LIVED = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
"""For Java that ends soon: with the optimising compiler, most of its time would go to compiling."""
# For neo4j-admin, whoever runs it.
os.environ.setdefault("JAVA_OPTS", SHORT_LIVED)


def pytest_collection_modifyitems(items):
    """With `--dist loadgroup`, the tests of a server share one worker and so that server."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.xdist_group(group_of(item)))


def group_of(item: pytest.Item) -> str:
    if "callspec" in vars(item) and item.callspec.params.get("release") == "2026":
        return "neo4j 2026"
    if item.path.name == "test_bulk_refusals.py" and "settings" not in item.fixturenames:
        return "neo4j bulk"
    return "neo4j"


@dataclass
class Server:
    """A server of our own, which a test may kill."""

    home: Path
    settings: Neo4jSettings | None = None

    @property
    def admin(self) -> list[str]:
        """The words that run neo4j-admin on its data."""
        return [*COMMAND, "admin", "--home", str(self.home)]

    def call(self, verb: str, *options: str) -> str:
        environment = {key: os.environ[key] for key in os.environ if "NEO4J" not in key}
        environment.setdefault("JAVA_TOOL_OPTIONS", SHORT_LIVED)
        done = subprocess.run(
            [*COMMAND, verb, "--home", str(self.home), *options],
            env=environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def start(self, *more: str) -> None:
        """On free ports at first, then on the same ones, so that clients find it again."""
        if self.settings is None:
            options = ["--free-ports"]
        else:
            options = ["--bolt-port", self.settings.uri.rpartition(":")[2], "--http-port", "0"]
        small = ["--heap", "512m", "--page-cache", "64m", "--set", "db.memory.transaction.max=48m"]
        said = self.call("start", *small, *options, *more)
        uri = said.split("NEO4J_URI=")[1].split()[0]
        password = (self.home / "password").read_text().strip()
        self.settings = Neo4jSettings(uri, "neo4j", password)


def driver(settings: Neo4jSettings) -> neo4j.Driver:
    """The plain driver, to look behind the store and to play somebody else."""
    return neo4j.GraphDatabase.driver(settings.uri, auth=(settings.user, settings.password))


def given_server() -> Neo4jSettings | None:
    """The server of NEO4J_URI, but only if its database is empty: tests delete what is there."""
    if not os.environ.get("NEO4J_URI"):
        return None
    settings = Neo4jSettings.from_environment(os.environ["NEO4J_URI"])
    with driver(settings) as connection:
        ((nodes,),) = connection.execute_query("MATCH (n) RETURN count(n)").records
    return None if nodes else settings


@pytest.fixture(scope="session")
def new_server(tmp_path_factory):
    """Makes servers of a test's own, not started yet; they are stopped in the end."""
    refuse_without_java()
    made: list[Server] = []

    def make() -> Server:
        made.append(Server(tmp_path_factory.mktemp("neo4j")))
        return made[-1]

    yield make
    with ThreadPoolExecutor() as pool:  # each takes seconds to put its data in order
        list(pool.map(lambda server: server.call("stop"), made))


@pytest.fixture(scope="session")
def own_server(new_server):
    server = new_server()
    server.start()
    return server


def refuse_without_java() -> None:
    missing = [name for name in ("java", "mvn") if not shutil.which(name)]
    if missing and os.environ.get("CI") != "true":
        pytest.skip(
            f"no server can start without {' and '.join(missing)}: install Java 17 and Maven, or"
            " set NEO4J_URI to a server with an empty database"
        )


@pytest.fixture(scope="session")
def settings(request) -> Neo4jSettings:
    """Some server: the one of NEO4J_URI, or our own."""
    return given_server() or request.getfixturevalue("own_server").settings


@pytest.fixture(scope="session")
def plain(settings):
    """The plain driver on the tests' server."""
    with driver(settings) as connection:
        yield connection


@pytest.fixture
def empty(plain):
    """The tests' server with nothing in it."""
    plain.execute_query("MATCH (n) DETACH DELETE n")
    yield plain
    plain.execute_query("MATCH (n) DETACH DELETE n")


@pytest.fixture
def impatient(settings) -> Neo4jSettings:
    """Gives up after a second instead of half a minute."""
    return replace(settings, retry_time_s=1.0, connect_timeout_s=2.0)


@pytest.fixture
def store(settings, empty):  # noqa: ARG001 - the database has to be empty
    with Neo4jStore(settings) as store:
        yield store


@pytest.fixture(autouse=True)
def environment(request, monkeypatch):
    """What a user would have set, for the tests that go through `open_store`."""
    user, password = "neo4j", "of-no-server"
    if "settings" in request.fixturenames:
        settings = request.getfixturevalue("settings")
        user, password = settings.user, settings.password
    monkeypatch.setenv("NEO4J_USER", user)
    monkeypatch.setenv("NEO4J_PASSWORD", password)
