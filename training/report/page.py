"""Sections as one HTML file. Jinja escapes all that is put in, but for drawings of our own."""

import base64
import hashlib
import re
from collections.abc import Sequence
from datetime import datetime

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from training.report.maps.drawing import colour_name
from training.report.palette import DARK, LIGHT
from training.report.parts import Section

_NO_HTML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
"""Signs that HTML cannot hold, but names can."""


def page(title: str, made_at: datetime, sections: Sequence[Section]) -> str:
    """The whole page: style, script and drawings inside, nothing to load."""
    jinja = Environment(
        loader=PackageLoader("training.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    jinja.filters["drawn"] = _drawn
    jinja.globals["colour_name"] = colour_name
    script = jinja.get_template("script.js").render()
    text = jinja.get_template("page.html").render(
        title=title,
        made_at=made_at,
        sections=sections,
        style=Markup(jinja.get_template("style.css").render()),
        light=Markup(LIGHT.variables()),
        dark=Markup(DARK.variables()),
        script=Markup(script),
        script_hash=f"sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}",
    )
    return _NO_HTML.sub("\N{REPLACEMENT CHARACTER}", text)


def _drawn(drawing: str) -> Markup:
    """A drawing of ours, in which every name was escaped when it was drawn."""
    return Markup(drawing)
