"""Drawings are opened again: what is in them, and that a page needs no network."""

import re
import struct
import sys
import zlib
from collections import Counter
from html.parser import HTMLParser
from itertools import combinations

import pytest

from graphdb.errors import FileAccessError, QueryError
from graphrec.explain import explain
from graphrec.explain.render.layout import BOX_HEIGHT, BOX_WIDTH, lay_out, node_colours

ANN, CUP = ("User", "ann"), ("Product", "p9")
ODD = "<script>alert('&')</script> $x^2$ \x00 \u202e long, and longer still, " * 3


class Page(HTMLParser):
    """What a browser would make of a page; unbalanced tags fail."""

    VOID = frozenset({"meta", "rect", "path", "polygon"})

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.attributes, self.text = [], [], [], ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


@pytest.fixture
def explanation(shop):
    return explain(shop, ANN, CUP)


def test_the_page_shows_every_node_and_relation(explanation, tmp_path):
    path = explanation.draw(tmp_path / "why.html")
    page = Page(path.read_text(encoding="utf-8"))
    for words in ("Red cup", "Product p9", "Zoe", "Acme", "FOLLOWS", "PROMOTES", "MADE_BY", "ann"):
        assert words in page.text, words
    layout = lay_out(explanation)
    counted = Counter(page.tags)
    assert counted["path"] == counted["polygon"] == len(layout.curves)
    assert counted["rect"] == len(layout.bands) + len(layout.boxes)
    fills = [value for tag, name, value in page.attributes if (tag, name) == ("rect", "fill")]
    drawn = Counter(node_colours(box.node.type).fill for box in layout.boxes)
    assert drawn.items() <= Counter(fills).items()
    assert explanation.to_text() in page.text


def test_the_page_loads_and_runs_nothing(explanation):
    text = explanation.to_html()
    page = Page(text)
    assert not {"script", "link", "img", "iframe", "object", "image", "use"} & set(page.tags)
    assert not re.search(r"https?:|//|url\(|@import|javascript:", text)
    loading = {"src", "href", "xlink:href", "data", "action"}
    assert not [entry for entry in page.attributes if entry[1] in loading or entry[1][:2] == "on"]


def test_odd_names_are_text(make_bundle, tmp_path):
    explanation = explain(make_bundle(names={"p9": ODD, "zoe": ODD}), ANN, CUP)
    page = Page(explanation.to_html())
    assert "script" not in page.tags
    assert "<script>" in page.text
    assert "\x00" not in page.text and "\u202e" not in page.text
    assert explanation.draw(tmp_path / "odd.png").stat().st_size > 10_000


@pytest.mark.parametrize("name", [" ", "杯子" * 30, "W" * 100])
def test_every_name_fits_its_box(make_bundle, name):
    layout = lay_out(explain(make_bundle(names={"zoe": name}), ANN, CUP, k=1))
    (zoe,) = [box for box in layout.boxes if box.node.id == "zoe"]
    assert 1 <= len(zoe.name) <= 2
    assert all(0 < len(line) <= (11 if "杯" in name else 23) for line in zoe.name)


def test_an_edge_at_two_places_is_drawn_at_both(make_bundle, ways):
    bundle = make_bundle(
        {
            "User-PURCHASED-Product": "ann-p1 ann-p2",
            "Product-MADE_BY-Brand": "p1-acme p2-acme",
            "Creator-PROMOTES-Product": "zoe-p1 zoe-p2",
        }
    )
    explanation = explain(bundle, ANN, ("Creator", "zoe"))
    assert ways(explanation)[2:] == ["ann p1 acme p2 zoe", "ann p2 acme p1 zoe"]
    drawn = [curve.relation for curve in lay_out(explanation).curves]
    assert drawn.count("MADE_BY") == 4


def test_the_picture_is_a_png_of_the_layouts_size(explanation, tmp_path):
    content = explanation.draw(tmp_path / "why.PNG").read_bytes()
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", content[16:24])
    layout = lay_out(explanation)
    assert (width, height) == (int(layout.width * 1.44), int(layout.height * 1.44))
    assert len(set(pixels(content))) > 20, "not a blank page"
    assert b"tEXt" not in content, "the same drawing is the same file everywhere"


def pixels(content):
    """The bytes of the picture's lines, unpacked."""
    place, packed = 8, b""
    while place < len(content):
        length, kind = struct.unpack(">I4s", content[place : place + 8])
        packed += content[place + 8 : place + 8 + length] if kind == b"IDAT" else b""
        place += length + 12
    return zlib.decompress(packed)


def test_the_same_explanation_is_drawn_the_same(explanation, tmp_path):
    for name in ("why.png", "why.html"):
        first = explanation.draw(tmp_path / name).read_bytes()
        assert explanation.draw(tmp_path / f"again-{name}").read_bytes() == first


@pytest.mark.parametrize("max_hops", [1, 2, 3, 4])
def test_boxes_do_not_overlap_and_stay_inside(shop, max_hops):
    layout = lay_out(explain(shop, ("User", "bob"), CUP, k=9, max_hops=max_hops))
    for box in layout.boxes:
        assert BOX_WIDTH / 2 <= box.x <= layout.width - BOX_WIDTH / 2
        assert BOX_HEIGHT / 2 <= box.y <= layout.height - BOX_HEIGHT / 2
    for one, other in combinations(layout.boxes, 2):
        assert abs(one.x - other.x) >= BOX_WIDTH or abs(one.y - other.y) >= BOX_HEIGHT


def test_nothing_found_is_drawn_as_that(make_bundle, tmp_path):
    bundle = make_bundle({"User-PURCHASED-Product": "ann-p1 bob-p9"})
    nothing = explain(bundle, ANN, CUP)
    assert "No path of 4 edges or fewer connects them." in Page(nothing.to_html()).text
    assert nothing.draw(tmp_path / "nothing.png").stat().st_size > 5_000


def test_without_matplotlib_it_says_what_to_do(explanation, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.delitem(sys.modules, "graphrec.explain.render.png", raising=False)
    with pytest.raises(QueryError, match=r"needs matplotlib.*pip install 'graphrec\[draw\]'.*html"):
        explanation.draw(tmp_path / "why.png")
    assert not (tmp_path / "why.png").exists()
    explanation.draw(tmp_path / "why.html")


def test_other_endings_and_missing_folders_are_refused(explanation, tmp_path):
    with pytest.raises(
        QueryError, match=r"'why.pdf' is no kind of drawing; expected .png or .html"
    ):
        explanation.draw("why.pdf")
    with pytest.raises(FileAccessError, match=r"cannot write .*choose a path in a folder that"):
        explanation.draw(tmp_path / "missing" / "why.html")
