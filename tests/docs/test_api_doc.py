"""docs/api*.md: every public name stands there, with a docstring that says something."""

import ast
import inspect
import pkgutil
import re
from importlib import import_module
from pathlib import Path

import pytest
from doc_pages.api import Entry, described, entry_of
from doc_pages.api_themes import PACKAGES
from pages.markdown import PAGES, name_of, read, texts

import graphdb
import training
from graphrec import Recommender

LISTED = [
    (package.name, theme.module or package.name, name)
    for package in PACKAGES
    for theme in package.themes
    for name in theme.names
]


def entries() -> list[tuple[str, Entry]]:
    return [(package, entry_of(module, name)) for package, module, name in LISTED]


@pytest.mark.parametrize("package", [package.name for package in PACKAGES])
def test_every_public_name_has_a_theme(package):
    listed = [name for _, module, name in LISTED if module == package]
    assert sorted(listed) == sorted(import_module(package).__all__)


@pytest.mark.parametrize(("package", "entry"), entries(), ids=lambda one: getattr(one, "name", one))
def test_every_name_stands_on_its_page(package, entry):
    page, index = read(f"docs/api-{package}.md"), read("docs/api.md")
    if entry.kind == "error":
        assert f"- [`{entry.name}`](errors.md): " in page
    else:
        assert f"\n### {entry.name}\n" in page
        assert entry.signature in page
    assert f"[`{entry.name}`](" in index


@pytest.mark.parametrize("entry", [one for _, one in entries()], ids=lambda one: one.name)
def test_every_name_has_a_docstring_that_begins_with_a_sentence(entry):
    assert re.match(r"\S.*\w.*[.!?:`)]$", entry.first_sentence), entry.name


def test_what_pages_import_is_described():
    """Names of ours in the Python blocks of the other pages."""
    described = {id(getattr(import_module(module), name)) for _, module, name in LISTED}
    elsewhere = {"DuckDBStore", "HeteroData"}  # a store behind `open_store`, a class of PyG
    missing = {
        (name_of(page), alias.name)
        for page in PAGES
        for text in texts(name_of(page), "python")
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.ImportFrom)
        and str(node.module).split(".")[0] in ("graphdb", "graphrec", "training")
        for alias in node.names
        if id(getattr(import_module(str(node.module)), alias.name)) not in described
        and alias.name not in elsewhere
    }
    assert missing == set()


def test_a_docstring_becomes_markdown():
    doc = """Does it.

    Args:
        one, two: First
            and more.
        three: Last.

    Example:
        >>> 1 + 1
        2

    Raises:
        ValueError: Never."""
    indented = doc.replace("\n    ", "\n")
    assert described(indented) == [
        "Does it.",
        "",
        "Arguments:",
        "",
        "- `one`, `two`: First and more.",
        "- `three`: Last.",
        "",
        "Example:",
        "",
        "```",
        ">>> 1 + 1",
        "2",
        "```",
        "",
        "Raises:",
        "",
        "- `ValueError`: Never.",
    ]


def typed_imports(module) -> dict[str, str]:
    """Names that a package imports for type checkers alone, with their modules."""
    (block,) = [
        node
        for node in ast.parse(Path(module.__file__).read_text()).body
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    ]
    return {
        alias.name: node.module
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


@pytest.mark.parametrize("package", [training, graphdb])
def test_type_checkers_see_what_is_imported_later(package):
    assert typed_imports(package) == package._HOMES
    assert set(package._HOMES) <= set(package.__all__)


@pytest.mark.parametrize("package", [training, graphdb])
def test_no_module_hides_a_public_name(package):
    modules = {one.name for one in pkgutil.iter_modules(package.__path__)}
    assert modules & set(package.__all__) == set()


@pytest.mark.parametrize("package", [training, graphdb])
def test_lazy_names_are_there(package):
    assert set(package.__all__) <= set(dir(package))
    assert all(hasattr(package, name) for name in package.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = package.nothing


def test_the_page_shows_every_option_of_a_question():
    methods = {one.name: one.signature for one in entry_of("graphrec", "Recommender").members}
    page = read("docs/api-graphrec.md")
    for name, method in vars(Recommender).items():
        if not name.startswith("_") and inspect.isfunction(method):
            shown = [one for one in inspect.signature(method).parameters if one != "self"]
            assert re.findall(r"(?:^\s*|\(|, )(\w+): ", methods[name], re.M) == shown
            assert methods[name] in page
    assert "    exclude_seen: bool | Seen = True,\n" in methods["products_for_user"]
    assert (
        "\n    on_unknown: Literal['error', 'popular', 'skip'] = 'skip',\n"
        in (methods["recommend_many"])
    )
