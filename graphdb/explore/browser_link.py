"""Makes links that open a query in Neo4j Browser, and the files to drop onto it.

The files are a style sheet (colours and captions) and the saved queries.
"""

import zipfile
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple
from urllib.parse import SplitResult, quote, urlencode, urlsplit

from graphdb.atomic import atomic_file, made_folder
from graphdb.errors import DataError, QueryError, StoreError
from graphdb.explore.saved_queries import saved_queries
from graphdb.printable import holds_secret
from graphdb.stores.opening import NEO4J_SCHEMES

STYLE_NAME = "graphrec.grass"
QUERIES_NAME = "graphrec-queries.zip"
FAVORITES_FOLDER = "graphrec"
_FIRST_ZIP_DAY = (1980, 1, 1, 0, 0, 0)


class BrowserFiles(NamedTuple):
    """The paths of the written files.

    Args:
        style: Colour, size and caption of every node type and relation, in Browser's GraSS.
        queries: All saved queries; they become a folder of Browser's favourites.
    """

    style: Path
    queries: Path


def style_text() -> str:
    """The style sheet."""
    return (files("graphdb.explore") / STYLE_NAME).read_text(encoding="utf-8")


def write_browser_files(folder: str | Path) -> BrowserFiles:
    """Writes the style and the saved queries into a folder, and creates it if missing.

    Raises:
        DataError: A link, a folder or a device has the name of one of the files.
        FileAccessError: The folder cannot be written.
    """
    target = Path(folder)
    written = BrowserFiles(target / STYLE_NAME, target / QUERIES_NAME)
    with made_folder(target), atomic_file(written.style, DataError) as style:
        style.write_text(style_text(), encoding="utf-8")
        with (
            atomic_file(written.queries, DataError) as unfinished,
            zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED) as archive,
        ):
            for query in saved_queries():
                name = f"{FAVORITES_FOLDER}/{query.name}.cypher"
                # A fixed date: the same queries always make the same file.
                archive.writestr(zipfile.ZipInfo(name, _FIRST_ZIP_DAY), query.text)
    return written


_HTTP = {"neo4j": ("http", 7474), "bolt": ("http", 7474)}
_HTTPS = ("https", 7473)


def browser_address(store_url: str) -> str:
    """Returns the address of a server's Browser, if it uses the default ports.

    Raises:
        StoreError: The URL is not that of a Neo4j server, or holds a user or password.

    Example:
        >>> browser_address("neo4j://db:7687"), browser_address("bolt+s://db")
        ('http://db:7474/browser/', 'https://db:7473/browser/')
    """
    parts = _server(store_url)
    scheme, port = _HTTP.get(parts.scheme, _HTTPS)
    host = parts.hostname or "127.0.0.1"
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}/browser/"


def browser_link(address: str, store_url: str, cypher: str, *, database: str | None = None) -> str:
    """Returns the address of a Browser page with a query in its editor, ready to run.

    The page asks for user and password; the link contains neither.

    Args:
        address: The address of the Browser, such as http://127.0.0.1:7474/browser/.
        store_url: The server to connect to, put into the page's form.
        cypher: The query, values filled in (`SavedQuery.filled`).
        database: The database to use; by default the server's own.

    Raises:
        StoreError: The store is not a Neo4j server, the address is not that of a web page, or one
            of them holds a user or password.
        QueryError: The query holds a character at which the Browser would cut it off.
    """
    _server(store_url)
    _refuse_secrets(address)
    parts = _split(address)
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.query or parts.fragment:
        raise StoreError(
            f"'{address}' is not the address of a Neo4j Browser",
            expected="something like http://127.0.0.1:7474/browser/",
            value=address,
        )
    if "&" in cypher or "#" in cypher:
        raise QueryError(
            "a link to Neo4j Browser cannot carry '&' or '#'",
            next_step="write them as \\u0026 and \\u0023 inside strings",
            value=cypher,
        )
    path = parts.path if parts.path.strip("/") else "/browser/"
    fields = {"dbms": store_url, "db": database, "cmd": "edit", "arg": cypher}
    given = {name: value for name, value in fields.items() if value}
    return f"{parts.scheme}://{parts.netloc}{path}?{urlencode(given, quote_via=quote)}"


def _server(store_url: str) -> SplitResult:
    _refuse_secrets(store_url)
    parts = _split(store_url)
    if parts.scheme not in NEO4J_SCHEMES or not parts.netloc:
        raise StoreError(
            f"'{store_url}' is not a Neo4j server, and Neo4j Browser shows only those",
            expected="neo4j://HOST:PORT or bolt://HOST:PORT",
            next_step="fill one with `graphrec ingest SOURCE neo4j://HOST:PORT`",
            value=store_url,
        )
    return parts


def _split(address: str) -> SplitResult:
    try:
        parts = urlsplit(address)
        parts.port  # noqa: B018 - which fails where it is no number
    except ValueError as error:
        raise StoreError(f"'{address}' is not an address: {error}", value=address) from error
    return parts


def _refuse_secrets(address: str) -> None:
    if holds_secret(address):
        # The message must not show the address: it holds a secret.
        raise StoreError(
            "the address holds a user or password",
            expected="only scheme, host and port",
            next_step="leave them out; Neo4j Browser asks for them",
        )
