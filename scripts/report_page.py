"""A report in a headless Chromium: as wide as wanted, light or dark, photographed."""

import base64
import json
from pathlib import Path
from typing import Any

import chromium
from selenium.webdriver.common.by import By

_BOX = """
const box = document.querySelector(arguments[0]).getBoundingClientRect();
return {x: box.x + scrollX, y: box.y + scrollY, width: box.width, height: box.height};
"""


class ReportPage:
    """One window with a report in it."""

    def __init__(self, profile: Path) -> None:
        self.driver = chromium.start(profile, watched=True)

    def close(self) -> None:
        self.driver.quit()

    def show(self, report: Path, *, width: int, theme: str, height: int = 900) -> None:
        """Opens the report.

        Args:
            width: Of the window, in pixels.
            theme: What the reader's system is set to, 'light' or 'dark'.
        """
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        # As on a telephone; and a picture beyond the window would be as wide as without them.
        self.driver.execute_cdp_cmd("Emulation.setScrollbarsHidden", {"hidden": True})
        scheme = {"name": "prefers-color-scheme", "value": theme}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
        self.driver.get(report.resolve().as_uri())

    def run(self, script: str, *arguments: Any) -> Any:
        return self.driver.execute_script(script, *arguments)

    def click(self, css: str) -> None:
        self.driver.find_element(By.CSS_SELECTOR, css).click()

    def console(self) -> list[str]:
        """What the page said on the console since the last call."""
        return [line["message"] for line in self.driver.get_log("browser")]

    def requests(self) -> list[str]:
        """The addresses that were asked for since the last call."""
        events = [json.loads(line["message"]) for line in self.driver.get_log("performance")]
        return [
            event["message"]["params"]["request"]["url"]
            for event in events
            if event["message"]["method"] == "Network.requestWillBeSent"
        ]

    def photograph(self, file: Path, css: str = "body", most: int = 100_000) -> None:
        """A picture of a part of the page, from its top on.

        Args:
            most: The picture's height at most.
        """
        box = self.run(_BOX, css)
        width = self.run("return innerWidth")
        clip = {"x": 0, "y": box["y"], "width": width, "height": min(box["height"], most)}
        taken = self.driver.execute_cdp_cmd(
            "Page.captureScreenshot",
            {"captureBeyondViewport": True, "clip": {**clip, "scale": 1}},
        )
        file.write_bytes(base64.b64decode(taken["data"]))
