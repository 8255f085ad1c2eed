"""Photographs a report for the documentation: `python scripts/report_pictures.py FOLDER`.

Writes docs/images/report-PART-WIDTH-THEME.png, in a headless Chromium.
"""

import argparse
import tempfile
from pathlib import Path

from report_page import ReportPage

IMAGES = Path(__file__).parents[1] / "docs" / "images"
# Each part with its selector, how high it is photographed at most, and in which looks.
WIDE, NARROW = 1400, 400
PARTS = {
    "top": ("body", 1000, [(WIDE, "light"), (WIDE, "dark"), (NARROW, "light"), (NARROW, "dark")]),
    "groups": ("#groups", 915, [(WIDE, "light"), (NARROW, "light")]),
    "lookalikes": ("#lookalikes", 620, [(WIDE, "light")]),
    "maps": ("#maps", 1045, [(WIDE, "light"), (WIDE, "dark"), (NARROW, "dark")]),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where `graphrec report` wrote report.html")
    parser.add_argument("--images", type=Path, default=IMAGES, help="where pictures go")
    options = parser.parse_args()
    options.images.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as profile:
        page = ReportPage(Path(profile))
        for name, (css, most, looks) in PARTS.items():
            for width, theme in looks:
                page.show(options.folder / "report.html", width=width, theme=theme)
                file = options.images / f"report-{name}-{width}-{theme}.png"
                page.photograph(file, css, most)
                print(file)
        page.close()


if __name__ == "__main__":
    main()
