"""Each question of `Recommender` shows every option, in signatures, in help() and to completion."""

import inspect
import pydoc
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, get_type_hints

import pytest
from mypy import api

from graphdb.errors import QueryError
from graphrec import Recommender
from graphrec.query.options import AudienceOptions, Options, RankOptions, SimilarOptions

RECOMMEND = (
    "recommend recommend_many recommend_for_events top_rows products_for_user products_for_events "
    "brands_for_user creators_for_user contents_for_user categories_for_creator "
    "products_for_creator brands_for_creator creators_for_product creators_for_brand creator_rows "
    "for_creator_rows"
)
SIMILAR = "similar recommend_vector similar_products similar_creators similar_brands similar_users"
AUDIENCE = "users_for_product users_for_brand lookalike_rows users_like"
TAKES = {
    **dict.fromkeys(RECOMMEND.split(), Options),
    **dict.fromkeys(SIMILAR.split(), SimilarOptions),
    **dict.fromkeys(AUDIENCE.split(), AudienceOptions),
}
WITHOUT_OPTIONS = (
    "knows seen fields explain embed_new reach_curve creator_portfolio "
    "open from_training reload set_policy explain_exclusion"
)
DEFAULTS = {field.name: field.default for field in fields(RankOptions)}
OTHER_DEFAULTS = {
    ("recommend_many", "on_unknown"): "skip",  # one bad id must not lose the rest of a batch
    **{(name, option): None for name in AUDIENCE.split() for option in ("share", "min_score")},
}
EVERY_OPTION = [(name, option) for name, kind in TAKES.items() for option in get_type_hints(kind)]


def shown(name):
    return inspect.signature(getattr(Recommender, name)).parameters


def test_recommender_inherits_from_nothing():
    assert Recommender.__bases__ == (object,)


def test_every_public_method_is_tested_here():
    methods = [
        name
        for name, value in vars(Recommender).items()
        if not name.startswith("_") and not isinstance(value, property)
    ]
    assert sorted(methods) == sorted([*TAKES, *WITHOUT_OPTIONS.split()])


@pytest.mark.parametrize("name", [*TAKES, *WITHOUT_OPTIONS.split()])
def test_no_signature_hides_its_options(name):
    kinds = {parameter.kind for parameter in shown(name).values()}
    assert not kinds & {inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL}


@pytest.mark.parametrize(("name", "option"), EVERY_OPTION)
def test_a_signature_shows_each_option_with_type_and_default(name, option):
    parameter = shown(name)[option]
    assert parameter.kind is inspect.Parameter.KEYWORD_ONLY
    assert parameter.default == OTHER_DEFAULTS.get((name, option), DEFAULTS.get(option))
    assert parameter.annotation == get_type_hints(TAKES[name])[option]


@pytest.mark.parametrize("name", TAKES)
def test_a_bound_method_shows_the_same(recommender, name):
    bound = inspect.signature(getattr(recommender, name)).parameters
    assert list(bound) == list(shown(name))[1:]
    assert next(iter(shown(name))) == "self"


@pytest.mark.parametrize("name", [*TAKES, *WITHOUT_OPTIONS.split()])
def test_help_names_every_argument_with_its_meaning(name):
    said = pydoc.plain(pydoc.render_doc(getattr(Recommender, name)))
    described = [one for one in shown(name) if one != "self" and not one.endswith(("_type", "_id"))]
    assert [one for one in described if f"        {one}: " not in said] == []
    assert "options: " not in said
    assert said.count("    Args:\n") == bool(described)


def test_sections_of_help_are_in_order():
    said = inspect.getdoc(Recommender.recommend)
    places = [said.index(title) for title in ("Args:", "k: The number", "Raises:")]
    assert places == sorted(places)


def test_types_of_ranking_options_are_those_of_the_options():
    declared = get_type_hints(RankOptions)
    declared["filters"] |= Mapping[str, Any]  # a dictionary becomes Filters before it is an option
    assert get_type_hints(Options) == declared


@pytest.mark.parametrize("name", TAKES)
def test_the_name_of_a_question_is_its_own(name):
    method = getattr(Recommender, name)
    assert (method.__name__, method.__qualname__) == (name, f"Recommender.{name}")


ARGUMENTS = {
    "recommend": ("User", "ann", "Product"),
    "recommend_many": ("User", ["ann"], "Product"),
    "recommend_for_events": ([("PURCHASED", "p1")], "Product"),
    "recommend_vector": ([1.0, 0.0], "Product"),
    "top_rows": ("User", [0], "Product"),
    "products_for_events": ([("PURCHASED", "p1")],),
    "creator_rows": ("Brand", [0]),
    "for_creator_rows": ([0], "Product"),
    "similar": ("Product", "p1"),
    "lookalike_rows": ("Brand", ["acme"]),
    "users_like": (["ann"],),
}


@pytest.mark.parametrize("name", TAKES)
def test_a_wrong_option_names_the_nearest(recommender, name):
    arguments = ARGUMENTS.get(name, ("p1",))
    with pytest.raises(QueryError, match=r"no option 'filtres'.*did you mean 'filters'"):
        getattr(recommender, name)(*arguments, filtres=None)


@pytest.mark.slow
def test_type_checkers_see_every_option(tmp_path):
    snippet = tmp_path / "snippet.py"
    snippet.write_text(
        "from graphrec import Recommendations, Recommender\n"
        "def ask(recommender: Recommender) -> Recommendations:\n"
        "    recommender.products_for_user('ann', filtres=None)\n"
        "    recommender.users_for_brand('acme', share='all')\n"
        "    recommender.recommend_many('User', ['ann'], 'Product', on_unknown='ignore')\n"
        "    return recommender.recommend('User', 'ann', 'Product', k=3, exclude_seen=False)\n"
    )
    said, _, _ = api.run(["--strict", f"--cache-dir={tmp_path}", str(snippet)])
    errors = [line for line in said.splitlines() if "snippet.py" in line]
    assert [line.split(":")[1] for line in errors] == ["3", "4", "5"], said
