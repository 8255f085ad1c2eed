"""Drawings of an explanation: a picture (PNG) or a page (HTML)."""

from pathlib import Path

from graphdb.atomic import write_file
from graphdb.errors import QueryError
from graphrec.explain.parts import PathGroups
from graphrec.explain.render.html import page
from graphrec.explain.render.layout import lay_out

_FORMATS = (".png", ".html")


def draw(explanation: PathGroups, path: Path) -> Path:
    """See `Explanation.draw`."""
    ending = path.suffix.lower()
    if ending not in _FORMATS:
        raise QueryError(
            f"'{path}' is no kind of drawing", expected=" or ".join(_FORMATS), value=str(path)
        )
    content = page(explanation).encode() if ending == ".html" else _picture(explanation)
    write_file(path, content, QueryError)
    return path


def _picture(explanation: PathGroups) -> bytes:
    try:
        from graphrec.explain.render.png import picture
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != "matplotlib":
            raise
        raise QueryError(
            "a PNG drawing needs matplotlib, which is not installed",
            next_step="pip install 'graphrec[draw]', or draw to a .html file",
            value=error.name,
        ) from error
    return picture(lay_out(explanation))
