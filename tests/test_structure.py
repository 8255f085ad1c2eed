"""The packages can be read: no import circle, few files, none of them long."""

import ast
import tomllib
from pathlib import Path

import networkx as nx
import pytest

import graphrec

ROOT = Path(__file__).parents[1]
PACKAGES = ("graphdb", "graphrec", "training")
MOST_FILES, MOST_LINES = 279, 450
FILES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for package in PACKAGES
    for path in sorted((ROOT / package).rglob("*.py"))
}


def imported(source: str) -> set[str]:
    """The modules of ours that a file imports, wherever in it, for types alone as well."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module:
            for name in node.names:
                whole = f"{node.module}.{name.name}"
                found.add(whole if whole in FILES else node.module)
        elif isinstance(node, ast.Import):
            found.update(name.name for name in node.names)
    return found & FILES.keys()


def circles(imports: dict[str, set[str]]) -> list[list[str]]:
    graph = nx.DiGraph([(name, other) for name, others in imports.items() for other in others])
    found = [sorted(part) for part in nx.strongly_connected_components(graph) if len(part) > 1]
    return sorted(found + [[name] for name in nx.nodes_with_selfloops(graph)])


def test_no_modules_import_each_other():
    assert circles({name: imported(path.read_text()) for name, path in FILES.items()}) == []


@pytest.mark.parametrize(
    "source",
    ["from b import x", "def f():\n    import b", "if TYPE_CHECKING:\n    from b import X"],
)
def test_a_circle_would_be_found(source, monkeypatch):
    monkeypatch.setattr(f"{__name__}.FILES", {"a": None, "b": None})
    assert circles({"a": imported(source), "b": imported("import a")}) == [["a", "b"]]


def test_files_are_few_and_none_is_long():
    assert len(FILES) <= MOST_FILES
    lengths = {name: len(path.read_text().splitlines()) for name, path in FILES.items()}
    assert {name: length for name, length in lengths.items() if length > MOST_LINES} == {}


def test_the_version_is_the_projects():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert graphrec.__version__ == project["version"]
