"""docs/api*.md: every public name of the three packages, with signatures and docstrings.

Signatures are taken from the source, so that they read the same under every version of Python.
"""

import ast
import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from textwrap import dedent
from typing import Any, get_args

from doc_pages.api_themes import PACKAGES, Package, Theme
from doc_pages.markdown import page, wrapped
from graphdb.errors import GraphRecError
from graphrec import Recommender
from graphrec.query.options import (
    AudienceOptions,
    BatchOptions,
    Options,
    RankOptions,
    SimilarOptions,
)

ROOT = Path(__file__).parents[2]
PACKAGE_NAMES = tuple(package.name for package in PACKAGES)
INTRO = """\
This reference lists every public name of the three packages, with signatures and docstrings. Names
that are not listed can change without notice. For an introduction, read the
[quick start](quickstart.md) and the [tour](tour.md) first; the [errors](errors.md) have a page of
their own.""".splitlines()


def api_pages() -> dict[str, str]:
    """The text of every page, by file name."""
    pages = {f"api-{package.name}.md": _package_page(package) for package in PACKAGES}
    return {"api.md": _index(), **pages}


def public_names(package: Package) -> list[str]:
    """The names that the package's page must have."""
    return list(import_module(package.name).__all__)


@dataclass(frozen=True)
class Entry:
    """What a page says of one public name or one member of a class.

    Args:
        kind: 'class', 'function', 'error' or 'value'.
        signature: As the source has it.
        doc: The whole docstring, without indentation.
        members: Of a class, its public methods and properties.
    """

    name: str
    kind: str
    signature: str
    doc: str
    members: list["Entry"] = field(default_factory=list)

    @property
    def first_sentence(self) -> str:
        """The first sentence of the docstring, on one line; '' without one."""
        paragraph = " ".join(self.doc.split("\n\n")[0].split())
        return re.split(r"(?<=[.!?])\s", paragraph, maxsplit=1)[0]


def entry_of(package: str, name: str) -> Entry:
    """Reads one public name of a package or of a module in it."""
    value = getattr(import_module(package), name)
    if inspect.isclass(value):
        if issubclass(value, GraphRecError):
            return Entry(name, "error", "", inspect.getdoc(value) or "")
        return _class(name, value)
    if inspect.isfunction(value):
        return _function(name, value)
    return Entry(name, "value", *_assigned(package, name))


def _function(name: str, value: Any) -> Entry:
    node = _parsed(value)
    return Entry(name, "function", _call(name, node), inspect.getdoc(value) or "")


def _class(name: str, value: type) -> Entry:
    node = _parsed(value)
    call = _options(node) or _fields_call(name, value) or _constructor_call(name, value) or name
    # A dataclass without a docstring would get its signature for one.
    doc = inspect.cleandoc(ast.get_docstring(node) or "") + _described_fields(node)
    return Entry(name, "class", call, doc, list(_members(value)))


def _described_fields(node: ast.ClassDef) -> str:
    """The fields that have a docstring of their own, as the arguments of the class."""
    found = [
        f"    {field.target.id}: {' '.join(str(said.value.value).split())}"
        for field, said in pairwise(node.body)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(said, ast.Expr)
        and isinstance(said.value, ast.Constant)
    ]
    return "\n".join(["\n\nArgs:", *found]) if found else ""


def _members(value: type) -> Iterator[Entry]:
    """Public methods and properties, those of base classes in our packages after its own."""
    known: set[str] = set()
    for base in value.__mro__:
        if base.__module__.split(".")[0] not in PACKAGE_NAMES:
            continue
        for node in _parsed(base).body:
            if isinstance(node, ast.Assign):
                yield from _questions(base, [ast.unparse(target) for target in node.targets])
            if not isinstance(node, ast.FunctionDef) or node.name.startswith("_"):
                continue
            doc = inspect.cleandoc(ast.get_docstring(node) or "")
            if node.name in known or _is_overload(node):
                continue
            known.add(node.name)
            decorators = {ast.unparse(one).split("(")[0] for one in node.decorator_list}
            yield Entry(node.name, "method", _member_call(node, decorators), doc)


