import re
from xml.etree import ElementTree

import pytest
from contracts.evaluations import estimate

from graphdb import SCHEMA
from graphrec.explain.render import png
from training.report.charts import Axis, Chart, DotRow, Line, dot_chart, line_chart
from training.report.palette import DARK, LIGHT
from training.report.schema_chart import schema_chart

ODD = "<b>bold</b> & $x^2$ \x00\x07"
LINES = [Line(ODD, 0, [1, 10, 100], [0.1, 0.2, 0.3], [0.1, 0.1, 0.2], [0.2, 0.3, 0.4])]
CHARTS = {
    "dots": dot_chart(
        "dots",
        ODD,
        ODD.strip("\x00\x07"),
        [DotRow(ODD, {ODD: estimate(0.2), "other": estimate(0.1)}), DotRow("none", {}, 1234)],
        {ODD: 0, "other": 8},
        ODD,
        "9 queries",
    ),
    "lines": line_chart(
        "lines",
        "Lines",
        "Lines going up",
        [*LINES, Line("taken", 0, [1, 10], [0.2, 0.2], is_reference=True)],
        Axis(ODD, "log"),
        Axis("share", as_percent=True, level=(0.2, "chance")),
        "9 queries",
    ),
    "groups": line_chart(
        "groups",
        "G",
        "alt",
        LINES,
        Axis("x", groups=["a", ODD], counts=[1500, 2]),
        Axis("y"),
        "9 queries",
    ),
    "schema": schema_chart(
        SCHEMA,
        {"User": 10, "Product": 1},
        {"User-PURCHASED-Product": 3, "User-VIEWED-Product": 1},
        "11 nodes",
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
    words = [element.text for element in ElementTree.fromstring(CHARTS["dots"].svg()).iter()]
    assert "<b>bold</b> & $x^2$" in words


def test_groups_say_of_how_many_they_are():
    words = {
        name: [element.text for element in ElementTree.fromstring(chart.svg()).iter()]
        for name, chart in CHARTS.items()
    }
    assert "none (1,234)" in words["dots"]
    assert "(1,500)" in words["groups"]


def test_characters_choose_the_fonts(monkeypatch):
    """Each installed font is found by a character that it has and DejaVu Sans lacks."""
    first = png._charmap("DejaVu Sans")
    assert png.fonts_for("cups of tea") == ("DejaVu Sans",) and ord("é") in first
    others = {name: png._charmap(name) - first for name in png._installed()}
    printable = {
        name: [chr(one) for one in sorted(more) if chr(one).isprintable()]
        for name, more in others.items()
    }
    some = {name: signs[0] for name, signs in printable.items() if signs}
    assert some
    for sign in some.values():
        _, found = png.fonts_for(f"a {sign}")
        assert ord(sign) in png._charmap(found)
        assert png.without_font(f"a {sign}") == ""
    signs = "".join(some.values())
    assert png.without_font(signs) == "" and len(png.fonts_for(signs)) > 1
    # Among fonts that have a character, the one with most of the missing ones is taken.
    maps = {"DejaVu Sans": frozenset(b"ab"), "Few": frozenset(b"c"), "Many": frozenset(b"cd")}
    monkeypatch.setattr(png, "_installed", lambda: dict.fromkeys(maps, ""))
    monkeypatch.setattr(png, "_charmap", lambda name: maps[name])
    assert png.fonts_for("abcd") == ("DejaVu Sans", "Many")
    assert png.without_font("abcdez z") == "ez"


def test_what_no_font_has_is_told_and_not_warned_of(monkeypatch):
    """U+10FFFD is for private use; no font of this machine has it."""
    sign = "\U0010fffd"
    assert sign.isprintable() is False
    monkeypatch.setattr(png, "_characters", lambda words: {ord(one) for one in words})
    assert png.without_font(sign) == sign
    chart = Chart("odd", sign, sign, lambda axes, _: axes.set_title("汉服"), "1 query")
    assert chart.png().startswith(b"\x89PNG") and "汉服" in chart.svg()
    assert sign in chart.words() and "汉服" in chart.words()


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
