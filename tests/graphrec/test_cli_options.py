"""An option of a question has one name: in Python and, with dashes, on the command line."""

import inspect

import pytest
import typer

from graphrec import Filters, Recommender
from graphrec.cli import build_app

COMMANDS = {
    "recommend": ("recommend", "recommend_for_events"),
    "batch": ("recommend_many",),
    "similar": ("similar",),
    "lookalike": ("users_for_brand", "users_for_product", "users_like"),
    "portfolio": ("creator_portfolio",),
}
SPELLED = {
    "k": {"--top-k"},
    "filters": {"--filter", "--exclude"},
    "exclude_seen": {"--exclude-seen", "--include-seen", "--seen", "--seen-days"},
    "include_unsellable": {"--include-unsellable", "--exclude-unsellable"},
    "reasons": {"--reasons", "--no-reasons"},
    "recent_events": {"--event"},
}
"""Options with a short form, in parts, or as a pair of flags; all others have their own name."""
SINGLE_FILTERS = {
    "--category": "categories",
    "--brand": "brands",
    "--price-min": "price_min",
    "--price-max": "price_max",
}
NO_OPTIONS = {"--policy", "--verify", "--no-verify", "--json", "--target", "--curve"}
LEFT_OUT = {
    # Users are in no list with caps, and cannot be bought.
    "lookalike": {
        *("--new-item-share", "--new-item-days", "--new-items-as-of", "--diversity", "--levels"),
        *("--max-per-category", "--max-per-brand", "--max-per-creator"),
        *("--include-unsellable", "--exclude-unsellable"),
    },
    "portfolio": {"--seen", "--seen-days"},  # a yes or no in Python, too
}


def parameters(name):
    return typer.main.get_command(build_app()).commands[name].params


def spelled(name):
    words = {word for one in parameters(name) for word in (*one.opts, *one.secondary_opts)}
    return {word for word in words if word.startswith("--")} - NO_OPTIONS


def options(name):
    """The options of the questions that a command asks, with their defaults."""
    return {
        one.name: one.default
        for method in COMMANDS[name]
        for one in inspect.signature(getattr(Recommender, method)).parameters.values()
        if one.kind is one.KEYWORD_ONLY
    }


def in_python(name):
    found = set()
    for option in options(name):
        found |= SPELLED.get(option, {"--" + option.replace("_", "-")})
    return found


@pytest.mark.parametrize("name", COMMANDS)
def test_the_command_line_has_the_options_of_python(name):
    assert in_python(name) - spelled(name) == LEFT_OUT.get(name, set())


@pytest.mark.parametrize("name", COMMANDS)
def test_the_command_line_has_no_option_that_python_has_not(name):
    assert spelled(name) - in_python(name) <= SINGLE_FILTERS.keys()
    assert set(SINGLE_FILTERS.values()) <= Filters.model_fields.keys()


@pytest.mark.parametrize("name", COMMANDS)
def test_defaults_of_the_command_line_are_those_of_python(name):
    of_python = options(name)
    compared = [one for one in parameters(name) if one.name in of_python.keys() - {"filters"}]
    assert len(compared) >= 3
    # Who names users asks for others, in Python and on the command line.
    expected = {**of_python, "new_customers_only": False}
    for one in compared:
        assert one.default == expected[one.name], one.name


@pytest.mark.parametrize("name", ["recommend", "batch", "similar"])
def test_as_many_results_are_shown_as_in_python(name):
    (top,) = [one for one in parameters(name) if "--top-k" in one.opts]
    assert top.default == options(name)["k"]