def _questions(base: type, names: list[str]) -> Iterator[Entry]:
    """Methods that are made of functions elsewhere, with every option that these take."""
    for name in names:
        function = getattr(vars(base).get(name), "__wrapped__", None)
        if function is None:
            continue
        node, doc = _parsed(function), inspect.getdoc(function) or ""
        words = _arguments(node)[1:]
        if node.args.kwarg:
            declared = get_args(inspect.signature(function).parameters["options"].annotation)[0]
            words = [*words[:-1], *([] if node.args.kwonlyargs else ["*"]), *_options_of(declared)]
            doc += f"\n\nOptions: [`{declared.__name__}`](#{_anchor(declared.__name__)})."
        yield Entry(name, "method", _joined(name, words, _arrow(node)), doc)


def _options_of(declared: type) -> list[str]:
    """The options of a typed dictionary, with the defaults of `RankOptions`."""
    values = {
        node.target.id: node.value
        for node in _parsed(RankOptions).body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    }
    kinds = (SimilarOptions, BatchOptions, Options, AudienceOptions)
    types = {
        ast.unparse(node.target): ast.unparse(node.annotation)
        for kind in kinds
        for node in _parsed(kind).body
        if isinstance(node, ast.AnnAssign)
    }
    names = [one for one in inspect.signature(Recommender.recommend).parameters if one in values]
    names += [one for one in types if one not in values]
    return [
        f"{name}: {types[name]} = {ast.unparse(values[name]) if name in values else None}"
        for name in names
        if name in declared.__annotations__
    ]


def _is_overload(node: ast.FunctionDef) -> bool:
    names = {ast.unparse(one) for one in node.decorator_list}
    return "overload" in names or any(name.endswith(".setter") for name in names)


def _member_call(node: ast.FunctionDef, decorators: set[str]) -> str:
    if decorators & {"property", "cached_property", "functools.cached_property"}:
        return f"{node.name}: {ast.unparse(node.returns)}" if node.returns else node.name
    is_static = "staticmethod" in decorators
    return _call(node.name, node, skip_first=not is_static)


def _constructor_call(name: str, value: type) -> str:
    """The arguments of `__init__`; '' for a class that is not to be made by its name."""
    for base in value.__mro__:
        if base.__module__.split(".")[0] not in PACKAGE_NAMES or getattr(base, "_is_protocol", 0):
            continue
        for node in _parsed(base).body:
            if isinstance(node, ast.FunctionDef) and node.name == "__init__":
                return _call(name, node, skip_first=True, returns=False)
    return ""


def _options(node: ast.ClassDef) -> str:
    """The keys of a typed dictionary of options; '' for other classes."""
    if not any(one.arg == "total" for one in node.keywords):
        return ""
    head = f"class {node.name}({', '.join(ast.unparse(base) for base in node.bases)})"
    keys = [ast.unparse(one) for one in node.body if isinstance(one, ast.AnnAssign)]
    return "\n".join([f"{head}:", *(f"    {key}" for key in keys)])


def _fields_call(name: str, value: type) -> str:
    """The fields of a dataclass, a named tuple or a pydantic model, base classes first."""
    is_model = hasattr(value, "model_fields")
    if not (is_model or hasattr(value, "__dataclass_fields__") or hasattr(value, "_fields")):
        return ""
    fields: dict[str, str] = {}
    for base in reversed(value.__mro__):
        if base.__module__.split(".")[0] not in PACKAGE_NAMES:
            continue
        for node in _parsed(base).body:
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                annotation, default = ast.unparse(node.annotation), _default(node.value)
                if not node.target.id.startswith("_") and not annotation.startswith("ClassVar"):
                    fields[node.target.id] = f"{node.target.id}: {annotation}{default}"
    return _joined(name, list(fields.values()), "")


