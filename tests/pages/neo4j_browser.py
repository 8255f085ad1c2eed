"""Neo4j Browser in a headless Chromium, as a person uses it."""

from pathlib import Path
from urllib.parse import urlsplit

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

CHROMIUM = Path("/usr/bin/chromium")
CHROMEDRIVER = Path("/usr/bin/chromedriver")
PATIENCE_S = 60
FLAGS = (
    "--headless=new",
    "--no-sandbox",  # Chromium refuses to sandbox itself for root
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # No test may leave this machine: the Browser asks for news and statistics.
    "--proxy-server=127.0.0.1:9",
    "--proxy-bypass-list=127.0.0.1",
)
_DROP = """
const [name, text] = arguments;
const carried = new DataTransfer();
const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
carried.items.add(new File([bytes], name));
const at = document.querySelector(".filedrop");
for (const kind of ["dragenter", "dragover", "drop"]) {
  at.dispatchEvent(new DragEvent(kind, {dataTransfer: carried, bubbles: true, cancelable: true}));
}
"""
