"""The report as a reader sees it: in a headless Chromium, wide and narrow, light and dark."""

import os
import re
from datetime import datetime
from pathlib import Path

import chromium
import pytest
import report_pictures
from contracts.evaluations import make_evaluation
from report_page import ReportPage
from selenium.webdriver.support.ui import WebDriverWait

from training.report import write_report

pytestmark = pytest.mark.slow
LOOKS = [(width, theme) for width in (1400, 400) for theme in ("light", "dark")]
_DRAWN = """
return [...document.querySelectorAll("main svg")].map((svg) => {
  const box = svg.getBoundingClientRect();
  const marks = [...svg.querySelectorAll("path, use, circle, text")].filter((mark) => {
    const own = mark.getBoundingClientRect();
    return own.width > 0 || own.height > 0;
  });
  const words = [...svg.querySelectorAll("text")].filter((one) => {
    const own = one.getBoundingClientRect();
    return own.left < box.left - 1 || own.right > box.right + 1
      || own.top < box.top - 1 || own.bottom > box.bottom + 1;
  });
  const sizes = [...svg.querySelectorAll("text")].map(
    (one) => parseFloat(getComputedStyle(one).fontSize) * box.width / svg.viewBox.baseVal.width);
  return {id: svg.id, width: box.width, height: box.height, marks: marks.length,
          cut: words.map((one) => one.textContent), smallest: Math.min(99, ...sizes)};
});
"""
_COLOURS = """
const one = (css) => getComputedStyle(document.querySelector(css));
return {background: one("body").backgroundColor, words: one("body").color,
        chart: one("#chart-models text").fill, dots: one(".map g").fill};
"""


@pytest.fixture(scope="module", autouse=True)
def browser():
    missing = chromium.missing()
    if missing and os.environ.get("CI") != "true":
        pytest.skip(f"{' and '.join(missing)} missing: apt-get install chromium chromium-driver")


@pytest.fixture(scope="module")
def report(evaluated, shop, tmp_path_factory):
    output = tmp_path_factory.mktemp("report") / "report.html"
    return write_report(evaluated, snapshot=shop.folder, output=output).path


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    opened = ReportPage(tmp_path_factory.mktemp("profile"))
    yield opened
    opened.close()


@pytest.mark.parametrize(("width", "theme"), LOOKS)
def test_it_is_drawn_and_read(page, report, width, theme):
    page.requests()
    page.show(report, width=width, theme=theme)
    assert page.console() == []
    assert [one for one in page.requests() if not one.startswith("data:")] == [report.as_uri()]
    assert page.run("return document.documentElement.scrollWidth <= innerWidth")
    assert page.run("return document.title") == "Evaluation of svd: products for users"
    drawn = page.run(_DRAWN)
    assert len(drawn) > 10
    for one in drawn:
        assert one["width"] > 250 and one["height"] > 120 and one["marks"] > 3, one
        assert one["cut"] == [] and one["smallest"] >= 9, one


def test_dark_is_dark_and_light_is_light(page, report):
    seen = {}
    for theme in ("light", "dark"):
        page.show(report, width=1400, theme=theme)
        seen[theme] = page.run(_COLOURS)
    assert seen["light"]["background"] == "rgb(255, 255, 254)"
    assert seen["dark"]["background"] == "rgb(23, 27, 33)"
    assert all(seen["light"][part] != seen["dark"][part] for part in seen["light"])


def test_the_button_changes_from_one_to_the_other(page, report):
    page.show(report, width=1400, theme="light")
    light = page.run(_COLOURS)
    page.click("#theme")
    dark = page.run(_COLOURS)
    page.click("#theme")
    assert page.run(_COLOURS) == light != dark


