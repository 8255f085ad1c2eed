"""An explanation as one HTML page: drawing and text, no script, nothing to load."""

from collections.abc import Iterator
from html import escape
from itertools import pairwise

from graphrec.explain.parts import PathGroups
from graphrec.explain.render.layout import (
    BOX_HEIGHT,
    BOX_WIDTH,
    Band,
    Box,
    Curve,
    Layout,
    lay_out,
    node_colours,
    relation_colour,
)
from graphrec.explain.render.words import text, title

_LINE, _NAME_LINE = 12, 14
_ARROW = 8

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #2B2F36; margin: 2em; }
svg { max-width: 100%; height: auto; }
svg text { font-family: system-ui, sans-serif; text-anchor: middle; }
pre { white-space: pre-wrap; font: 13px/1.6 ui-monospace, monospace; color: #4A5058; }
"""


def page(explanation: PathGroups) -> str:
    """See `Explanation.to_html`."""
    heading = escape(_clean(title(explanation)))
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f"<title>{heading}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f"<h1>{heading}</h1>\n{drawing(explanation)}\n</body>\n</html>\n"
    )


def drawing(explanation: PathGroups) -> str:
    """Returns the drawing and the text alone, as a part of a page."""
    return f"{_svg(lay_out(explanation))}\n<pre>{escape(_clean(text(explanation)))}</pre>"


def _svg(layout: Layout) -> str:
    parts = [
        f'<svg viewBox="0 0 {layout.width:g} {layout.height:g}" width="{layout.width:g}" role="img"'
        f' style="max-width: 100%; height: auto" aria-label="{escape(_clean(layout.title))}">'
    ]
    for band in layout.bands:
        parts += _band(band)
    for curve in layout.curves:
        parts += _curve(curve)
    for curve in layout.curves:  # above all curves, so that none runs through a label
        parts += _label(curve)
    for box in layout.boxes:
        parts += _box(box)
    if layout.note:
        parts.append(_text(layout.width / 2, layout.height / 2, layout.note, 13, "#4A5058"))
    return "\n".join([*parts, "</svg>"])


def _band(band: Band) -> Iterator[str]:
    yield (
        f'<rect x="{band.x:g}" y="{band.y:g}" width="{band.width:g}" height="{band.height:g}"'
        ' rx="10" fill="#F4F6F9"/>'
    )
    yield _text(
        band.x + band.width / 2, band.y + 19, band.caption, 12, "#2B2F36", "bold", halo=True
    )


def _curve(curve: Curve) -> Iterator[str]:
    colour = relation_colour(curve.relation)
    (x, y), *_ = curve.points
    way = f"M{x:g},{y:g}"
    for (x1, y1), (x2, y2) in pairwise(curve.points):
        half = (x1 + x2) / 2
        way += f" C{half:g},{y1:g} {half:g},{y2:g} {x2:g},{y2:g}"
    yield f'<path d="{way}" fill="none" stroke="{colour}" stroke-width="2"/>'
    tip, side = (curve.points[-1], -1) if curve.ahead else (curve.points[0], 1)
    corners = [tip] + [(tip[0] + side * _ARROW, tip[1] + part * _ARROW / 2) for part in (-1, 1)]
    points = " ".join(f"{x:g},{y:g}" for x, y in corners)
    yield f'<polygon points="{points}" fill="{colour}"/>'


def _label(curve: Curve) -> Iterator[str]:
    x, y = curve.label
    top = y - _LINE * len(curve.lines) / 2
    for number, line in enumerate(curve.lines):
        size, colour = (10, "#2B2F36") if number == 0 else (9.5, "#4A5058")
        yield _text(x, top + _LINE * (number + 0.75), line, size, colour, halo=True)


def _box(box: Box) -> Iterator[str]:
    colours = node_colours(box.node.type)
    yield (
        f'<g><title>{escape(_clean(str(box.node)))}</title><rect x="{box.x - BOX_WIDTH / 2:g}"'
        f' y="{box.y - BOX_HEIGHT / 2:g}" width="{BOX_WIDTH}" height="{BOX_HEIGHT}" rx="9"'
        f' fill="{colours.fill}" stroke="{colours.border}"'
        f' stroke-width="{3 if box.is_end else 1.5}"/>'
    )
    top = box.y - _NAME_LINE * len(box.name) / 2 + 4
    for number, line in enumerate(box.name):
        yield _text(box.x, top + _NAME_LINE * number, line, 11, colours.text, "bold")
    yield _text(box.x, top + _NAME_LINE * len(box.name), box.below, 9.5, colours.text) + "</g>"


def _text(
    x: float,
    y: float,
    words: str,
    size: float,
    colour: str,
    weight: str = "normal",
    *,
    halo: bool = False,
) -> str:
    behind = ' stroke="#FFFFFF" stroke-width="4" paint-order="stroke"' if halo else ""
    return (
        f'<text x="{x:g}" y="{y:g}" font-size="{size:g}" font-weight="{weight}" fill="{colour}"'
        f"{behind}>{escape(_clean(words))}</text>"
    )


def _clean(words: str) -> str:
    """Without the signs that HTML cannot hold."""
    return "".join(
        sign if sign.isprintable() or sign == "\n" else "\N{REPLACEMENT CHARACTER}"
        for sign in words
    )
