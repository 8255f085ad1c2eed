"""A server's life: start it and wait until it answers, tell about it, end it, wipe it."""

import argparse
import base64
import contextlib
import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from neo4j_local.conf import choose_ports, write_conf
from neo4j_local.home import COMMAND, SOURCES, CannotError, Home, command, locked, say
from neo4j_local.installation import DEFAULT_RELEASE, java_and_jars, java_options


def start(home: Home, arguments: argparse.Namespace) -> None:
    home.folder.mkdir(parents=True, exist_ok=True)
    with locked(home.folder / "lock"):
        running = home.state()
        if running:
            raise CannotError(
                f"it is running already (pid {running['pid']}); see `{command('status', home)}`"
            )
        java, lib = java_and_jars(arguments)
        password = home.password()
        bolt, http = choose_ports(arguments)
        home.log.parent.mkdir(exist_ok=True)
        write_conf(home, bolt, http, arguments.page_cache, arguments.set)
        process = launch(java, lib, home, arguments.heap, password)
        state = {"pid": process.pid, "bolt": bolt, "http": http, "release": arguments.release}
        home.state_file.write_text(json.dumps(state))
        wait_until_ready(process, home, state, password)
    say(f"Neo4j is ready; Browser: http://127.0.0.1:{http}/browser/")
    print_settings(home, state)


def launch(java: str, lib: Path, home: Home, heap: str, password: str) -> "subprocess.Popen[bytes]":
    """Starts the server detached from this terminal; the password goes through its stdin."""
    environment = {key: os.environ[key] for key in os.environ if not key.startswith("NEO4J_")}
    with home.log.open("ab") as log:
        process = subprocess.Popen(
            [
                java,
                f"-Xms{heap}",
                f"-Xmx{heap}",
                *java_options(lib),
                str(SOURCES / "Neo4jServer.java"),
                str(home.folder),
            ],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            env=environment,
            start_new_session=True,
        )
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError), process.stdin as stdin:
        stdin.write(password.encode() + b"\n")
    return process


def wait_until_ready(
    process: "subprocess.Popen[bytes]",
    home: Home,
    state: dict[str, Any],
    password: str,
    patience_s: float = 120,
) -> None:
    deadline = time.monotonic() + patience_s
    try:
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise CannotError(f"it ended while starting:\n{last_lines(home.log)}")
            if answers(state, password):
                return
            time.sleep(0.2)
        raise CannotError(f"it did not answer within {patience_s:.0f} s; see {home.log}")
    except BaseException:
        end(home, process.pid)
        raise


def answers(state: dict[str, Any], password: str) -> bool:
    """Whether Bolt listens and HTTP runs a query for the user neo4j.

    Raises:
        CannotError: The password is another than the database's.
    """
    token = base64.b64encode(f"neo4j:{password}".encode()).decode()
    request = urllib.request.Request(
        f"http://127.0.0.1:{state['http']}/db/neo4j/tx/commit",
        data=b'{"statements": [{"statement": "RETURN 1"}]}',
        headers={"Authorization": f"Basic {token}", "Content-Type": "application/json"},
    )
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with socket.create_connection(("127.0.0.1", state["bolt"]), timeout=5):
            pass
        with direct.open(request, timeout=30) as response:
            return not json.load(response)["errors"]
    except urllib.error.HTTPError as error:
        if error.code == 401:
            raise CannotError(
                "these data were made with another password; give it in NEO4J_PASSWORD, or begin"
                " anew with `scripts/neo4j wipe`"
            ) from error
        return False
    except OSError:
        return False


def stop(home: Home, _: argparse.Namespace) -> None:
    running = home.state()
    if not running:
        say("it is not running")
        return
    end(home, running["pid"])
    say("stopped")


def end(home: Home, pid: int, patience_s: float = 60) -> None:
    """Asks the home's own server to end, and makes it after a minute."""
    for number, patience in ((signal.SIGTERM, patience_s), (signal.SIGKILL, 10.0)):
        if home.owns(pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
            if not home.owns(pid):
                home.state_file.unlink(missing_ok=True)
                return
            time.sleep(0.1)
    raise CannotError(f"process {pid} does not end")


def status(home: Home, _: argparse.Namespace) -> None:
    running = home.state()
    if not running:
        raise CannotError(f"it is not running; start it with `{command('start', home)}`")
    say(f"running (pid {running['pid']}); Browser: http://127.0.0.1:{running['http']}/browser/")
    print_settings(home, running)


def wipe(home: Home, _: argparse.Namespace) -> None:
    if not home.folder.exists():
        raise CannotError(f"there is nothing at {home.folder}")
    with locked(home.folder / "lock"):
        if home.state():
            raise CannotError(f"it is running; first `{command('stop', home)}`")
        shutil.rmtree(home.folder / "data", ignore_errors=True)
    say(f"the data in {home.folder} are gone; password and logs are kept")


def print_settings(home: Home, state: dict[str, Any]) -> None:
    """Shell exports. The password itself is never printed, only where it is."""
    print(f"export NEO4J_URI=neo4j://127.0.0.1:{state['bolt']}")
    print("export NEO4J_USER=neo4j")
    print(f"export NEO4J_BROWSER_URL=http://127.0.0.1:{state['http']}/browser/")
    words = [str(COMMAND), "admin", "--home", str(home.folder)]
    if state.get("release", DEFAULT_RELEASE) != DEFAULT_RELEASE:
        words += ["--release", state["release"]]
    admin = shlex.join(words)
    print(f"export NEO4J_ADMIN={shlex.quote(admin)}")
    if "NEO4J_PASSWORD" not in os.environ and home.password_file.exists():
        print(f'export NEO4J_PASSWORD="$(cat {shlex.quote(str(home.password_file))})"')


def last_lines(log: Path, number: int = 15) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-number:])
