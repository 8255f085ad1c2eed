"""Holds address and credentials of the server. Only this module reads NEO4J_* variables."""

import os
import shlex
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from graphdb.errors import StoreError
from graphdb.printable import holds_secret

_LONGEST_PASSWORD = 4096


@dataclass(frozen=True, slots=True)
class Neo4jSettings:
    """The connection settings of a Neo4j database.

    Args:
        uri: `neo4j://`, `bolt://`, or one of them with TLS (`+s`; `+ssc` for a self-signed
            certificate).
        password: Never shown: not in `repr`, not in an error.
        database: The server's name for the database.
        retry_time_s: How long to retry a read or write before giving up.
        connect_timeout_s: How long to wait for a connection.
    """

    uri: str
    user: str
    password: str = field(repr=False)
    database: str = "neo4j"
    retry_time_s: float = 30.0
    connect_timeout_s: float = 10.0

    def __post_init__(self) -> None:
        refuse_secrets(self.uri)
        for name in ("user", "password", "database"):
            _check_utf8(name, getattr(self, name))

    @classmethod
    def from_environment(
        cls, uri: str, environment: Mapping[str, str] | None = None
    ) -> "Neo4jSettings":
        """Takes user and password from NEO4J_USER (neo4j) and NEO4J_PASSWORD or its _FILE.

        Raises:
            StoreError: There is no password, or the URL itself holds one.

        Example:
            >>> Neo4jSettings.from_environment("bolt://db", {"NEO4J_PASSWORD": "secret"})
            Neo4jSettings(uri='bolt://db', user='neo4j', database='neo4j', retry_time_s=30.0, \
connect_timeout_s=10.0)
        """
        known = os.environ if environment is None else environment
        refuse_secrets(uri)  # first, so that no later error can show it
        return cls(
            uri=uri,
            user=known.get("NEO4J_USER", "neo4j"),
            password=_password(known),
            database=database_name(known),
        )


def database_name(environment: Mapping[str, str] | None = None) -> str:
    """Returns NEO4J_DATABASE, or the server's default database."""
    known = os.environ if environment is None else environment
    return known.get("NEO4J_DATABASE", "neo4j")


def admin_command(environment: Mapping[str, str] | None = None) -> list[str] | None:
    """Returns the command line of neo4j-admin, or None if it is not installed.

    It looks in NEO4J_ADMIN (a command line), then NEO4J_HOME/bin, then PATH.

    Raises:
        StoreError: NEO4J_ADMIN is not a command line.
    """
    known = os.environ if environment is None else environment
    words = ["neo4j-admin"]
    if known.get("NEO4J_ADMIN"):
        words = _split(known["NEO4J_ADMIN"])
    elif known.get("NEO4J_HOME"):
        words = [str(Path(known["NEO4J_HOME"]) / "bin" / "neo4j-admin")]
    found = shutil.which(words[0], path=known.get("PATH"))
    return [str(Path(found).absolute()), *words[1:]] if found else None


def _split(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError as error:
        raise StoreError(
            f"NEO4J_ADMIN is not a command line: {error}",
            expected="the command that runs neo4j-admin, quoted as in a shell",
        ) from error


def admin_environment() -> dict[str, str]:
    """Returns the environment for neo4j-admin: ours without the server's credentials."""
    ours = ("NEO4J_URI", "NEO4J_USER", "NEO4J_PASSWORD", "NEO4J_PASSWORD_FILE", "NEO4J_DATABASE")
    return {name: os.environ[name] for name in os.environ if name not in ours}


def refuse_secrets(uri: str) -> None:
    """Raises StoreError, without showing the URL, if it holds a user or password."""
    if holds_secret(uri):
        raise StoreError(
            "the Neo4j URL holds a user or password",
            expected="only scheme, host and port in the URL",
            next_step="give them in NEO4J_USER and NEO4J_PASSWORD",
        )


def _password(known: Mapping[str, str]) -> str:
    if known.get("NEO4J_PASSWORD"):
        return known["NEO4J_PASSWORD"]
    file = known.get("NEO4J_PASSWORD_FILE")
    if not file:
        raise StoreError(
            "there is no password for the Neo4j server",
            next_step="set NEO4J_PASSWORD, or NEO4J_PASSWORD_FILE to a file that holds it",
        )
    return _password_in(file)


def _password_in(file: str) -> str:
    """Reads the password from a file. No error shows a part of it."""
    where = f"the file '{file}' in NEO4J_PASSWORD_FILE"
    expected = "the password alone, as UTF-8"
    try:
        with Path(file).open("rb") as opened:
            content = opened.read(_LONGEST_PASSWORD + 1)
    except OSError as error:
        raise StoreError(f"{where} cannot be read: {error.strerror}", value=file) from error
    if len(content) > _LONGEST_PASSWORD:
        what = f"is longer than {_LONGEST_PASSWORD:,} bytes"
        raise StoreError(f"{where} {what}", expected=expected, value=file)
    try:
        password = content.decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        raise StoreError(f"{where} is not UTF-8", expected=expected, value=file) from None
    if not password:
        raise StoreError(f"{where} is empty", expected=expected, value=file)
    if any(ord(sign) < ord(" ") for sign in password):
        what = "holds several lines, or characters that a password cannot have"
        raise StoreError(f"{where} {what}", expected=expected, value=file)
    return password


def _check_utf8(name: str, text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise StoreError(f"the {name} for the Neo4j server is not UTF-8") from None