def _default(node: ast.expr | None) -> str:
    """The default of a field, also where a call such as `Field(default=...)` holds it."""
    if node is None:
        return ""
    if isinstance(node, ast.Call) and ast.unparse(node.func) in ("Field", "field"):
        named = {one.arg: one.value for one in node.keywords}
        if "default" in named:
            return f" = {ast.unparse(named['default'])}"
        if "default_factory" in named:
            return f" = {ast.unparse(named['default_factory'])}()"
        return f" = {ast.unparse(node.args[0])}" if node.args else ""
    return f" = {ast.unparse(node)}"


def _call(name: str, node: ast.AST, *, skip_first: bool = False, returns: bool = True) -> str:
    assert isinstance(node, ast.FunctionDef)
    words = _arguments(node)
    return _joined(name, words[1:] if skip_first else words, _arrow(node) if returns else "")


def _arrow(node: ast.FunctionDef) -> str:
    return f" -> {ast.unparse(node.returns)}".replace("'", "") if node.returns else ""


def _arguments(node: ast.FunctionDef) -> list[str]:
    given = node.args
    positional = [*given.posonlyargs, *given.args]
    defaults: list[ast.expr | None] = [None] * (len(positional) - len(given.defaults))
    defaults += given.defaults
    words = [_argument(one, value) for one, value in zip(positional, defaults, strict=True)]
    if given.vararg:
        words.append(f"*{_argument(given.vararg, None)}")
    elif given.kwonlyargs:
        words.append("*")
    words += [
        _argument(one, value)
        for one, value in zip(given.kwonlyargs, given.kw_defaults, strict=True)
    ]
    if given.kwarg:
        words.append(f"**{_argument(given.kwarg, None)}")
    return words


def _argument(node: ast.arg, default: ast.expr | None) -> str:
    annotation = f": {ast.unparse(node.annotation)}" if node.annotation else ""
    if default is None:
        return f"{node.arg}{annotation}"
    return f"{node.arg}{annotation} = {ast.unparse(default)}"


def _joined(name: str, words: list[str], arrow: str) -> str:
    """A call on one line, or with one argument on a line where that would be long."""
    whole = f"{name}({', '.join(words)}){arrow}"
    if len(whole) <= 88:
        return whole
    return "\n".join([f"{name}(", *(f"    {word}," for word in words), f"){arrow}"])


def _parsed(value: Any) -> Any:
    return ast.parse(dedent(inspect.getsource(value))).body[0]


def _assigned(package: str, name: str) -> tuple[str, str]:
    """How a constant or an alias is written, and the text below it that describes it."""
    for module in _modules(package, name):
        body = ast.parse(Path(module.__file__ or "").read_text(encoding="utf-8")).body
        for node, after in zip(body, [*body[1:], None], strict=True):
            targets = node.targets if isinstance(node, ast.Assign) else []
            if isinstance(node, ast.AnnAssign):
                targets = [node.target]
            if name not in [ast.unparse(target) for target in targets]:
                continue
            written = ast.unparse(node)
            doc = after.value if isinstance(after, ast.Expr) else None
            text = doc.value if isinstance(doc, ast.Constant) else ""
            short = written if len(written) <= 88 and "\n" not in written else name
            return short, inspect.cleandoc(str(text))
    raise ValueError(f"{package} has no {name}")