def test_a_dot_tells_its_name_and_a_category_stands_alone(page, report):
    page.show(report, width=1400, theme="light")
    name = page.run("return document.querySelector('#map-map-products circle title').textContent")
    page.run(
        "document.querySelector('#map-map-products circle')"
        ".dispatchEvent(new PointerEvent('pointerover', {bubbles: true}))"
    )
    assert page.run("return document.querySelector('.map .told').textContent") == name
    page.run("document.querySelector('.map .legend button').click()")
    dim = "return document.querySelectorAll('#map-map-products .is-dim').length"
    groups = page.run("return document.querySelectorAll('#map-map-products g').length")
    assert page.run(dim) == groups - 1 > 0
    page.run("document.querySelector('.map .legend button').click()")
    assert page.run(dim) == 0


def test_folded_tables_open(page, report):
    page.show(report, width=400, theme="light")
    page.run("for (const one of document.querySelectorAll('details')) one.open = true")
    assert page.run("return document.documentElement.scrollWidth <= innerWidth")
    shown = "return [...document.querySelectorAll('table')].every((one) => one.offsetHeight > 0)"
    assert page.run(shown)


def test_it_is_printed_light_and_whole(page, report):
    page.show(report, width=1400, theme="dark")
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    assert page.run(_COLOURS)["background"] == "rgb(255, 255, 254)"
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "screen"})


def test_pictures_for_the_documentation(page, report, tmp_path):
    page.show(report, width=400, theme="dark")
    page.photograph(tmp_path / "part.png", "#groups", 300)
    assert (tmp_path / "part.png").read_bytes()[16:24] == (400).to_bytes(4) + (300).to_bytes(4)


def test_the_moment_is_told(page, report):
    page.show(report, width=1400, theme="light")
    made_at: datetime = make_evaluation().created_at
    assert f"{made_at:%d %B %Y, %H:%M} UTC" in page.run("return document.body.innerText")


def test_the_pictures_that_the_documentation_shows(report, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "sys.argv", ["report_pictures.py", str(report.parent), "--images", str(tmp_path)]
    )
    report_pictures.main()
    page = (Path(__file__).parents[3] / "docs" / "report.md").read_text(encoding="utf-8")
    shown = set(re.findall(r"\(images/(report-[\w-]+\.png)\)", page))
    assert shown and shown <= {path.name for path in tmp_path.iterdir()}


@pytest.mark.parametrize("width", [1400, 400])
def test_the_contents_stay_in_sight_and_name_the_part_that_is_read(page, report, width):
    page.show(report, width=width, theme="light")
    page.run("document.documentElement.style.scrollBehavior = 'auto'")
    page.run("document.querySelector('#maps').scrollIntoView()")
    top = page.run("return document.querySelector('nav').getBoundingClientRect().top")
    assert scrolled(page) > 1000 and 0 <= top < 20
    named = "const one = document.querySelector('nav [aria-current]'); return one && one.hash"
    WebDriverWait(page.driver, 10).until(lambda _: page.run(named) == "#maps")
    heading = page.run("return document.querySelector('#maps h2').getBoundingClientRect().top")
    bottom = page.run("return document.querySelector('nav').getBoundingClientRect().bottom")
    assert width == 1400 or heading >= bottom - 1  # not hidden below the contents


def scrolled(page):
    return page.run("return scrollY")


_WIDE = """
return [...document.querySelectorAll(".wide")].filter((one) => one.offsetHeight > 0).map((one) => ({
  isWider: one.scrollWidth > one.clientWidth + 1,
  hasHint: one.previousElementSibling.offsetHeight > 0,
  hasShadow: getComputedStyle(one).backgroundImage !== "none",
}));
"""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_table_that_can_be_scrolled_says_so_on_a_phone(page, report, theme):
    page.show(report, width=400, theme=theme)
    page.run("for (const one of document.querySelectorAll('details')) one.open = true")
    done = "return document.querySelector('.wide.is-wider') !== null"
    WebDriverWait(page.driver, 10).until(lambda _: page.run(done))
    tables = page.run(_WIDE)
    assert any(one["isWider"] for one in tables)
    for one in tables:
        assert one["hasHint"] == one["hasShadow"] == one["isWider"]


def test_the_main_table_fits_a_wide_window(page, report):
    page.show(report, width=1400, theme="light")
    table = "const one = document.querySelector('#result .wide'); return "
    assert page.run(f"{table} one.scrollWidth <= one.clientWidth + 1")
