"""docs/errors.md: the error tree of `graphdb/errors.py`, with remedies."""

import inspect
from collections.abc import Iterator

from doc_pages.markdown import page, table
from graphdb.errors import GraphRecError

INTRO = """\
Every error that graphrec raises on purpose is a `GraphRecError`. Its message says what happened,
with the value, what was expected, and what to do next. The attributes `what`, `expected`,
`next_step` and `value` hold the same parts. The command line prints an error as one line on stderr,
or with `--json` as one JSON object on stderr, and ends with the exit code of the error. Exit code 2
means a wrong option. *Retryable*, also an attribute, means that the same call can succeed later.

An `except` clause also catches the errors below the one that it names: `except DataError` catches a
`SnapshotError`.""".splitlines()


def errors_page() -> str:
    found = list(_tree(GraphRecError, 0))
    lines = [f"{'    ' * depth}{error.__name__}" for error, depth in found]
    return page(
        "Errors",
        "graphdb/errors.py",
        INTRO,
        ["## The tree"],
        ["```", *lines, "```"],
        ["## What they mean"],
        table(
            ["error", "exit code", "retryable", "meaning", "what to do"],
            (
                [
                    f"`{error.__name__}`",
                    str(error.exit_code),
                    "yes" if error.retryable else "",
                    *meaning_and_remedy(error),
                ]
                for error, _ in found
            ),
        ),
    )


def _tree(error: type[GraphRecError], depth: int) -> Iterator[tuple[type[GraphRecError], int]]:
    yield error, depth
    for below in error.__subclasses__():
        if below.__module__ == GraphRecError.__module__:
            yield from _tree(below, depth + 1)


def meaning_and_remedy(error: type[GraphRecError]) -> tuple[str, str]:
    """The first and the second paragraph of the docstring."""
    paragraphs = inspect.cleandoc(error.__doc__ or "").split("\n\n")
    if len(paragraphs) < 2:
        raise ValueError(f"the docstring of {error.__name__} does not say what to do")
    meaning, remedy = (" ".join(text.split()) for text in paragraphs[:2])
    return meaning, remedy
