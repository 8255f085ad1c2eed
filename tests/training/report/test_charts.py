import re
from xml.etree import ElementTree

import pytest
from contracts.evaluations import estimate

from graphdb import SCHEMA
from training.report.charts import Axis, BarGroup, Line, bar_chart, line_chart
from training.report.palette import DARK, LIGHT
from training.report.schema_chart import schema_chart

ODD = "<b>bold</b> & $x^2$ \x00\x07"
LINES = [Line(ODD, 0, [1, 10, 100], [0.1, 0.2, 0.3], [0.1, 0.1, 0.2], [0.2, 0.3, 0.4])]
CHARTS = {
    "bars": bar_chart(
        "bars",
        ODD,
        ODD.strip("\x00\x07"),
        [BarGroup(ODD, {ODD: estimate(0.2), "other": estimate(0.1)}), BarGroup("none", {})],
        {ODD: 0, "other": 8},
        ODD,
    ),
    "lines": line_chart(
        "lines",
        "Lines",
        "Lines going up",
        [*LINES, Line("taken", 0, [1, 10], [0.2, 0.2], is_reference=True)],
        Axis(ODD, "log"),
        Axis("share", as_percent=True, level=(0.2, "chance")),
    ),
    "groups": line_chart("groups", "G", "alt", LINES, Axis("x", groups=["a", ODD]), Axis("y")),
    "schema": schema_chart(
        SCHEMA, {"User": 10, "Product": 1}, {"User-PURCHASED-Product": 3, "User-VIEWED-Product": 1}
    ),
}


@pytest.mark.parametrize("name", CHARTS)
def test_a_chart_in_the_page_has_colours_by_name_and_words_as_words(name):
    drawing = CHARTS[name].svg()
    root = ElementTree.fromstring(drawing)
    assert root.get("role") == "img" and root.get("aria-label") == CHARTS[name].alt
    styles = " ".join(element.get("style", "") for element in root.iter())
    named = set(re.findall(r"var\(--(\w+)\)", styles))
    assert {"ink", "one"} <= named or name == "schema"
    others = set(re.findall(r"#[0-9a-fA-F]{6}", drawing)) - {"#000000"}
    assert not others or name == "schema"  # which has the colours of node types
    assert "font-family" not in drawing and "<script" not in drawing
    with_words = [element for element in root.iter() if (element.text or "").strip()]
    tags = {element.tag.rpartition("}")[2] for element in with_words}
    assert tags == {"text"}


def test_odd_names_are_words():
    words = [element.text for element in ElementTree.fromstring(CHARTS["bars"].svg()).iter()]
    assert "<b>bold</b> & $x^2$" in words


def test_two_charts_share_no_id():
    ids = [re.findall(r' id="([^"]+)"', chart.svg()) for chart in CHARTS.values()]
    assert all(len(set(own)) == len(own) for own in ids)
    together = [name for own in ids for name in own]
    assert len(set(together)) == len(together)


@pytest.mark.parametrize("name", CHARTS)
@pytest.mark.parametrize("palette", [LIGHT, DARK])
def test_a_picture(name, palette):
    assert CHARTS[name].png(palette).startswith(b"\x89PNG")


def test_the_same_chart_is_drawn_the_same():
    assert CHARTS["lines"].svg() == CHARTS["lines"].svg()


@pytest.mark.parametrize("palette", [LIGHT, DARK])
def test_colours_have_each_a_name_and_can_be_seen(palette):
    """Contrast after WCAG 2.1: words 4.5 to 1 and more, series 2.3 and more."""
    assert len({*palette.series, palette.ink, palette.muted, palette.grid, palette.other}) == 11

    def luminance(colour):
        parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        linear = [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in parts]
        return sum(weight * x for weight, x in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    def contrast(colour):
        pair = sorted([luminance(colour), luminance(palette.surface)])
        return (pair[1] + 0.05) / (pair[0] + 0.05)

    assert min(contrast(palette.ink), contrast(palette.muted)) >= 4.5
    assert min(map(contrast, palette.series)) >= 2.3
