"""A headless Chromium that asks the network for nothing."""

import os
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.chrome.service import Service

CHROMIUM = Path("/usr/bin/chromium")
CHROMEDRIVER = Path("/usr/bin/chromedriver")  # named, so that selenium never fetches one
_FLAGS = (
    "--headless=new",
    "--no-sandbox",  # Chromium refuses to sandbox itself for root
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1300,1000",
    # Pages may ask the network for news or send statistics; none may come through.
    "--proxy-server=127.0.0.1:9",
    "--proxy-bypass-list=127.0.0.1",
)


def missing() -> list[str]:
    """The programs that are not installed."""
    return [str(program) for program in (CHROMIUM, CHROMEDRIVER) if not program.exists()]


def start(profile: Path, *, watched: bool = False) -> webdriver.Chrome:
    """A new window.

    Args:
        watched: Whether its log has all that pages ask for.
    """
    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for flag in (*_FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    watching = {"performance": "ALL"} if watched else {}
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", **watching})
    # It puts a socket among the temporary files, and addresses of sockets are short.
    environment = {**os.environ, "TMPDIR": "/tmp"}
    service = Service(str(CHROMEDRIVER), env=environment)
    return webdriver.Chrome(options=options, service=service)
