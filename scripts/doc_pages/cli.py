"""docs/cli.md: the help of every command on one page."""

import inspect
import re
from itertools import groupby
from typing import Any

import typer

from doc_pages.markdown import page, table, wrapped
from graphrec.cli import build_app

SOURCE = "the commands' own help"
INTRO = """\
This page shows what `graphrec COMMAND --help` says. A node is written `TYPE:ID`, such as `User:42`.
Results go to stdout; progress, warnings and [errors](errors.md) go to stderr. A STORE is a file of
the embedded store or the URL of a Neo4j server. A SNAPSHOT and a BUNDLE are [folders](formats.md).\
""".splitlines()


def cli_page() -> str:
    group: Any = typer.main.get_command(build_app())
    return page(
        "The command line",
        SOURCE,
        INTRO,
        [
            line
            for name, one in group.commands.items()
            for line in wrapped(f"- [`{name}`](#graphrec-{name}): {_help(one)[0]}", "  ")
        ],
        *(_command(name, command) for name, command in group.commands.items()),
    )


def _command(name: str, command: Any) -> list[str]:
    usage = [_metavar(one) for one in command.params if one.param_type_name == "argument"]
    lines = [f"## graphrec {name}", "", f"`graphrec {' '.join([name, *usage])} [OPTIONS]`"]
    for are_examples, paragraphs in groupby(_help(command), _is_example):
        if are_examples:
            lines += ["", *("    " + example for example in paragraphs)]
        else:
            lines += [line for text in paragraphs for line in ("", *wrapped(text))]
    rows = [_parameter(one) for one in command.params]
    return [*lines, "", *table(["name", "default", "meaning"], rows)]


def _is_example(paragraph: str) -> bool:
    return paragraph.startswith(("graphrec ", "torchrun "))


def _help(command: Any) -> list[str]:
    """The paragraphs of the help; what is bold on a screen is code or bold in Markdown."""
    text = inspect.cleandoc(command.help or "")
    text = re.sub(r"\[bold\](--[\w-]+)\[/bold\]", r"`\1`", text)
    text = re.sub(r"\[/?bold\]", "**", text)
    return [" ".join(paragraph.split()) for paragraph in text.split("\n\n")]


def _metavar(parameter: Any) -> str:
    return str(parameter.metavar or parameter.name.upper()).strip("[]")


def _parameter(parameter: Any) -> list[str]:
    meaning = " ".join((parameter.help or "").split())
    if parameter.param_type_name == "argument":
        return [f"`{_metavar(parameter)}`", "", meaning]
    names = [*parameter.opts, *parameter.secondary_opts]
    return [", ".join(f"`{name}`" for name in names), _default(parameter), meaning]


def _default(parameter: Any) -> str:
    if isinstance(parameter.show_default, str):
        return f"`{parameter.show_default}`"
    value = parameter.default
    if parameter.is_flag and not parameter.secondary_opts:
        return ""
    if isinstance(value, bool):
        return f"`{(parameter.opts if value else parameter.secondary_opts)[0]}`"
    return "" if value is None or value in ((), []) else f"`{value}`"