def _modules(package: str, name: str) -> Iterator[Any]:
    """The modules that a name comes from, down to the one that assigns it."""
    module = import_module(package)
    yield module
    for node in ast.walk(ast.parse(Path(module.__file__ or "").read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and name in [one.name for one in node.names]:
            yield from _modules(str(node.module), name)


def _index() -> str:
    parts: list[list[str]] = []
    for package in PACKAGES:
        parts.append([f"## {package.name}"])
        parts.append(
            wrapped(f"{package.summary} All of it: [{package.name}](api-{package.name}.md).")
        )
        for theme in package.themes:
            lines = [f"**{theme.title}**", ""]
            for name in theme.names:
                entry = entry_of(theme.module or package.name, name)
                link = _link(package, entry)
                lines += wrapped(f"- {link}: {entry.first_sentence}", "  ")
            parts.append(lines)
    return page("API reference", "the docstrings", INTRO, *parts)


def _link(package: Package, entry: Entry) -> str:
    if entry.kind == "error":
        return f"[`{entry.name}`](errors.md)"
    return f"[`{entry.name}`](api-{package.name}.md#{_anchor(entry.name)})"


def _anchor(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _package_page(package: Package) -> str:
    contents = []
    for theme in package.themes:
        names = ", ".join(f"`{name}`" for name in theme.names)
        line = f"- [{theme.title}](#{_anchor(theme.title)}): {names}"
        contents += wrapped(line, "  ")
    parts = [part for theme in package.themes for part in _theme(package, theme)]
    intro = wrapped(f"{package.intro} [API reference](api.md) has all packages on one page.")
    return page(
        f"API: {package.name}", f"the docstrings of {package.name}", intro, contents, *parts
    )


def _theme(package: Package, theme: Theme) -> Iterator[list[str]]:
    yield [f"## {theme.title}"]
    if theme.intro:
        yield wrapped(theme.intro)
    errors = []
    for name in theme.names:
        entry = entry_of(theme.module or package.name, name)
        if entry.kind == "error":
            errors += wrapped(f"- [`{name}`](errors.md): {entry.first_sentence}", "  ")
        else:
            yield _described(entry, theme.module or package.name)
    if errors:
        yield errors


def _described(entry: Entry, module: str) -> list[str]:
    lines = [f"### {entry.name}", "", "```", f"from {module} import {entry.name}", ""]
    if entry.kind == "value":
        lines = [*lines[:-1], "", entry.signature, "```"]
    else:
        lines += [entry.signature, "```"]
    if entry.doc:
        lines += ["", *described(entry.doc)]
    for member in entry.members:
        lines += ["", f"#### {entry.name}.{member.name}", "", "```", member.signature, "```"]
        if member.doc:
            lines += ["", *described(member.doc)]
    return lines


_SECTIONS = ("Args:", "Raises:", "Returns:", "Yields:", "Example:", "Examples:")
_TITLES = {"Args:": "Arguments:", "Example:": "Example:", "Examples:": "Examples:"}


def described(doc: str) -> list[str]:
    """A docstring as Markdown: prose wrapped, arguments and errors as lists, examples as code."""
    lines: list[str] = []
    for block in doc.split("\n\n"):
        first, _, rest = block.partition("\n")
        if lines:
            lines.append("")
        if first.strip() in _SECTIONS:
            title = _TITLES.get(first.strip(), first.strip())
            lines += [title, "", *_section(first.strip(), dedent(rest))]
        else:
            lines += _paragraph(block)
    return lines


def _section(title: str, text: str) -> list[str]:
    if title in ("Args:", "Raises:"):
        return [line for name, said in _items(text) for line in _item(name, said)]
    return _paragraph(text)


def _item(names: str, said: str) -> list[str]:
    code = ", ".join(f"`{name.strip()}`" for name in names.split(","))
    return wrapped(f"- {code}: {said}", "  ")


def _items(text: str) -> Iterator[tuple[str, str]]:
    """Name and text of each item; a line that is indented goes on with the one before."""
    items: list[list[str]] = []
    for line in text.splitlines():
        if line.startswith(" ") and items:
            items[-1].append(line.strip())
        elif line.strip():
            items.append([line.strip()])
    for item in items:
        name, _, said = " ".join(item).partition(": ")
        yield name, said


def _paragraph(block: str) -> list[str]:
    """Prose is wrapped; examples, lists and what is indented stand as they are."""
    if block.lstrip().startswith(">>>"):
        return ["```", *dedent(block).splitlines(), "```"]
    rows = block.splitlines()
    if all(row.startswith("    ") for row in rows if row.strip()):
        return ["```", *dedent(block).splitlines(), "```"]
    if rows and re.match(r"([-*]|\d+\.) ", rows[0].strip()):
        return rows
    return wrapped(" ".join(block.split()))
