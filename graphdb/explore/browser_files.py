"""The files that people drop onto Neo4j Browser: colours and captions, and saved queries."""

import zipfile
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from graphdb.atomic import atomic_file, made_folder
from graphdb.errors import DataError
from graphdb.explore.saved_queries import saved_queries

STYLE_NAME = "graphrec.grass"
QUERIES_NAME = "graphrec-queries.zip"
FAVORITES_FOLDER = "graphrec"
_FIRST_ZIP_DAY = (1980, 1, 1, 0, 0, 0)


class BrowserFiles(NamedTuple):
    """Where the files are.

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
    """Writes the style and the saved queries into a folder, which is made if need be.

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
