"""Matplotlib's SVG, made fit to stand in a page beside others."""

import re
from xml.etree import ElementTree

from training.report.palette import Palette

_SVG = "http://www.w3.org/2000/svg"
_LINK = "http://www.w3.org/1999/xlink"
_FONT = re.compile(r"font-family: [^;\"]*;? ?")
_NAMES = re.compile(r"(?:#|url\(#)([\w.-]+)")


def for_page(drawing: str, *, name: str, alt: str, palette: Palette) -> str:
    """One `<svg>` element in the page's own font and the names of the palette's colours.

    Ids to which nothing refers are taken out: every Matplotlib drawing has the same.
    """
    ElementTree.register_namespace("", _SVG)
    ElementTree.register_namespace("xlink", _LINK)
    root = ElementTree.fromstring(drawing)
    for part in ("metadata", "defs"):  # who made it; a style for all that is on the page
        for found in root.findall(f"{{{_SVG}}}{part}"):
            if part == "metadata" or found.find(f"{{{_SVG}}}style") is not None:
                root.remove(found)
    used = {
        value
        for element in root.iter()
        for key in (f"{{{_LINK}}}href", "clip-path", "style")
        for value in _NAMES.findall(element.get(key, ""))
    }
    for element in root.iter():
        if element.get("id") not in used:
            element.attrib.pop("id", None)
        if "style" in element.attrib:
            style = palette.named(element.attrib["style"])
            element.attrib["style"] = _FONT.sub("", style)
    *_, width, height = root.attrib["viewBox"].split()
    root.attrib.update(
        {"id": f"chart-{name}", "role": "img", "aria-label": alt, "width": width, "height": height}
    )
    return ElementTree.tostring(root, encoding="unicode")
