"""Neo4j Browser in a headless Chromium, used as a person does: by its forms, editor and drops."""

import base64
from pathlib import Path

import chromium
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

PATIENCE_S = 60
_DROP = """
const [name, content] = arguments;
const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
const carried = new DataTransfer();
carried.items.add(new File([bytes], name));
for (const kind of ["dragenter", "dragover", "drop"]) {
  document.querySelector(".filedrop").dispatchEvent(
    new DragEvent(kind, {dataTransfer: carried, bubbles: true, cancelable: true}));
}
"""
_EDITOR_TEXT = """
return [...document.querySelectorAll("#monaco-main-editor .view-line")]
  .sort((one, other) => parseFloat(one.style.top) - parseFloat(other.style.top))
  .map((line) => line.textContent.replaceAll("\u00a0", " ")).join("");
"""
_NODES = """
return [...document.querySelectorAll("[data-testid='frame']:first-of-type g.node")].map((node) => ({
  caption: [...node.querySelectorAll("text.caption")].map((line) => line.textContent).join(""),
  colour: node.querySelector("circle.b-outline").getAttribute("fill"),
  place: node.getAttribute("transform"),
}));
"""


class BrowserPage:
    """One window. Its methods wait until what they do is done."""

    def __init__(self, profile: Path) -> None:
        self.driver = chromium.start(profile)

    def close(self) -> None:
        self.driver.quit()

    def open(self, url: str) -> None:
        self.driver.get(url)
        self.wait(lambda: self.all("[data-testid='password']") or self.connected(), "the page")

    def connected(self) -> bool:
        """Whether it is logged in, and has shown the frame with which it begins."""
        return any(":play start" in frame.text for frame in self.frames())

    def log_in(self, user: str, password: str) -> None:
        """Types user and password into the form that the page shows by itself."""
        name = self.one("[data-testid='username']")
        name.clear()
        name.send_keys(user)
        self.one("[data-testid='password']").send_keys(password, Keys.ENTER)
        self.wait(self.connected, "the connection")

    def drop(self, file: Path) -> None:
        """Drops a file onto the window."""
        self.driver.execute_script(_DROP, file.name, base64.b64encode(file.read_bytes()).decode())

    def configure(self, name: str, value: str) -> None:
        """Changes a setting of the Browser, and waits until it has kept that for the next page."""
        self.run(f":config {name}: {value}")
        kept = "return localStorage['neo4j.settings']"
        wanted = f'"{name}":{value}'
        self.wait(lambda: wanted in self.driver.execute_script(kept), "the setting to be kept")

    def editor_text(self) -> str:
        """What one sees in the editor, without line breaks (it wraps lines to its width)."""
        return self.driver.execute_script(_EDITOR_TEXT)

    def run(self, text: str) -> WebElement:
        """Types a line into the editor and runs it; returns the frame that shows what came."""
        self.one("[data-testid='editor-discard']").click()
        self.wait(lambda: not self.editor_text(), "an empty editor")
        editor = self.one("#monaco-main-editor textarea.inputarea")
        editor.send_keys(text, Keys.ESCAPE)  # closes the list of suggestions
        return self.run_editor()

    def run_editor(self) -> WebElement:
        """Runs what is in the editor; returns the frame that shows what came."""
        before = len(self.frames())
        self.one("[data-testid='editor-Run']").click()
        self.wait(lambda: len(self.frames()) > before, "a new frame")
        self.wait(lambda: not self.all("[data-testid='spinner'], .spinner"), "the answer")
        return self.frames()[0]

    def drawn(self) -> list[dict[str, str]]:
        """The nodes of the newest frame when they have come to rest: caption, colour, place."""
        self.wait(lambda: self.driver.execute_script(_NODES), "nodes that are drawn")
        seen: list[object] = []

        def at_rest() -> bool:
            seen.append(self.driver.execute_script(_NODES))
            return len(seen) > 1 and seen[-1] == seen[-2]

        self.wait(at_rest, "the nodes to rest", every_s=1.0)
        return self.driver.execute_script(_NODES)

    def frames(self) -> list[WebElement]:
        return self.all("[data-testid='frame']")

    def favourites(self, folder: str) -> list[str]:
        """The titles of the saved queries in a folder of the sidebar."""
        self.one("[data-testid='navigationFavorites']").click()
        self.wait(lambda: self.all(f"[data-testid='expandFolder-{folder}']"), f"folder {folder}")
        self.one(f"[data-testid='expandFolder-{folder}']").click()
        listed = f"[data-testid='savedScriptsFolder-{folder}'] [data-testid^='scriptTitle']"
        self.wait(lambda: self.all(listed), "the saved queries")
        return [title.text for title in self.all(listed)]

    def pick_favourite(self, title: str) -> None:
        """Takes a saved query of the open folder into the editor."""
        self.one(f'[data-testid="scriptTitle-{title}"]').click()
        self.wait(lambda: self.editor_text().startswith(f"// {title}"), "the query in the editor")

    def close_sidebar(self) -> None:
        self.one("[data-testid='navigationFavorites']").click()

    def photograph(self, file: Path, *, legend: bool) -> None:
        """A picture of the newest drawing on the full window, or of the page if there is none."""
        if not self.all("g.node"):
            self.driver.save_screenshot(str(file))
            return
        button = self.frames()[0].find_element(By.CSS_SELECTOR, "[title^='Fullscreen']")
        button.click()
        if not legend:
            self.one("[aria-label='Collapse the node properties display']").click()
        self.one("[aria-label='zoom-to-fit']").click()
        self.drawn()
        self.driver.save_screenshot(str(file))

    def one(self, css: str) -> WebElement:
        return self.driver.find_element(By.CSS_SELECTOR, css)

    def all(self, css: str) -> list[WebElement]:
        return self.driver.find_elements(By.CSS_SELECTOR, css)

    def wait(self, condition, what: str, every_s: float = 0.2) -> None:
        wait = WebDriverWait(
            self.driver,
            PATIENCE_S,
            poll_frequency=every_s,
            # The page may draw anew what was just found; then it is looked for again.
            ignored_exceptions=[StaleElementReferenceException],
        )
        wait.until(lambda _: condition(), f"waited in vain for {what}")
