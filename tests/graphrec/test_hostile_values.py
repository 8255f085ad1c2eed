"""Any value in any place of any question gives an answer or one of our errors."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from graphrec import (
    Block,
    Filters,
    GraphRecError,
    InvalidFilterError,
    Licence,
    OwnBlock,
    Policy,
    PolicyError,
    QueryError,
    Recommender,
    Seen,
    read_policy,
)
from graphrec.cli import build_app
from graphrec.query.limits import MOST_DEPTH, MOST_EVENTS, MOST_K


def nested(depth):
    found = []
    for _ in range(depth):
        found = [found]
    return found


HOSTILE = {
    "None": None,
    "nothing": "",
    "a space": " ",
    "a NUL": "\x00",
    "no UTF-8": "\udcff",
    "text": "p1",
    "an escape": "\x1b[31m",
    "very long": "x" * 100_000,
    "bytes": b"p1",
    "0": 0,
    "-1": -1,
    "1": 1,
    "True": True,
    "2**31": 2**31,
    "2**63": 2**63,
    "10**400": 10**400,
    "-10**400": -(10**400),
    "0.5": 0.5,
    "NaN": float("nan"),
    "infinity": float("inf"),
    "1e308": 1e308,
    "5e-324": 5e-324,
    "float32 NaN": np.float32("nan"),
    "int64": np.int64(2**62),
    "a decimal": Decimal("NaN"),
    "complex": 1j,
    "a list": [],
    "a list of None": [None],
    "a list of numbers": [1, 2**70, float("nan")],
    "a list of texts": ["p1", "\udcff", "", "p1"],
    "deep": nested(50_000),
    "a set": {"p1"},
    "a dictionary": {"p1": 1},
    "an object": object(),
    "a type": int,
    "year 1": datetime.min,
    "year 1, UTC": datetime.min.replace(tzinfo=UTC),
    "year 9999, UTC": datetime.max.replace(tzinfo=UTC),
    "a duration": timedelta(days=1),
    "an array": np.array([[1.0, np.nan]]),
    "an array of objects": np.array([object()]),
    "filters": Filters(price_max=3),
}
ANY = list(HOSTILE)

EVENTS = [("PURCHASED", "p0"), ("VIEWED", "p1")]
OPTIONS = {
    "k": 3,
    "filters": None,
    "exclude_seen": True,
    "value_weight": 0.0,
    "new_item_share": 0.5,
    "new_item_days": 30.0,
    "new_items_as_of": datetime(2026, 1, 1, tzinfo=UTC),
    "max_per_category": None,
    "max_per_brand": None,
    "max_per_creator": None,
    "diversity": 0.0,
    "levels": "leaf",
    "include_unsellable": False,
    "on_unknown": "error",
}
SIMILAR = {
    name: value
    for name, value in OPTIONS.items()
    if name not in ("exclude_seen", "value_weight", "on_unknown")
}
AUDIENCE = {**SIMILAR, "share": None, "min_score": None, "new_customers_only": False}
METHODS = {
    "recommend": {"query_type": "User", "query_id": "u2", "target_type": "Product", **OPTIONS},
    "recommend_many": {
        "query_type": "User", "query_ids": ["u2", "u1"], "target_type": "Product", **OPTIONS
    },
    "recommend_for_events": {
        "events": EVENTS, "target_type": "Product", "half_life_days": 30.0, **OPTIONS
    },
    "products_for_user": {"user_id": "u2", **OPTIONS},
    "products_for_creator": {"creator_id": "c0", **OPTIONS},
    "creators_for_brand": {"brand_id": "b0", **OPTIONS},
    "similar": {"node_type": "Product", "node_id": "p0", **SIMILAR},
    "similar_users": {"user_id": "u0", **SIMILAR},
    "recommend_vector": {
        "vector": np.ones(3, np.float32), "target_type": "Product", "exclude_ids": (), **SIMILAR
    },
    "users_for_brand": {"brand_id": "b0", **AUDIENCE},
    "users_like": {"user_ids": ["u0"], **AUDIENCE},
    "lookalike_rows": {"query_type": "Brand", "query_ids": ["b0"], **AUDIENCE},
    "reach_curve": {"query_type": "Brand", "query_id": "b1", "shares": [0.5], "filters": None},
    "creator_portfolio": {
        "brand_id": "b2", "k": None, "budget": 3.0, "costs": {"c0": 1.0, "c1": 1.0, "c2": 1.0},
        "new_customers_only": False, "exclude_seen": False, "filters": None,
    },
    "top_rows": {
        "query_type": "User", "query_rows": np.array([0]), "target_type": "Product", **OPTIONS
    },
    "seen": {"query_type": "User", "query_id": "u0", "target_type": "Product", "rule": Seen()},
    "fields": {"node_type": "Product", "node_id": "p0"},
    "knows": {"query_type": "User", "query_id": "u0", "target_type": "Product"},
    "explain_exclusion": {"node_type": "Product", "node_id": "p0", "query": ("User", "u0")},
    "explain": {
        "query_type": "User", "query_id": "u0", "target_type": "Product", "target_id": "p2",
        "k": 3, "max_hops": 4,
    },
    "embed_new": {"node_type": "Product", "neighbors": {"Product-MADE_BY-Brand": ["b0"]}},
    "set_policy": {"policy": None},
}  # fmt: skip
PLACES = [(method, name) for method, arguments in METHODS.items() for name in arguments]


@pytest.fixture(scope="module")
def asking(market):
    return Recommender(market)


def ask(asking, method, **changed):
    """An answer, or one of our errors, which is readable."""
    try:
        return getattr(asking, method)(**{**METHODS[method], **changed})
    except GraphRecError as error:
        assert len(str(error)) < 2_000
        str(error).encode()
        return error


@pytest.mark.parametrize("method", METHODS)
def test_the_questions_have_answers_as_they_stand(asking, method):
    found = ask(asking, method)
    assert isinstance(found, GraphRecError) == (method in ("embed_new", "reach_curve")), found


@pytest.mark.parametrize(("method", "name"), PLACES)
def test_any_value_in_one_place(asking, method, name):
    for value in HOSTILE.values():
        ask(asking, method, **{name: value})


@settings(max_examples=200, deadline=None)
@given(st.data(), st.sampled_from(list(METHODS)))
def test_any_values_in_several_places(asking, data, method):
    names = data.draw(st.lists(st.sampled_from(list(METHODS[method])), min_size=2, max_size=4))
    ask(asking, method, **{name: HOSTILE[data.draw(st.sampled_from(ANY))] for name in names})


EVENTS_OF = [
    lambda value: [value],
    lambda value: [("PURCHASED", value)],
    lambda value: [(value, "p1")],
    lambda value: [("PURCHASED", "p1", value)],
    lambda value: [("PURCHASED", "p1", None, value)],
    lambda value: [(value,)],
]


@pytest.mark.parametrize("wrong", ANY)
@pytest.mark.parametrize("make", range(len(EVENTS_OF)))
def test_any_value_in_an_event(asking, make, wrong):
    ask(asking, "recommend_for_events", events=EVENTS_OF[make](HOSTILE[wrong]))


FIELDS = [name for name in Filters.model_fields if name != "exclude"]
PROPERTIES = ("title", "price", "stock", "status", "created_at")


def filtered(asking, content, target="Product"):
    try:
        filters = Filters(**content)
    except GraphRecError as error:
        assert len(str(error)) < 2_000
        str(error).encode()
        return
    ask(asking, "recommend", target_type=target, filters=filters)


@pytest.mark.parametrize("wrong", ANY)
def test_any_value_in_a_filter(asking, wrong):
    value = HOSTILE[wrong]
    for field in (*FIELDS, "exclude", "unheard_of"):
        for content in ({field: value}, {field: [value]}, {"exclude": {field: value}}):
            filtered(asking, content)


@pytest.mark.parametrize("wrong", ANY)
@pytest.mark.parametrize("name", PROPERTIES)
def test_any_value_in_a_condition(asking, name, wrong):
    value = HOSTILE[wrong]
    for condition in (value, [value], {"min": value}, {"max": value}, {"one_of": [value, value]}):
        filtered(asking, {"properties": {name: condition}})
    filtered(asking, {"properties": {"private_label": value}}, "Brand")


RULES = {
    "block": lambda value: Block(type="Product", ids=value, reason="X"),
    "block.type": lambda value: Block(type=value, ids="p1", reason="X"),
    "block.where": lambda value: Block(type="Product", where={"price": value}, reason="X"),
    "block.where.min": lambda value: Block(
        type="Product", where={"stock": {"min": value}}, reason="X"
    ),
    "block.reason": lambda value: Block(type="Product", ids="p1", reason=value),
    "block.since": lambda value: Block(type="Product", ids="p1", reason="X", since=value),
    "block.scope": lambda value: Block(type="Product", ids="p1", reason="X", scope=value),
    "licence": lambda value: Licence(categories=value, holders={"Shop": "s0"}),
    "licence.holders": lambda value: Licence(categories="wine", holders=value),
    "licence.holder": lambda value: Licence(categories="wine", holders={"Shop": value}),
    "own_block": lambda value: OwnBlock(user=value, type="Brand", ids="b1"),
    "own_block.ids": lambda value: OwnBlock(user="u2", type="Brand", ids=value),
}
PARTS = {Block: "blocks", Licence: "licences", OwnBlock: "own_blocks"}


@pytest.mark.parametrize("wrong", ANY)
@pytest.mark.parametrize("rule", RULES)
def test_any_value_in_a_policy(market, rule, wrong):
    try:
        made = RULES[rule](HOSTILE[wrong])
        Recommender(market, policy=Policy(version="1", **{PARTS[type(made)]: [made]}))
    except GraphRecError as error:
        assert len(str(error)) < 2_000
        str(error).encode()


@pytest.mark.parametrize("field", Seen.model_fields)
@pytest.mark.parametrize("wrong", ANY)
def test_any_value_in_what_counts_as_seen(asking, field, wrong):
    try:
        rule = Seen(**{field: HOSTILE[wrong]})
    except GraphRecError:
        return
    ask(asking, "recommend", exclude_seen=rule)


@pytest.mark.parametrize(
    "condition",
    [
        {"min": float("nan")},
        {"max": float("nan")},
        [float("nan")],
        float("inf"),
        {"min": 5, "max": 1},
    ],
)
def test_a_rule_that_could_bar_nothing_is_refused(condition):
    with pytest.raises(PolicyError, match=r"numbers must be finite|'min' is above 'max'"):
        Block(type="Product", where={"price": condition}, reason="X")
    with pytest.raises(InvalidFilterError, match=r"numbers must be finite|'min' is above 'max'"):
        Filters(properties={"price": condition})


def deep_filters(depth):
    filters = {"ids": ["p1"]}
    for _ in range(depth):
        filters = {"exclude": filters}
    return filters


def test_filters_within_filters_end():
    Filters(**deep_filters(MOST_DEPTH))
    for depth in (MOST_DEPTH + 1, 100_000):
        with pytest.raises(InvalidFilterError, match=f"more than {MOST_DEPTH} others within them"):
            Filters(**deep_filters(depth))
    made = Filters(ids=["p1"])
    for _ in range(MOST_DEPTH):
        made = Filters(exclude=made)
    with pytest.raises(InvalidFilterError, match="others within them"):
        Filters(exclude=made)


@pytest.mark.parametrize("text", ["[" * 100_000, "{a=" * 100_000, "[[" + "a." * 100_000 + "a]]"])
def test_policies_that_are_nested_too_deeply(tmp_path, text):
    (tmp_path / "policy.toml").write_text(f'version = "1"\nblock = {text}')
    with pytest.raises(PolicyError, match=r"policy.toml"):
        read_policy(tmp_path / "policy.toml")


@pytest.mark.parametrize(
    ("ask_for", "message"),
    [
        (lambda r: r.products_for_user("u2", k=MOST_K + 1), "k is 1000001; expected a whole"),
        (lambda r: r.similar_products("p0", k=0), "k is 0; expected a whole number, 1 or more"),
        (lambda r: r.top_rows("User", np.zeros(1000, int), "Product", k=MOST_K), "results at once"),
        (
            lambda r: r.products_for_events([("VIEWED", "p1")] * (MOST_EVENTS + 1)),
            "10,001 events at once; expected at most 10,000; ask in several parts",
        ),
        (lambda r: r.products_for_user("u2", diversity=1.5), "diversity is 1.5; expected 0 to 1"),
        (lambda r: r.products_for_user("u2", k="3"), "k is '3'; expected a whole number"),
    ],
)
def test_limits_are_stated(asking, ask_for, message):
    with pytest.raises(QueryError, match=message):
        ask_for(asking)
    assert len(asking.products_for_user("u2", k=MOST_K)) == 4
    assert asking.products_for_events([("VIEWED", "p1")] * MOST_EVENTS)


WORDS = ["User:\udcff", "\udcff", "User:" + "x" * 100_000, "User:\x00", "User:u2\x1b[31m", "::", ""]
COMMANDS = {
    "recommend": lambda word: ["recommend", "BUNDLE", word],
    "recommend -f": lambda word: ["recommend", "BUNDLE", "User:u2", "-f", f"ids={word}"],
    "recommend -f title": lambda word: ["recommend", "BUNDLE", "User:u2", "-f", f"title={word}"],
    "recommend --exclude": lambda word: ["recommend", "BUNDLE", "User:u2", "--exclude", word],
    "recommend --brand": lambda word: ["recommend", "BUNDLE", "User:u2", "--brand", word],
    "recommend -e": lambda word: ["recommend", "BUNDLE", "-e", f"VIEWED:{word}"],
    "recommend -t": lambda word: ["recommend", "BUNDLE", "User:u2", "-t", word],
    "recommend --seen": lambda word: ["recommend", "BUNDLE", "User:u2", "--seen", word],
    "recommend --policy": lambda word: ["recommend", "BUNDLE", "User:u2", "--policy", word],
    "recommend -k": lambda word: ["recommend", "BUNDLE", "User:u2", "-k", f"9{word}"],
    "similar": lambda word: ["similar", "BUNDLE", word],
    "lookalike": lambda word: ["lookalike", "BUNDLE", word],
    "portfolio": lambda word: ["portfolio", "BUNDLE", word, "-k", "1"],
    "excluded": lambda word: ["excluded", "BUNDLE", word, "--policy", "policy.toml"],
}


@pytest.mark.parametrize("word", range(len(WORDS)))
@pytest.mark.parametrize("command", COMMANDS)
def test_any_word_on_the_command_line(market, tmp_path, monkeypatch, command, word):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "policy.toml").write_text('version = "1"\n')
    words = [
        str(market.folder) if one == "BUNDLE" else one for one in COMMANDS[command](WORDS[word])
    ]
    result = CliRunner().invoke(build_app(), words)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code in (0, 2, 3, 4, 8, 9)


@pytest.mark.parametrize("k", ["0", str(MOST_K + 1), str(10**30), "nan"])
def test_the_command_line_has_the_same_limits(market, k):
    for words in (["recommend", "User:u2"], ["similar", "Product:p0"], ["lookalike", "Brand:b0"]):
        name, node = words
        result = CliRunner().invoke(build_app(), [name, str(market.folder), node, "-k", k])
        assert result.exit_code == 2
