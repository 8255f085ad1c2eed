"""The folder of one server, and what every verb of scripts/neo4j needs."""

import contextlib
import fcntl
import json
import os
import secrets
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SOURCES = Path(__file__).resolve().parents[1] / "neo4j-server"
COMMAND = SOURCES.with_name("neo4j")
DEFAULT_HOME = SOURCES.parents[1] / ".neo4j"
SHORTEST_PASSWORD = 8


class CannotError(Exception):
    """Something a person has to put right; the message says how."""


@dataclass(frozen=True)
class Home:
    """The folder of one server: its data, logs, settings and who runs it."""

    folder: Path

    @property
    def conf(self) -> Path:
        return self.folder / "conf" / "neo4j.conf"

    @property
    def log(self) -> Path:
        return self.folder / "logs" / "server.log"

    @property
    def password_file(self) -> Path:
        return self.folder / "password"

    @property
    def state_file(self) -> Path:
        return self.folder / "server.json"

    def state(self) -> dict[str, Any] | None:
        """Pid, ports and release of the running server; None where none runs."""
        try:
            state: dict[str, Any] = json.loads(self.state_file.read_text())
        except FileNotFoundError:
            return None
        return state if self.owns(state["pid"]) else None

    def owns(self, pid: int) -> bool:
        """Whether that process is this home's server, and not one that got its number later."""
        words = command_of(pid)
        return (
            any(word.endswith("Neo4jServer.java") for word in words) and str(self.folder) in words
        )

    def password(self) -> str:
        """NEO4J_PASSWORD, or else what the password file holds; made up on first use."""
        given = os.environ.get("NEO4J_PASSWORD")
        if given is not None:
            if len(given) < SHORTEST_PASSWORD or "\n" in given:
                raise CannotError(
                    f"NEO4J_PASSWORD must be one line of {SHORTEST_PASSWORD} characters or more"
                )
            return given
        if not self.password_file.exists():
            descriptor = os.open(self.password_file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(secrets.token_urlsafe(18) + "\n")
        return self.password_file.read_text().strip()


def command_of(pid: int) -> list[str]:
    """The words a process was started with; empty where there is none."""
    if Path("/proc/self/cmdline").exists():
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:
            return []
    listed = subprocess.run(
        ["ps", "-ww", "-o", "command=", "-p", str(pid)], capture_output=True, text=True
    )
    return listed.stdout.split()


@contextlib.contextmanager
def locked(path: Path) -> Iterator[int]:
    """One at a time: a second start or download waits for the first. Yields the file's number."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file.fileno()


def command(verb: str, home: Home) -> str:
    chosen = "" if home.folder == DEFAULT_HOME else f" --home {shlex.quote(str(home.folder))}"
    return f"scripts/neo4j {verb}{chosen}"


def say(text: str) -> None:
    print(text, file=sys.stderr)
