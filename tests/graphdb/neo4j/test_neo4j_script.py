"""scripts/neo4j: what it refuses, what it tells, and that nobody sees the password."""

import json
import os
import stat
import subprocess
import sys
import urllib.request
from pathlib import Path

import neo4j
import pytest
from neo4j.exceptions import ClientError
from neo4j_local.conf import write_conf
from neo4j_local.home import Home

SCRIPT = Path(__file__).parents[3] / "scripts" / "neo4j"


def call(verb: str, home: Path, *options: str, **environment: str) -> subprocess.CompletedProcess:
    clean = {key: os.environ[key] for key in os.environ if "NEO4J" not in key}
    return subprocess.run(
        [sys.executable, str(SCRIPT), verb, "--home", str(home), *options],
        env={**clean, **environment},
        capture_output=True,
        text=True,
    )


@pytest.fixture
def state(own_server) -> dict[str, int]:
    return json.loads((own_server.home / "server.json").read_text())


def test_status_tells_the_settings_but_not_the_password(own_server, state):
    done = call("status", own_server.home)
    assert done.returncode == 0
    assert f"export NEO4J_URI={own_server.settings.uri}\n" in done.stdout
    assert "export NEO4J_USER=neo4j\n" in done.stdout
    browser = f"http://127.0.0.1:{state['http']}/browser/"
    assert f"export NEO4J_BROWSER_URL={browser}\n" in done.stdout
    assert own_server.settings.password not in done.stdout + done.stderr
    said = subprocess.run(
        ["sh", "-c", done.stdout + 'printf %s "$NEO4J_PASSWORD"'], capture_output=True, text=True
    )
    assert said.stdout == own_server.settings.password


def test_the_password_is_nowhere_but_in_its_file(own_server, state):
    password = own_server.settings.password.encode()
    file = own_server.home / "password"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    places = [*own_server.home.glob("logs/*"), *own_server.home.glob("conf/*")]
    places += [Path(f"/proc/{state['pid']}/{name}") for name in ("cmdline", "environ")]
    read = [place for place in places if place.exists()]
    assert len(read) >= 3
    assert not [place for place in read if password in place.read_bytes()]


def test_admin_is_told_of_and_refused_while_the_server_runs(own_server):
    told = call("status", own_server.home).stdout
    said = subprocess.run(
        ["sh", "-c", told + "$NEO4J_ADMIN database info neo4j"], capture_output=True, text=True
    )
    assert said.returncode == 1
    assert "scripts/neo4j: the server is running; first `scripts/neo4j stop" in said.stderr


def test_it_starts_once_and_wipes_only_what_is_stopped(own_server):
    again = call("start", own_server.home)
    assert again.returncode == 1
    assert "it is running already" in again.stderr
    wiped = call("wipe", own_server.home)
    assert wiped.returncode == 1
    assert "it is running; first `scripts/neo4j stop --home" in wiped.stderr


def test_the_browser_is_served(state):
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(f"http://127.0.0.1:{state['http']}/browser/", timeout=30) as response:
        assert b"<title>Neo4j Browser</title>" in response.read()


def test_a_taken_port_is_named(state, tmp_path):
    done = call("start", tmp_path / "other", "--bolt-port", str(state["bolt"]))
    assert done.returncode == 1
    assert f"port {state['bolt']} is taken; use --free-ports" in done.stderr


@pytest.mark.parametrize("verb", ["stop", "wipe", "status"])
def test_nobody_elses_process_is_touched(tmp_path, verb):
    with subprocess.Popen(["sleep", "60"]) as stranger:
        (tmp_path / "server.json").write_text(
            json.dumps({"pid": stranger.pid, "bolt": 1, "http": 2})
        )
        done = call(verb, tmp_path)
        assert stranger.poll() is None
        stranger.kill()
    assert ("not running" in done.stderr) is (verb != "wipe")


@pytest.mark.parametrize("password", ["short", "two\nlines-of-it"])
def test_a_password_that_neo4j_would_refuse_is_refused_before(tmp_path, password):
    done = call("start", tmp_path, "--free-ports", NEO4J_PASSWORD=password)
    assert done.returncode == 1
    assert "NEO4J_PASSWORD must be one line of 8 characters or more" in done.stderr
    assert password not in done.stderr


def test_without_java_it_says_how_to_install_it(tmp_path):
    done = call("start", tmp_path, PATH=str(tmp_path), JAVA_HOME="")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "needs Java 17 and Maven; install both: apt-get install openjdk-17" in done.stderr


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("LOAD CSV FROM 'file:///etc/passwd' AS line RETURN line", "file_urls' is false"),
        ("LOAD CSV FROM 'file:///User.csv' AS line RETURN line", "file_urls' is false"),
        ("LOAD CSV FROM 'http://127.0.0.1:1/x' AS line RETURN line", "is blocked"),
        ("LOAD CSV FROM 'http://[::1]:1/x' AS line RETURN line", "is blocked"),
    ],
)
def test_the_local_server_loads_no_file_and_no_address(own_server, text, reason):
    with (
        driver(own_server) as connection,
        pytest.raises(ClientError, match=reason),
    ):
        connection.execute_query(text)


def test_the_local_server_has_a_time_limit(own_server):
    query = "SHOW SETTINGS 'db.transaction.timeout' YIELD value RETURN value"
    with driver(own_server) as connection:
        ((value,),) = connection.execute_query(query).records
    assert value == "10m"


def test_a_setting_given_replaces_the_usual_one(tmp_path):
    home = Home(tmp_path)
    write_conf(home, 1, 2, "64m", ["db.transaction.timeout=2h"])
    lines = home.conf.read_text().splitlines()
    assert [line for line in lines if line.startswith("db.transaction.timeout")] == [
        "db.transaction.timeout=2h"
    ]


def driver(server) -> neo4j.Driver:
    settings = server.settings
    return neo4j.GraphDatabase.driver(settings.uri, auth=(settings.user, settings.password))
